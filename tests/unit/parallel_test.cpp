// Claims through the store of a launch, by processes that are told what to do one step at a time. Where a rank is to be
// found dead the silence that says so is short, and nothing then depends on whether a living one is found dead, too.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/files.h"
#include "support/processes.h"

namespace sora {
namespace {

using test::Process;
using ::testing::HasSubstr;

const std::string kA(64, 'a'), kB(64, 'b'), kC(64, 'c');
constexpr int kLong = 600'000, kShort = 500;  // ms

int free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(probe, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size), 0);
  close(probe);
  return ntohs(address.sin_port);
}

struct Launch {
  int size = 3;
  int silence = kLong, join = kLong;
  std::string host = "rank";
  std::string address = "127.0.0.1";
  int port = free_port();
  std::vector<std::string> before = {};  // words in front of the command

  Process start(int rank) const {
    std::vector<std::string> argv = before;
    for (const std::string& word :
         {std::string(SORA_CLAIMS_PEER), std::string("rank"), std::to_string(rank), std::to_string(size), address,
          std::to_string(port), host, std::to_string(silence), std::to_string(join)}) {
      argv.push_back(word);
    }
    return Process(argv);
  }
};

void expect_joined(const Process& rank) {
  EXPECT_EQ(rank.reply(), "joining");
  EXPECT_EQ(rank.reply(), "joined");
}

std::vector<Process> start_all(const Launch& launch) {
  std::vector<Process> ranks;
  for (int rank = 0; rank < launch.size; ++rank) ranks.push_back(launch.start(rank));
  for (const Process& rank : ranks) expect_joined(rank);
  return ranks;
}

void expect_leaves(Process& rank) {
  EXPECT_EQ(rank.reply(), "left");
  EXPECT_EQ(rank.exit_code(), 0);
}

std::string lost(int rank, const Launch& launch, const std::string& reason) {
  return "warning: rank " + std::to_string(rank) + " of " + std::to_string(launch.size) +
         " has no connection to the queue at " + launch.address + ":" + std::to_string(launch.port) + " (" + reason +
         ") and goes on with the locks of the output folder alone";
}

TEST(StoreClaims, AJobIsOneRanks) {
  std::vector<Process> ranks = start_all({});
  EXPECT_EQ(ranks[1].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[0].ask("take " + kA), "no");
  EXPECT_EQ(ranks[2].ask("take " + kA), "no");
  EXPECT_EQ(ranks[2].ask("take " + kB), "yes");
  EXPECT_EQ(ranks[0].ask("take " + kC), "yes");
  EXPECT_EQ(ranks[1].ask("release " + kA), "yes");
  EXPECT_EQ(ranks[2].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[1].ask("take " + kA), "no");
}

TEST(StoreClaims, WaitsForARelease) {
  std::vector<Process> ranks = start_all({.size = 2});
  EXPECT_EQ(ranks[0].ask("take " + kA), "yes");
  ranks[1].send("wait " + kA);
  EXPECT_EQ(ranks[0].ask("release " + kA), "yes");
  EXPECT_EQ(ranks[1].reply(), "yes");
  EXPECT_EQ(ranks[0].ask("take " + kA), "no");
}

TEST(StoreClaims, AnotherDoesTheJobOfADeadRank) {
  std::vector<Process> ranks = start_all({.silence = kShort});
  EXPECT_EQ(ranks[1].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[2].ask("take " + kA), "no");
  ranks[1].signal(SIGKILL);
  EXPECT_EQ(ranks[2].ask("wait " + kA), "yes");
  EXPECT_EQ(ranks[2].ask("release " + kA), "yes");
  EXPECT_EQ(ranks[0].ask("wait " + kA), "yes");
  ranks[0].finish();
  ranks[2].finish();
  expect_leaves(ranks[0]);
  expect_leaves(ranks[2]);
}

TEST(StoreClaims, ADeadHostLeavesTheOthersTheirFolder) {
  const Launch launch;
  std::vector<Process> ranks = start_all(launch);
  EXPECT_EQ(ranks[0].ask("take " + kA), "yes");
  ranks[0].signal(SIGKILL);
  EXPECT_EQ(ranks[0].exit_code(), 128 + SIGKILL);
  EXPECT_EQ(ranks[1].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[1].ask("take " + kB), "yes");
  EXPECT_EQ(ranks[1].ask("release " + kA), "yes");
  ranks[1].finish();
  EXPECT_THAT(ranks[1].message(), HasSubstr("rank 1 of 3 has no connection to the queue at 127.0.0.1:"));
  EXPECT_EQ(ranks[1].message(), "(end)");  // said once
  expect_leaves(ranks[1]);
  ranks[2].finish();
  expect_leaves(ranks[2]);
}

TEST(StoreClaims, TheHostStaysUntilTheOthersAreDone) {
  std::vector<Process> ranks = start_all({});
  ranks[0].finish();
  EXPECT_EQ(ranks[0].message(), "info: rank 0 of 3 is done and waits for the others");
  EXPECT_EQ(ranks[1].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[2].ask("take " + kA), "no");
  ranks[1].finish();
  EXPECT_EQ(ranks[1].message(), "info: rank 1 of 3 is done and waits for the others");
  EXPECT_EQ(ranks[2].ask("take " + kA), "yes");  // which rank 1 had not released
  ranks[2].finish();
  for (Process& rank : ranks) expect_leaves(rank);
}

TEST(StoreClaims, ARankThatNeverCameIsNotWaitedForLonger) {
  const Launch launch{.join = kShort};
  Process first = launch.start(0), second = launch.start(1);
  expect_joined(first);
  expect_joined(second);
  first.finish();
  second.finish();
  expect_leaves(first);
  expect_leaves(second);
}

TEST(StoreClaims, GoesOnWithoutAStore) {
  const Launch launch{.size = 2, .join = kShort};
  Process rank = launch.start(1);
  expect_joined(rank);
  EXPECT_EQ(rank.message(), lost(1, launch, "no answer in 0.5 s"));
  EXPECT_EQ(rank.ask("take " + kA), "yes");
  rank.finish();
  expect_leaves(rank);
}

TEST(StoreClaims, APortInUseIsAnError) {
  const Launch launch{.size = 2};
  Process first = launch.start(0);
  expect_joined(first);
  Process second = launch.start(0);
  const std::string message = second.message();
  EXPECT_THAT(message, HasSubstr("error: rank 0 cannot host the queue of this launch at 127.0.0.1:" +
                                 std::to_string(launch.port) + ": The server socket has failed to listen"));
  EXPECT_THAT(message,
              HasSubstr("address already in use; MASTER_ADDR must name this machine and MASTER_PORT a free port "
                        "of it"));
  EXPECT_EQ(second.exit_code(), 2);
}

TEST(StoreClaims, ASignalEndsEveryWait) {
  std::vector<Process> ranks = start_all({.size = 2});
  EXPECT_EQ(ranks[0].ask("take " + kA), "yes");
  ranks[1].send("wait " + kA);
  ranks[1].signal(SIGTERM);
  EXPECT_EQ(ranks[1].exit_code(), 128 + SIGTERM);

  Process alone = Launch{.size = 2}.start(1);
  EXPECT_EQ(alone.reply(), "joining");
  alone.signal(SIGINT);
  EXPECT_EQ(alone.exit_code(), 128 + SIGINT);

  std::vector<Process> others = start_all({.size = 2});
  others[0].finish();
  EXPECT_EQ(others[0].message(), "info: rank 0 of 2 is done and waits for the others");
  others[0].signal(SIGTERM);
  EXPECT_EQ(others[0].reply(), "left");
}

// torchrun's agent starts all ranks again when one has died, with the same numbers and on the same store.
TEST(StoreClaims, RanksThatAreStartedAgainTakeOverWhatTheyHad) {
  const Launch launch{.size = 2, .silence = kShort, .host = "agent"};
  Process agent({SORA_CLAIMS_PEER, "serve", std::to_string(launch.port)});
  EXPECT_EQ(agent.reply(), "serving");
  for (int start = 0; start < 2; ++start) {
    std::vector<Process> ranks = start_all(launch);
    EXPECT_EQ(ranks[0].ask("wait " + kA), "yes");
    EXPECT_EQ(ranks[1].ask("wait " + kB), "yes");
    for (const Process& rank : ranks) rank.signal(SIGKILL);
  }
}

// Two network namespaces, joined by a cable: as far as TCP can tell, two machines.
class Machines : public ::testing::Test {
 protected:
  void SetUp() override {
    names_ = {name("a"), name("b")};
    if (!ip({"netns", "add", names_[0]})) GTEST_SKIP() << "needs iproute2 and the right to make network namespaces";
    made_ = true;
    ASSERT_TRUE(ip({"netns", "add", names_[1]}));
    if (!ip({"link", "add", "cable", "netns", names_[0], "type", "veth", "peer", "name", "cable", "netns",
             names_[1]})) {
      GTEST_SKIP() << "this kernel has no veth devices";
    }
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(ip({"-n", names_[i], "addr", "add", "10.77.0." + std::to_string(i + 1) + "/24", "dev", "cable"}));
      ASSERT_TRUE(ip({"-n", names_[i], "link", "set", "lo", "up"}));
      ASSERT_TRUE(ip({"-n", names_[i], "link", "set", "cable", "up"}));
    }
  }
  void TearDown() override {
    if (!made_) return;
    for (const std::string& machine : names_) ip({"netns", "del", machine});
  }

  static std::string name(const std::string& which) { return "sora-test-" + std::to_string(getpid()) + "-" + which; }
  static bool ip(std::vector<std::string> words) {
    words.insert(words.begin(), "ip");
    try {
      return test::run_program(words).exit_code == 0;
    } catch (const std::exception&) {
      return false;  // it is not installed
    }
  }

  /// Ranks 0 and 2 on the first machine, 1 and 3 on the second.
  Process start(Launch launch, int rank) const {
    launch.before = {"ip", "netns", "exec", names_[rank % 2]};
    return launch.start(rank);
  }
  std::vector<Process> start_all(const Launch& launch) const {
    std::vector<Process> ranks;
    for (int rank = 0; rank < launch.size; ++rank) ranks.push_back(start(launch, rank));
    for (const Process& rank : ranks) expect_joined(rank);
    return ranks;
  }

  std::vector<std::string> names_;

 private:
  bool made_ = false;
};

TEST_F(Machines, ShareOneQueue) {
  const Launch launch{.size = 4, .silence = kShort, .address = "10.77.0.1", .port = 29500};
  std::vector<Process> ranks = start_all(launch);
  EXPECT_EQ(ranks[3].ask("take " + kA), "yes");
  for (const int other : {0, 1, 2}) EXPECT_EQ(ranks[other].ask("take " + kA), "no");
  EXPECT_EQ(ranks[3].ask("release " + kA), "yes");
  EXPECT_EQ(ranks[1].ask("wait " + kA), "yes");
  ranks[1].signal(SIGKILL);
  EXPECT_EQ(ranks[2].ask("wait " + kA), "yes");
  for (const int rank : {0, 2, 3}) ranks[rank].finish();
  for (const int rank : {0, 2, 3}) expect_leaves(ranks[rank]);
}

// Nobody closes a connection when a cable is cut.
TEST_F(Machines, OneThatIsCutOffIsDeadForTheOther) {
  const Launch launch{.size = 2, .silence = kShort, .address = "10.77.0.1", .port = 29500};
  std::vector<Process> ranks = start_all(launch);
  EXPECT_EQ(ranks[1].ask("take " + kA), "yes");
  EXPECT_EQ(ranks[0].ask("take " + kA), "no");
  ASSERT_TRUE(ip({"-n", names_[0], "link", "set", "cable", "down"}));
  EXPECT_EQ(ranks[0].ask("wait " + kA), "yes");
  EXPECT_EQ(ranks[1].ask("take " + kB), "yes");
  EXPECT_EQ(ranks[1].message(), lost(1, launch, "no answer in 0.5 s"));
  for (Process& rank : ranks) rank.finish();
  for (Process& rank : ranks) expect_leaves(rank);
}

}  // namespace
}  // namespace sora

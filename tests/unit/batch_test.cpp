// Claims by locks on one file, and claims in two places.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cerrno>
#include <fstream>

#include "base/interrupt.h"
#include "batch/both_claims.h"
#include "batch/file_claims.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempDir;

const std::string kA(64, 'a'), kB(64, 'b');

// A process that runs `action`; its exit code is what that returns, or that of the Error it throws.
template <class Action>
pid_t start(Action&& action) {
  const pid_t child = fork();
  if (child != 0) return child;
  int code = 0;
  try {
    code = action();
  } catch (const Error& error) {
    code = exit_code(error.fault());
  }
  _exit(code);
}

int end_of(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct Pipe {
  Pipe() { EXPECT_EQ(pipe(ends), 0); }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  void tell() { EXPECT_EQ(write(ends[1], ".", 1), 1); }
  void await() {
    char byte = 0;
    EXPECT_EQ(read(ends[0], &byte, 1), 1);
  }
  int ends[2];
};

TEST(FileClaims, AJobIsOneHolders) {
  const TempDir dir;
  FileClaims one(dir.path()), other(dir.path());
  EXPECT_TRUE(one.take(kA, false));
  EXPECT_FALSE(other.take(kA, false));
  EXPECT_TRUE(other.take(kB, true));
  EXPECT_FALSE(one.take(kB, false));
  one.release(kA);
  EXPECT_TRUE(other.take(kA, false));
}

TEST(FileClaims, JobsThatDifferInTheFirst63BitsAreTold) {
  const TempDir dir;
  FileClaims one(dir.path()), other(dir.path());
  EXPECT_TRUE(one.take(std::string(64, 'f'), false));
  EXPECT_TRUE(other.take("fffffffffffffffc" + std::string(48, 'f'), false));
  EXPECT_TRUE(other.take(std::string(64, '0'), false));
  EXPECT_TRUE(one.take("0000000000000002" + std::string(48, '0'), false));
}

TEST(FileClaims, AKilledProcessLosesItsClaims) {
  const TempDir dir;
  FileClaims claims(dir.path());
  Pipe held;
  const pid_t child = start([&] {
    FileClaims own(dir.path());
    own.take(kA, true);
    held.tell();
    return pause();
  });
  held.await();
  EXPECT_FALSE(claims.take(kA, false));
  kill(child, SIGKILL);
  EXPECT_TRUE(claims.take(kA, true));
  EXPECT_EQ(end_of(child), 128 + SIGKILL);
}

TEST(FileClaims, ASignalEndsTheWait) {
  const TempDir dir;
  FileClaims claims(dir.path());
  ASSERT_TRUE(claims.take(kA, false));
  for (const int signal : {SIGINT, SIGTERM}) {
    Pipe begun;
    const pid_t child = start([&] {
      install_signal_handlers();
      FileClaims own(dir.path());
      begun.tell();
      own.take(kA, true);
      return 0;
    });
    begun.await();
    kill(child, signal);
    EXPECT_EQ(end_of(child), 128 + signal);
  }
}

// What the batch does: take, look whether it is done by now, do it, release.
int do_jobs(const fs::path& folder, int count) {
  FileClaims claims(folder);
  for (const bool wait : {false, true}) {
    for (int i = 0; i < count; ++i) {
      const std::string job = fmt::format("{:016x}", (i + 1) * 0x9e3779b97f4a7c15ull) + std::string(48, '0');
      if (!claims.take(job, wait)) continue;
      const fs::path done = folder / std::to_string(i);
      if (!fs::exists(done)) {
        usleep(500);
        const int file = open(done.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (file < 0) return 1;  // somebody did it at the same time
        close(file);
      }
      claims.release(job);
    }
  }
  return 0;
}

TEST(FileClaims, EightProcessesDoEachJobOnce) {
  const TempDir dir;
  constexpr int kJobs = 200;
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) children.push_back(start([&] { return do_jobs(dir.path(), kJobs); }));
  for (const pid_t child : children) EXPECT_EQ(end_of(child), 0);
  for (int i = 0; i < kJobs; ++i) EXPECT_TRUE(fs::exists(dir / std::to_string(i))) << i;
}

TEST(FileClaims, CreatesTheFolder) {
  const TempDir dir;
  FileClaims claims(dir / "some/where");
  EXPECT_TRUE(claims.take(kA, false));
  EXPECT_TRUE(fs::is_regular_file(dir / "some/where/.sora-gen/claims"));
}

TEST(FileClaims, LinksAndOtherThingsInTheWay) {
  const TempDir dir;
  const auto error = [&] { return error_of(Fault::output, [&] { FileClaims claims(dir.path()); }); };
  const std::string state = (dir / ".sora-gen").string();

  fs::create_directory(dir / "elsewhere");
  fs::create_symlink(dir / "elsewhere", dir / ".sora-gen");
  EXPECT_EQ(error(), state + ": is in the way, expected a folder (not a link to one); remove it");
  fs::remove(dir / ".sora-gen");
  test::write_file(dir / ".sora-gen", "");
  EXPECT_EQ(error(), state + ": is in the way, expected a folder (not a link to one); remove it");
  fs::remove(dir / ".sora-gen");
  fs::create_directory(dir / ".sora-gen");
  test::write_file(dir / "file", "");
  fs::create_symlink(dir / "file", dir / ".sora-gen/claims");
  EXPECT_EQ(error(), state + "/claims: is in the way, expected a file (not a link to one); remove it");
  fs::remove(dir / ".sora-gen/claims");
  fs::create_directory(dir / ".sora-gen/claims");
  EXPECT_EQ(error(), state + "/claims: is in the way, expected a file (not a link to one); remove it");
  fs::remove(dir / ".sora-gen/claims");
  ASSERT_EQ(mkfifo((dir / ".sora-gen/claims").c_str(), 0600), 0);
  EXPECT_EQ(error(), state + "/claims: is in the way, expected a file; remove it");

  EXPECT_EQ(error_of(Fault::output, [&] { FileClaims claims(dir / "file"); }),
            (dir / "file").string() + ": the folder cannot be created: Not a directory");
}

TEST(FileClaims, AFileThatWasReplacedProtectsNobody) {
  const TempDir dir;
  FileClaims claims(dir.path());
  EXPECT_TRUE(claims.take(kA, false));
  fs::remove(dir / ".sora-gen/claims");
  const std::string expected =
      (dir / ".sora-gen/claims").string() + ": was removed or replaced while processes work with it; start again";
  EXPECT_EQ(error_of(Fault::output, [&] { claims.take(kB, false); }), expected);
  test::write_file(dir / ".sora-gen/claims", "");
  EXPECT_EQ(error_of(Fault::output, [&] { claims.take(kB, false); }), expected);
}

TEST(FileClaims, WithoutLocksEveryClaimIsGrantedAndOnceSaid) {
  const TempDir dir;
  int calls = 0;
  FileClaims claims(dir.path(), [&](int, struct flock&) {
    ++calls;
    errno = ENOSYS;
    return -1;
  });
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(claims.take(kA, false));
  EXPECT_TRUE(claims.take(kB, true));
  claims.release(kA);
  EXPECT_EQ(calls, 1);
  const std::string said = ::testing::internal::GetCapturedStdout();
  EXPECT_THAT(said,
              ::testing::HasSubstr(
                  (dir / ".sora-gen/claims").string() +
                  ": this file system has no locks (Function not implemented): processes that are started on this "
                  "folder by themselves would do the same jobs; ranks under torchrun, srun or mpirun do not\n"));
}

TEST(FileClaims, OtherFailuresOfALockAreErrors) {
  const TempDir dir;
  FileClaims claims(dir.path(), [](int, struct flock&) {
    errno = EIO;
    return -1;
  });
  EXPECT_EQ(error_of(Fault::output, [&] { claims.take(kA, false); }),
            (dir / ".sora-gen/claims").string() + ": cannot be locked: Input/output error");
  EXPECT_EQ(error_of(Fault::bug, [&] { claims.take("abc", false); }), "a job's name is no SHA-256: abc");
}

class MockClaims : public Claims {
 public:
  MOCK_METHOD(bool, take, (const std::string& job, bool wait), (override));
  MOCK_METHOD(void, release, (const std::string& job), (override));
};

TEST(BothClaims, TakesBothOrNone) {
  using ::testing::InSequence;
  using ::testing::Return;
  using ::testing::Throw;
  auto first = std::make_unique<MockClaims>(), second = std::make_unique<MockClaims>();
  {
    const InSequence order;
    EXPECT_CALL(*first, take(kA, true)).WillOnce(Return(true));
    EXPECT_CALL(*second, take(kA, true)).WillOnce(Return(true));
    EXPECT_CALL(*second, release(kA));
    EXPECT_CALL(*first, release(kA));

    EXPECT_CALL(*first, take(kA, false)).WillOnce(Return(false));

    EXPECT_CALL(*first, take(kB, false)).WillOnce(Return(true));
    EXPECT_CALL(*second, take(kB, false)).WillOnce(Return(false));
    EXPECT_CALL(*first, release(kB));

    EXPECT_CALL(*first, take(kB, true)).WillOnce(Return(true));
    EXPECT_CALL(*second, take(kB, true)).WillOnce(Throw(Error(Fault::terminated, "stopped")));
    EXPECT_CALL(*first, release(kB));
  }
  BothClaims both(std::move(first), std::move(second));
  EXPECT_TRUE(both.take(kA, true));
  both.release(kA);
  EXPECT_FALSE(both.take(kA, false));
  EXPECT_FALSE(both.take(kB, false));
  EXPECT_EQ(error_of(Fault::terminated, [&] { both.take(kB, true); }), "stopped");
}

}  // namespace
}  // namespace sora

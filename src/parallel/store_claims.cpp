// Claims that the ranks of one launch share through its store, whatever their machines share besides.
#include "parallel/store_claims.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <random>
#include <thread>

#include "base/interrupt.h"
#include "base/text.h"

namespace sora {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Not deleted: the store answers a comparison with a missing key as if it had been equal.
constexpr const char* kFree = "free";

// The store of torchrun's agent outlives the processes that the agent starts again, and their ranks. A process is
// therefore known by a name that nobody had before.
std::string new_name(int rank) {
  std::random_device random;
  return fmt::format("{}-{:08x}{:08x}", rank, random(), random());
}

}  // namespace

StoreClaims::StoreClaims(const Group& group, const Patience& patience)
    : group_(group), patience_(patience), prefix_("sora-gen/" + group.run_id + "/"), me_(new_name(group.rank)) {
  try {
    link_ = StoreLink::connect(group_, patience_, key("beat", me_));
    const std::string member = key("member", std::to_string(group_.rank));
    std::string known = link_->get(member);
    while (known != me_) known = link_->compare_set(member, known, me_);
  } catch (const StoreLost& error) {
    lose(error);
  }
}

StoreClaims::~StoreClaims() {
  if (!link_) return;
  try {
    leave();
  } catch (const std::exception&) {
    // Interrupted, or the store ended with the rank that hosts it: there is nothing left to wait for.
    return;
  }
}

bool StoreClaims::take(const std::string& job, bool wait) {
  const std::string claim = key("claim", job);
  while (link_) {
    try {
      if (try_take(claim)) return true;
    } catch (const StoreLost& error) {
      lose(error);
      return true;
    }
    if (!wait) return false;
    pause();
  }
  return true;
}

bool StoreClaims::try_take(const std::string& claim) {
  std::string owner = link_->compare_set(claim, "", me_);
  if (owner != me_ && (owner == kFree || is_gone(owner))) owner = link_->compare_set(claim, owner, me_);
  if (owner != me_) return false;
  held_.insert(claim);
  return true;
}

void StoreClaims::release(const std::string& job) {
  const std::string claim = key("claim", job);
  if (held_.erase(claim) == 0 || !link_) return;
  try {
    link_->compare_set(claim, me_, kFree);
  } catch (const StoreLost& error) {
    lose(error);
  }
}

bool StoreClaims::is_gone(const std::string& process) {
  if (link_->add(key("left", process), 0) > 0) return true;
  const std::int64_t count = link_->add(key("beat", process), 0);
  const auto now = steady_clock::now();
  Pulse& pulse = pulses_.try_emplace(process, Pulse{count, now}).first->second;
  if (pulse.count != count) pulse = {count, now};
  return now - pulse.since >= patience_.silence;
}

bool StoreClaims::is_gone_from(int rank) {
  const std::string process = link_->get(key("member", std::to_string(rank)));
  if (process.empty()) return steady_clock::now() - start_ >= patience_.join;
  return is_gone(process);
}

// Rank 0 looks after everyone and the rest after rank 0, so that a large launch does not ask for every pair.
bool StoreClaims::others_are_gone() {
  if (group_.rank != 0) return is_gone_from(0);
  bool all = true;
  for (int rank = 1; rank < group_.size; ++rank) all = is_gone_from(rank) && all;
  return all;
}

void StoreClaims::leave() {
  for (const std::string& claim : held_) link_->compare_set(claim, me_, kFree);
  if (group_.rank != 0) link_->add(key("left", me_), 1);
  check_interrupted();
  if (!others_are_gone()) {
    spdlog::info("rank {} of {} is done and waits for the others", group_.rank, group_.size);
    while (!others_are_gone()) pause();
  }
  if (group_.rank == 0) link_->add(key("left", me_), 1);
}

void StoreClaims::lose(const StoreLost& error) {
  link_.reset();
  spdlog::warn(
      "rank {} of {} has no connection to the queue at {}:{} ({}) and goes on with the locks of the output folder "
      "alone",
      group_.rank, group_.size, printable(group_.address), group_.port, error.what());
}

void StoreClaims::pause() const {
  constexpr milliseconds kLongest{500};
  check_interrupted();
  std::this_thread::sleep_for(std::min(patience_.beat(), kLongest));
}

std::unique_ptr<Claims> join_group(const Group& group, const Patience& patience) {
  return std::make_unique<StoreClaims>(group, patience);
}

}  // namespace sora

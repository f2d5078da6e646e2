// Claims that the ranks of one launch share through its store, whatever their machines share besides.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "parallel/store_link.h"
#include "sora/claims.h"
#include "sora/group.h"

namespace sora {

/// Under `claim/JOB` the store has the name of the process whose job it is. Each process counts up `beat/NAME`; one
/// whose counter has stood still for `patience.silence` is dead, and its claims are taken over. Should it be alive
/// after all, a job is done twice and nothing worse.
///
/// A store that is lost is said once; from then on every claim is granted, which leaves the decision to the claims that
/// were taken before (see BothClaims).
class StoreClaims : public Claims {
 public:
  StoreClaims(const Group& group, const Patience& patience);
  /// Waits for the other ranks to be done or dead; see Engine::join.
  ~StoreClaims() override;

  bool take(const std::string& job, bool wait) override;
  void release(const std::string& job) override;

 private:
  struct Pulse {
    std::int64_t count;
    std::chrono::steady_clock::time_point since;  // when the counter was seen to move
  };

  std::string key(const std::string& what, const std::string& of) const { return prefix_ + what + "/" + of; }
  bool try_take(const std::string& claim);
  bool is_gone(const std::string& process);
  bool is_gone_from(int rank);
  bool others_are_gone();
  void leave();
  void lose(const StoreLost& error);
  void pause() const;

  Group group_;
  Patience patience_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::string prefix_, me_;
  std::set<std::string> held_;  // keys of our claims
  std::map<std::string, Pulse> pulses_;
  std::unique_ptr<StoreLink> link_;  // null when the store is lost
};

std::unique_ptr<Claims> join_group(const Group& group, const Patience& patience = {});

}  // namespace sora

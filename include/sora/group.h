// The processes of one launch by torchrun, srun or mpirun.
#pragma once

#include <cstdint>
#include <string>

namespace sora {

struct Group {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< rank among those on the same machine
  /// Where the launch's store (c10d's TCPStore) answers: on rank 0, or on torchrun's agent.
  std::string address;
  std::uint16_t port = 0;
  bool agent_hosts_store = false;
  std::string run_id;  ///< keeps launches apart that reach the same store; may be empty

  bool hosts_store() const { return rank == 0 && !agent_hosts_store; }
};

}  // namespace sora

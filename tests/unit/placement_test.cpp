// Which GPU a rank has.
#include "cli/placement.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace sora {
namespace {

using test::error_of;

Group rank(int local_rank) { return {.rank = 8 + local_rank, .size = 16, .local_rank = local_rank}; }

TEST(GpuOfRank, IsTheOneOfItsNumberOnTheMachine) {
  EXPECT_EQ(gpu_of_rank(rank(0), nullptr, 8), 0);
  EXPECT_EQ(gpu_of_rank(rank(7), nullptr, 8), 7);
  EXPECT_EQ(gpu_of_rank(rank(7), nullptr, std::nullopt), 7);
  EXPECT_EQ(gpu_of_rank(rank(1), "4,5", 8), 1);  // CUDA counts what it sees
}

TEST(GpuOfRank, ALauncherThatShowsEachRankOneHasChosen) {
  EXPECT_EQ(gpu_of_rank(rank(3), "3", 8), 0);
  EXPECT_EQ(gpu_of_rank(rank(3), "GPU-b58f1b0c", 8), 0);
}

TEST(GpuOfRank, MoreRanksThanGpus) {
  EXPECT_EQ(error_of(Fault::usage, [] { gpu_of_rank(rank(2), nullptr, 2); }),
            "rank 10 has the local rank 2, but this machine has 2 GPUs: start at most as many ranks a machine, or give "
            "--device");
  EXPECT_EQ(error_of(Fault::usage, [] { gpu_of_rank(rank(2), "0,1", 8); }),
            "rank 10 has the local rank 2, but CUDA_VISIBLE_DEVICES shows 2 GPUs: start at most as many ranks a "
            "machine, or give --device");
  EXPECT_EQ(
      error_of(Fault::usage, [] { gpu_of_rank(rank(0), "", 8); }),
      "rank 8 has the local rank 0, but CUDA_VISIBLE_DEVICES shows 0 GPUs: start at most as many ranks a machine, "
      "or give --device");
}

}  // namespace
}  // namespace sora

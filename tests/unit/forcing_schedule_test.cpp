// The staircase of diffusion forcing against SkyReelsV2DiffusionForcingPipeline.generate_timestep_matrix.
#include "render/forcing_schedule.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace sora {
namespace {

TEST(ForcingSchedule, IsTheReferences) {
  const auto tables = test::read_tensors(test::data("tables.safetensors"));
  int compared = 0;
  for (const auto& [name, levels] : tables) {
    int frames = 0, known = 0, steps = 0;
    Forcing forcing;
    const int found = std::sscanf(name.c_str(), "staircase.f%d.known%d.block%d.ar%d.n%d.levels", &frames, &known,
                                  &forcing.block, &forcing.ar_step, &steps);
    if (found != 5 || !name.ends_with("levels")) continue;
    const at::Tensor moves = tables.at(name.substr(0, name.size() - 6) + "moves");
    const std::vector<ForcingRow> rows = forcing_rows(frames, steps, forcing, known);
    ASSERT_EQ(static_cast<std::int64_t>(rows.size()), levels.size(0)) << name;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto call = static_cast<std::int64_t>(i);
      for (int t = 0; t < frames; ++t) {
        const auto frame = static_cast<std::size_t>(t);
        EXPECT_EQ(rows[i].steps[frame], levels[call][t].item<int>() - 1) << name << ", call " << i << ", frame " << t;
        EXPECT_EQ(rows[i].moves[frame], moves[call][t].item<bool>()) << name << ", call " << i << ", frame " << t;
      }
    }
    ++compared;
  }
  EXPECT_EQ(compared, 7);
}

TEST(ForcingSchedule, KnownFramesStayEvenWhereTheyFillNoBlock) {
  for (const ForcingRow& row : forcing_rows(6, 4, {.block = 2, .ar_step = 2}, 3)) {
    for (std::size_t t = 0; t < 3; ++t) {
      EXPECT_EQ(row.steps[t], 4);
      EXPECT_FALSE(row.moves[t]);
    }
  }
}

TEST(ForcingSchedule, EveryFrameMakesEveryStepOnceAndInOrder) {
  std::vector<int> next(9, 0);
  for (const ForcingRow& row : forcing_rows(9, 5, {.block = 3, .ar_step = 2}, 0)) {
    for (std::size_t t = 0; t < next.size(); ++t) {
      if (!row.moves[t]) continue;
      EXPECT_EQ(row.steps[t], next[t]);
      ++next[t];
    }
  }
  EXPECT_EQ(next, std::vector<int>(9, 5));
}

TEST(ForcingSchedule, NeedsWholeBlocks) {
  EXPECT_EQ(test::error_of(Fault::bug, [] { forcing_rows(5, 4, {.block = 2}, 0); }), "5 latent frames in blocks of 2");
}

}  // namespace
}  // namespace sora

// The file in which times of renders are kept.
#include "cli/render_times.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::ScopedEnv;
using test::TempDir;

TEST(TimingsFile, LiesInTheCache) {
  const ScopedEnv home("HOME", "/home/me");
  {
    const ScopedEnv cache("XDG_CACHE_HOME", "/fast/cache");
    EXPECT_EQ(timings_file(), "/fast/cache/sora-gen/timings.json");
  }
  // By the XDG specification a path that is not whole is none.
  for (const char* none : {static_cast<const char*>(nullptr), "", "relative"}) {
    const ScopedEnv cache("XDG_CACHE_HOME", none);
    EXPECT_EQ(timings_file(), "/home/me/.cache/sora-gen/timings.json");
    const ScopedEnv no_home("HOME", none);
    EXPECT_EQ(timings_file(), "");
  }
}

TEST(TimingsFile, IsReadBack) {
  const TempDir folder;
  const fs::path file = folder / "deep/er/timings.json";
  Timings timings;
  for (const double value : {1.5, 0.1, 1e-9}) timings.add("b", value);
  timings.add("a", 0);
  timings.add("\xff", 3);  // what JSON cannot hold
  write_timings(file, timings);
  const Timings again = read_timings(file);
  ASSERT_EQ(again.entries().size(), 3u);
  EXPECT_EQ(again.entries()[0], timings.entries()[0]);
  EXPECT_EQ(again.entries()[1], timings.entries()[1]);
  timings.add("c", 5);
  write_timings(file, timings);
  EXPECT_EQ(read_timings(file).find("c"), 5);
}

TEST(TimingsFile, ThatIsMissingOrBrokenIsEmpty) {
  const TempDir folder;
  const fs::path file = folder / "timings.json";
  EXPECT_THAT(read_timings(""), testing::Property(&Timings::entries, testing::IsEmpty()));
  EXPECT_THAT(read_timings(file), testing::Property(&Timings::entries, testing::IsEmpty()));
  EXPECT_THAT(read_timings(folder.path()), testing::Property(&Timings::entries, testing::IsEmpty()));
  for (const std::string text :
       {"", "{", "[]", "null", "{}", R"({"version": 2, "timings": [{"name": "a", "values": [1]}]})",
        R"({"version": 1})", R"({"version": 1, "timings": 7})", R"({"version": "1", "timings": []})",
        R"({"version": 1, "timings": [{"values": [1]}]})", R"({"version": 1, "timings": [{"name": 1, "values": [1]}]})",
        R"({"version": 1, "timings": [{"name": "a", "values": "x"}]})",
        R"({"version": 1, "timings": [{"name": "a", "values": [-1, 1e999]}]})"}) {
    test::write_file(file, text);
    EXPECT_THAT(read_timings(file), testing::Property(&Timings::entries, testing::IsEmpty())) << text;
  }
}

TEST(TimingsFile, ThatCannotBeWrittenIsNoError) {
  const TempDir folder;
  Timings timings;
  timings.add("a", 1);
  write_timings("", timings);
  test::write_file(folder / "file", "");
  write_timings(folder / "file/timings.json", timings);
  fs::create_directory(folder / "timings.json");
  write_timings(folder / "timings.json", timings);
  EXPECT_TRUE(fs::is_directory(folder / "timings.json"));
}

class TimesOfRenders : public testing::Test {
 protected:
  TimesOfRenders() {
    fs::copy(test::data("models/wan21_t2v"), model_, fs::copy_options::recursive);
    result_.seconds.decode = 4;
    plan_.output.path = "null:";
    plan_.size = {64, 64};
    plan_.windows.resize(1);
    plan_.cost.decode_flop = 1e12;
  }
  std::optional<double> known(const Placement& placement) const {
    return RenderTimes(Checkpoint(model_), placement).estimate(plan_).decode;
  }

  TempDir folder_;
  fs::path model_ = folder_ / "model";
  ScopedEnv cache_{"XDG_CACHE_HOME", folder_.path().c_str()};
  Plan plan_;
  JobResult result_;
};

TEST_F(TimesOfRenders, AreThoseOfOnePlaceAndCheckpoint) {
  const Placement placement{.threads = 1};
  EXPECT_EQ(known(placement), std::nullopt);
  RenderTimes(Checkpoint(model_), placement).learn(plan_, result_);
  EXPECT_EQ(known(placement), 4);
  EXPECT_EQ(known({.threads = 2}), std::nullopt);
  EXPECT_EQ(known({.dtype = Dtype::bf16, .threads = 1}), std::nullopt);
  const fs::path weights = model_ / "vae/diffusion_pytorch_model.safetensors";
  fs::last_write_time(weights, fs::last_write_time(weights) + std::chrono::seconds(1));
  EXPECT_EQ(known(placement), std::nullopt);
}

TEST_F(TimesOfRenders, LeaveNoFileWhereNothingWasMeasured) {
  RenderTimes(Checkpoint(model_), {}).learn(plan_, {});
  EXPECT_FALSE(fs::exists(folder_ / "sora-gen"));
}

}  // namespace
}  // namespace sora

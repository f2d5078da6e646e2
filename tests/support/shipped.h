// Renders with the shipped checkpoint, and what came out of them.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/clips.h"
#include "support/files.h"
#include "support/program.h"
#include "support/video_reader.h"

namespace sora::test {

inline Words operator+(Words a, const Words& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// Runs in a folder of its own, where all names are relative. One thread: tests run beside each other.
class Shipped : public testing::Test {
 protected:
  /// Few steps of small pictures, unless `words` say otherwise.
  RunResult render(Words words, const std::string& size = "64x64") const {
    const Words usual{"--prompt",         "a red ball over a green meadow",
                      "--threads",        "1",
                      "--steps",          "2",
                      "--size",           size,
                      "--guidance-scale", "1",
                      "--seed",           "1"};
    for (std::size_t i = 0; i < usual.size(); i += 2) {
      const bool given = std::find(words.begin(), words.end(), usual[i]) != words.end();
      if (!given) words.insert(words.end(), {usual[i], usual[i + 1]});
    }
    return run(words, {.env = {{"XDG_CACHE_HOME", cache_.path()}}, .working_directory = folder_.path()});
  }

  /// Renders PNGs into the folder `name`, and reads them.
  std::vector<Rgb> frames(const std::string& name, const Words& words, const std::string& size = "64x64") const {
    const RunResult result = render(words + Words{"-o", name + "/%03d.png"}, size);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return pngs(name);
  }

  std::vector<Rgb> pngs(const std::string& name) const {
    std::vector<Rgb> all;
    for (int i = 1;; ++i) {
      const auto path = folder_ / name / (std::to_string(1000 + i).substr(1) + ".png");
      if (!std::filesystem::exists(path)) return all;
      all.push_back(read_video(path).frames.at(0));
    }
  }

  nlohmann::json result(const Words& words, const std::string& size = "64x64") const {
    const RunResult run = render(words + Words{"--json"}, size);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return nlohmann::json::parse(run.out);
  }

  TempDir folder_, cache_;
};

}  // namespace sora::test

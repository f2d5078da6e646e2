// Marks raw RGB video, and looks for the mark: what tests/bench/watermark.py measures.
//   watermark_tool embed KEY ID WIDTH HEIGHT FPS < rgb24 > rgb24      KEY: any text, ID: hexadecimal digits
//   watermark_tool detect KEY[,KEY...] WIDTH HEIGHT FPS [aligned|shifted|resized|every-scale] < rgb24 > JSON
//   watermark_tool trials KEYS WIDTH HEIGHT FPS < rgb24 > JSON lines  the search for each of KEYS keys on its own
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "sora/error.h"
#include "watermark/detector.h"
#include "watermark/embedder.h"

namespace {

using sora::Detection;
using sora::WatermarkKey;

WatermarkKey key_of(const std::string& text) {
  WatermarkKey key;
  for (std::size_t i = 0; i < text.size(); ++i) key.bytes[i % key.bytes.size()] ^= static_cast<std::uint8_t>(text[i]);
  return key;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts(1);
  for (const char letter : text) {
    if (letter == ',') {
      parts.emplace_back();
    } else {
      parts.back() += letter;
    }
  }
  return parts;
}

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

bool read_frame(std::vector<std::uint8_t>& frame) { return std::fread(frame.data(), frame.size(), 1, stdin) == 1; }

int embed(const std::vector<std::string>& args) {
  const int width = std::stoi(args.at(3)), height = std::stoi(args.at(4));
  const sora::Embedder embedder(key_of(args.at(1)), std::stoull(args.at(2), nullptr, 16), width, height,
                                std::stod(args.at(5)));
  std::vector<std::uint8_t> frame(static_cast<std::size_t>(width) * height * 3);
  double spent = 0;
  int frames = 0;
  for (; read_frame(frame); ++frames) {
    const auto start = std::chrono::steady_clock::now();
    embedder.embed(frame, frames);
    spent += milliseconds_since(start);
    sora::require(std::fwrite(frame.data(), frame.size(), 1, stdout) == 1, sora::Fault::output, "cannot write a frame");
  }
  fmt::print(stderr, "{{\"frames\": {}, \"ms_per_frame\": {:.3f}}}\n", frames, spent / std::max(frames, 1));
  return 0;
}

std::string json_of(const Detection& found) {
  return fmt::format(
      "\"key\": {}, \"found\": {}, \"score\": {:.2f}, \"log10_chance\": {:.1f}, \"aligned\": {}, \"mirrored\": {}, "
      "\"scale\": [{:.5f}, {:.5f}], \"shift\": [{}, {}], \"id\": {}",
      found.key, found.found(), found.score, found.log10_chance, found.aligned, found.mirrored, found.scale_x,
      found.scale_y, found.shift_x, found.shift_y, found.id ? fmt::format("\"{:012x}\"", *found.id) : "null");
}

sora::WatermarkSearch search_of(const std::string& name) {
  if (name == "aligned") return sora::WatermarkSearch::aligned;
  if (name == "shifted") return sora::WatermarkSearch::shifted;
  if (name == "resized") return sora::WatermarkSearch::resized;
  sora::require(name == "every-scale", sora::Fault::usage, "unknown search {}", name);
  return sora::WatermarkSearch::every_scale;
}

// Each of `keys` is looked for on its own.
int detect(const std::vector<std::vector<WatermarkKey>>& keys, const std::vector<std::string>& args) {
  const int width = std::stoi(args.at(2)), height = std::stoi(args.at(3));
  const double fps = std::stod(args.at(4));
  const auto search = search_of(args.size() > 5 ? args[5] : "every-scale");
  sora::Detector detector;
  std::vector<std::uint8_t> frame(static_cast<std::size_t>(width) * height * 3);
  double adding = 0;
  int frames = 0;
  for (; read_frame(frame); ++frames) {
    const auto start = std::chrono::steady_clock::now();
    detector.add(frame, width, height, frames / fps);
    adding += milliseconds_since(start);
  }
  for (const std::vector<WatermarkKey>& some : keys) {
    const auto start = std::chrono::steady_clock::now();
    const Detection found = detector.find(some, search);
    fmt::print("{{{}, \"frames\": {}, \"ms_per_frame\": {:.3f}, \"search_ms\": {:.0f}}}\n", json_of(found), frames,
               adding / std::max(frames, 1), milliseconds_since(start));
  }
  return 0;
}

int run(const std::vector<std::string>& args) {
  if (args.at(0) == "embed") return embed(args);
  std::vector<std::vector<WatermarkKey>> keys;
  if (args.at(0) == "trials") {
    for (int i = 0; i < std::stoi(args.at(1)); ++i) keys.push_back({key_of(fmt::format("trial {}", i))});
  } else {
    keys.emplace_back();
    for (const std::string& text : split(args.at(1))) keys.back().push_back(key_of(text));
  }
  return detect(keys, args);
}

}  // namespace

int main(int argc, char** argv) try { return run({argv + 1, argv + argc}); } catch (const std::exception& error) {
  fmt::print(stderr, "watermark_tool: {}\n", error.what());
  return 1;
}

// Films that tests write into sinks.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "media/sinks.h"

namespace sora::test {

/// A film of `count` frames in memory.
struct Film {
  PixelSize size;
  int count = 0;
  std::vector<std::uint8_t> rgb;

  Film(PixelSize size_, int count_) : size(size_), count(count_), rgb(frame_bytes() * count_) {}
  std::size_t frame_bytes() const { return std::size_t{3} * size.width * size.height; }
  Frames frames(int first, int n) const {
    return {n, size.height, size.width, std::span(rgb).subspan(first * frame_bytes(), n * frame_bytes())};
  }
  Frames all() const { return frames(0, count); }
};

// A textured picture that moves, ever faster: what makes an encoder search.
inline Film moving_film(PixelSize size, int count) {
  Film film(size, count);
  std::mt19937 random(1);
  std::size_t i = 0;
  for (int t = 0; t < count; ++t) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const double wave = 60 * std::sin(0.2 * x + 0.05 * t) + 50 * std::sin(0.3 * (y + 0.3 * t * t));
        for (int c = 0; c < 3; ++c) film.rgb[i++] = static_cast<std::uint8_t>(128 + wave + c * 3 + random() % 8);
      }
    }
  }
  return film;
}

inline Film noise(PixelSize size, int count) {
  Film film(size, count);
  std::mt19937 random(2);
  for (std::uint8_t& value : film.rgb) value = static_cast<std::uint8_t>(random());
  return film;
}

inline std::string write_film(const Film& film, const OutputOptions& options, const Rational& fps = {24, 1},
                              const FileOps& ops = {}, int at_once = 4) {
  const OpenedSink output = open_sink(options, film.size, fps, film.count, ops);
  for (int i = 0; i < film.count; i += at_once) output.sink->write(film.frames(i, std::min(at_once, film.count - i)));
  output.sink->finish();
  return output.md5();
}

inline std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace sora::test

// Why the bound on chance holds, for every video and without any assumption about pictures:
//
//   The signs of a key's pilot come from HMAC-SHA256, so to whatever was made without the key they are n independent
//   fair coins s. A hypothesis says where the pattern lies (shift, scale, mirror, phase of the flips) and which bins
//   are counted. Given it, the detector has a vector x of n numbers that it computed from the video alone: neither the
//   spectrum, nor its normalisation, nor the choice of bins looks at a sign. The score is z = Σ sᵢxᵢ / ‖x‖. By
//   Hoeffding's inequality P(z ≥ t) ≤ exp(-t²/2), over the draw of the key, whatever x is.
//
//   Of M hypotheses the best reaches t with a chance of at most M · exp(-t²/2), however they depend on each other. They
//   are tried in steps; step j has Mⱼ of them for each key and gets the share wⱼ of the chance, Σ wⱼ = 1. With K keys
//   chance = K · Mⱼ / wⱼ · exp(-t²/2), and P(chance ≤ α) ≤ Σⱼ K · Mⱼ · (wⱼ · α / (K · Mⱼ)) = α. To stop after a step
//   that has found something only leaves hypotheses out.
//
//   Only the score of the search is so bounded. What follows, the finer fit before the payload is read, changes no
//   score; a payload that is wrong passes its CRC once in 65536 times.
#include "watermark/detector.h"

#include <algorithm>
#include <cmath>

#include "sora/error.h"
#include "watermark/search.h"

namespace sora {
namespace {

constexpr double kLeastScale = 0.45, kMostScale = 2.2;

struct Step {
  WatermarkSearch search;
  double share;
};
constexpr std::array<Step, 4> kSteps{{{WatermarkSearch::aligned, 0.5},
                                      {WatermarkSearch::shifted, 0.25},
                                      {WatermarkSearch::resized, 0.125},
                                      {WatermarkSearch::every_scale, 0.125}}};

// At this ratio between neighbours the shortest waves are out of step by a fifth of their length at the edges, if the
// true scale lies in the middle.
double scale_step(const FoldedVideo& video, double scale) {
  const double edge = std::max(video.area.width, video.area.height) * video.area.pixels / scale;
  return 1 + 0.8 * kTile / (kHighestRing * edge);
}

std::vector<Geometry> geometries(const FoldedVideo& video, WatermarkSearch search) {
  std::vector<Geometry> all;
  if (search == WatermarkSearch::aligned || search == WatermarkSearch::shifted) all = {Geometry{}};
  if (search == WatermarkSearch::resized) all = {{0.5, 0.5}, {2, 2}, {.mirrored = true}};
  if (search != WatermarkSearch::every_scale) return all;
  for (double scale = kLeastScale; scale <= kMostScale; scale *= scale_step(video, scale)) {
    all.push_back({scale, scale, false});
    all.push_back({scale, scale, true});
  }
  return all;
}

Spectrum spectrum_at(const FoldedVideo& video, const Geometry& geometry) {
  const Spectrum spectrum = Spectrum::of(video, geometry.scale_x, geometry.scale_y);
  return geometry.mirrored ? spectrum.mirrored() : spectrum;
}

struct Candidate {
  std::size_t key = 0;
  Geometry geometry;
  Fit fit;
  double log10_chance = 0;
  bool aligned = false;
};

Candidate look(const FoldedVideo& video, const std::vector<PilotSearch>& keys, WatermarkSearch search) {
  Candidate best;
  for (const Step& step : kSteps) {
    if (step.search > search || best.log10_chance <= Detection::kMostLog10Chance) break;
    const bool aligned = step.search == WatermarkSearch::aligned;
    const std::vector<Geometry> tried = geometries(video, step.search);
    const double hypotheses = (aligned ? PilotSearch::kAlignedHypotheses : PilotSearch::kHypotheses) *
                              static_cast<double>(tried.size() * keys.size());
    for (const Geometry& geometry : tried) {
      const Spectrum spectrum = spectrum_at(video, geometry);
      for (std::size_t key = 0; key < keys.size(); ++key) {
        const Fit fit = aligned ? keys[key].aligned(spectrum) : keys[key].best(spectrum);
        const double exponent = std::max(fit.score, 0.0) * std::max(fit.score, 0.0) / 2;
        const double chance = std::min(0.0, std::log10(hypotheses / step.share) - exponent / std::log(10.0));
        if (chance < best.log10_chance || (chance == best.log10_chance && fit.score > best.fit.score)) {
          best = {key, geometry, fit, chance, aligned};
        }
      }
    }
  }
  return best;
}

// Scales and shifts between those of the search, until the pilot fits best; then the payload.
std::optional<std::uint64_t> read_id(const FoldedVideo& video, const PilotSearch& key, Candidate& candidate) {
  Spectrum spectrum = spectrum_at(video, candidate.geometry);
  Fit fit = candidate.fit;
  if (!candidate.aligned) {
    const Geometry middle = candidate.geometry;
    const double quarter = (scale_step(video, std::min(middle.scale_x, middle.scale_y)) - 1) / 4;
    // What fits noise a little better is no better geometry.
    double to_beat = fit.score + 0.25;
    for (int y = -2; y <= 2; ++y) {
      for (int x = -2; x <= 2; ++x) {
        const Geometry geometry{middle.scale_x * (1 + x * quarter), middle.scale_y * (1 + y * quarter),
                                middle.mirrored};
        const Spectrum other = spectrum_at(video, geometry);
        const Fit found = key.best(other);
        if (found.score <= to_beat) continue;
        to_beat = found.score;
        spectrum = other;
        fit = found;
        candidate.geometry = geometry;
      }
    }
  }
  key.refine(spectrum, fit);
  candidate.fit = fit;
  return decode_id(key.soft_bits(spectrum, fit));
}

}  // namespace

void Detector::add(std::span<const std::uint8_t> rgb, int width, int height, double seconds) {
  require(width >= 16 && height >= 16 && width <= 8192 && height <= 8192, Fault::input,
          "a watermark is looked for in pictures of 16x16 to 8192x8192, not {}x{}", width, height);
  require(rgb.size() == static_cast<std::size_t>(width) * height * 3 && seconds >= 0 && std::isfinite(seconds),
          Fault::bug, "a frame of {} bytes at {} s for {}x{}", rgb.size(), seconds, width, height);
  if (!filter_) {
    filter_.emplace(width, height);
    width_ = width;
    height_ = height;
    for (auto& sum : sums_) sum.resize(static_cast<std::size_t>(filter_->area().width) * filter_->area().height);
  }
  require(width == width_ && height == height_, Fault::input,
          "the picture changes its size from {}x{} to {}x{} at {:.3f} s; a watermark is looked for in one size", width_,
          height_, width, height, seconds);
  const double bin = std::floor((seconds + 1e-6) * kTimeBins / (2 * kFlipSeconds));
  filter_->add_to(sums_[static_cast<std::size_t>(std::fmod(bin, kTimeBins))], rgb);
}

Detection Detector::find(const std::vector<WatermarkKey>& keys, WatermarkSearch search) const {
  Detection detection;
  if (!filter_ || keys.empty()) return detection;
  std::vector<PilotSearch> searches;
  for (const WatermarkKey& key : keys) searches.emplace_back(key);
  const FoldedVideo video = FoldedVideo::of(filter_->area(), sums_);
  Candidate candidate = look(video, searches, search);
  detection.key = candidate.key;
  detection.score = candidate.fit.score;
  detection.log10_chance = candidate.log10_chance;
  if (detection.found()) detection.id = read_id(video, searches[candidate.key], candidate);
  detection.aligned = candidate.aligned;
  detection.mirrored = candidate.geometry.mirrored;
  detection.scale_x = candidate.geometry.scale_x;
  detection.scale_y = candidate.geometry.scale_y;
  detection.shift_x = candidate.fit.shift_x;
  detection.shift_y = candidate.fit.shift_y;
  return detection;
}

}  // namespace sora

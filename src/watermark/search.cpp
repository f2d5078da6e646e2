#include "watermark/search.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sora {
namespace {

constexpr double kTurn = 2 * std::numbers::pi / kTile;

// e^(-i · turn · frequency · position) for positions of samples in the tile of the marked picture.
Tensor waves(double first, double step, int samples, int low, int high) {
  const auto options = at::TensorOptions(at::kDouble);
  const Tensor positions = at::arange(samples, options) * step + first;
  const Tensor angles = at::arange(low, high + 1, options).unsqueeze(1) * positions.unsqueeze(0) * -kTurn;
  return at::complex(angles.cos(), angles.sin()).to(at::kComplexFloat);  // [frequencies, samples]
}

double energy(const std::vector<std::complex<float>>& values, const std::vector<PatternBin>& pattern, bool flips) {
  double sum = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i].pilot && pattern[i].flips == flips) sum += std::norm(values[i]);
  }
  return sum;
}

// Nothing to go by is no evidence.
float inverse_root(double energy) { return energy > 0 ? static_cast<float>(1 / std::sqrt(energy)) : 0; }

}  // namespace

FoldedVideo FoldedVideo::of(const WorkArea& area, const ResidualSums& sums) {
  std::vector<Tensor> bins;
  for (const std::vector<float>& sum : sums) {
    // Only read, by stack().
    bins.push_back(at::from_blob(const_cast<float*>(sum.data()), {area.height, area.width}));
  }
  const Tensor all = at::stack(bins);  // [kTimeBins, H, W]
  Tensor signs = at::ones({kPictures, kTimeBins});
  for (int phase = 0; phase < kPhases; ++phase) {
    for (int bin = 0; bin < kTimeBins; ++bin) {
      if ((bin + phase) % kTimeBins >= kTimeBins / 2) signs[1 + phase][bin] = -1;
    }
  }
  return {area, at::matmul(signs, all.flatten(1)).view({kPictures, area.height, area.width})};
}

Spectrum Spectrum::of(const FoldedVideo& video, double scale_x, double scale_y) {
  const WorkArea& area = video.area;
  // The centre of sample i lies at this pixel of the marked picture, whose pixel 0 has its centre at 0.
  const auto first = [&](int origin, double scale) { return (origin + area.pixels / 2.0) / scale - 0.5; };
  const Tensor across = waves(first(area.left, scale_x), area.pixels / scale_x, area.width, 1, kHighestRing);
  const Tensor down = waves(first(area.top, scale_y), area.pixels / scale_y, area.height, -kHighestRing, kHighestRing);
  const Tensor rows = at::complex(at::matmul(video.pictures, at::real(across).t().contiguous()),
                                  at::matmul(video.pictures, at::imag(across).t().contiguous()));  // [P, H, 17]
  const Tensor all = at::matmul(down, rows).contiguous();                                          // [P, 35, 17]
  const auto* const values = reinterpret_cast<const std::complex<float>*>(all.const_data_ptr<c10::complex<float>>());

  static const std::vector<PatternBin> bins = watermark_bins();
  Spectrum spectrum;
  for (int picture = 0; picture < kPictures; ++picture) {
    std::vector<std::complex<float>>& own = spectrum.at[picture];
    std::array<std::vector<float>, kHighestRing + 1> sizes;
    for (const PatternBin& bin : bins) {
      own.push_back(values[(picture * (2 * kHighestRing + 1) + bin.y + kHighestRing) * kHighestRing + bin.x - 1]);
      sizes[bin.ring].push_back(std::abs(own.back()));
    }
    for (std::vector<float>& ring : sizes) {
      if (!ring.empty()) std::nth_element(ring.begin(), ring.begin() + ring.size() / 2, ring.end());
    }
    for (std::size_t i = 0; i < bins.size(); ++i) {
      const std::vector<float>& ring = sizes[bins[i].ring];
      own[i] /= std::max({std::abs(own[i]), ring[ring.size() / 2], 1e-9F});
    }
  }
  return spectrum;
}

Spectrum Spectrum::mirrored() const {
  static const std::vector<PatternBin> bins = watermark_bins();
  // A mirrored picture has the coefficient (y, -x), and of real pictures that is the conjugate of (-y, x).
  static const std::vector<std::size_t> partner = [] {
    std::vector<std::size_t> indices;
    for (const PatternBin& bin : bins) {
      const auto same = [&](const PatternBin& other) { return other.y == -bin.y && other.x == bin.x; };
      indices.push_back(static_cast<std::size_t>(std::find_if(bins.begin(), bins.end(), same) - bins.begin()));
    }
    return indices;
  }();
  Spectrum result;
  for (int picture = 0; picture < kPictures; ++picture) {
    for (const std::size_t i : partner) result.at[picture].push_back(std::conj(at[picture][i]));
  }
  return result;
}

Fit PilotSearch::best(const Spectrum& spectrum) const {
  Tensor pilot = at::zeros({kPictures, kTile, kTile / 2 + 1}, at::kComplexFloat);
  auto* const values = reinterpret_cast<std::complex<float>*>(pilot.mutable_data_ptr<c10::complex<float>>());
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const PatternBin& bin = pattern_[i];
    if (!bin.pilot) continue;
    const std::complex<float> sign(static_cast<float>(bin.sign[0]), static_cast<float>(-bin.sign[1]));
    const int row = (bin.y + kTile) % kTile;
    for (int picture = bin.flips ? 1 : 0; picture < (bin.flips ? kPictures : 1); ++picture) {
      values[(picture * kTile + row) * (kTile / 2 + 1) + bin.x] = spectrum.at[picture][i] * sign;
    }
  }
  const Tensor sums =
      at::fft_irfft2(pilot, at::IntArrayRef{kTile, kTile}) * (kTile * kTile / 2.0);  // [kPictures, y, x]
  // Every reading is a weighted sum of the maps.
  const double lasting = energy(spectrum.at[0], pattern_, false);
  std::vector<Reading> readings{{.flipping = false}};
  Tensor weights = at::zeros({1 + 4 * kPhases, kPictures});
  auto weight = weights.accessor<float, 2>();
  weight[0][0] = inverse_root(lasting);
  for (int phase = 0; phase < kPhases; ++phase) {
    const double flipping = energy(spectrum.at[1 + phase], pattern_, true);
    for (const float sign : {1.F, -1.F}) {
      for (const bool both : {false, true}) {
        auto row = weight[static_cast<std::int64_t>(readings.size())];
        const float scale = inverse_root(both ? lasting + flipping : flipping);
        row[0] = both ? scale : 0;
        row[1 + phase] = sign * scale;
        readings.push_back({.lasting = both, .phase = phase, .sign = sign});
      }
    }
  }
  const Tensor scores = at::matmul(weights, sums.flatten(1)).contiguous();  // [readings, shifts]
  const auto* const first = scores.const_data_ptr<float>();
  // Twice as fast as the maximum with its index at once.
  const float highest = scores.max().item<float>();
  const std::int64_t place = std::find(first, first + scores.numel(), highest) - first;
  const std::int64_t shift = place % (kTile * kTile);
  return {highest, readings[static_cast<std::size_t>(place / (kTile * kTile))], static_cast<double>(shift % kTile),
          static_cast<double>(shift / kTile)};
}

Fit PilotSearch::aligned(const Spectrum& spectrum) const {
  Fit best;
  for (const Reading& reading : {Reading{}, Reading{.flipping = false}, Reading{.lasting = false}}) {
    const double found = score(spectrum, reading, 0, 0);
    if (found > best.score) best = {found, reading, 0, 0};
  }
  return best;
}

double PilotSearch::score(const Spectrum& spectrum, const Reading& reading, double shift_x, double shift_y) const {
  double sum = 0, squares = 0;
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const PatternBin& bin = pattern_[i];
    if (!bin.pilot || !(bin.flips ? reading.flipping : reading.lasting)) continue;
    const std::complex<double> value(spectrum.at[bin.flips ? 1 + reading.phase : 0][i]);
    const std::complex<double> turned = value * std::polar(1.0, kTurn * (bin.y * shift_y + bin.x * shift_x));
    sum += (bin.flips ? reading.sign : 1) * (turned.real() * bin.sign[0] + turned.imag() * bin.sign[1]);
    squares += std::norm(value);
  }
  return sum * inverse_root(squares);
}

void PilotSearch::refine(const Spectrum& spectrum, Fit& fit) const {
  Fit best = fit;
  best.score = -1;
  const auto consider = [&](const Reading& reading, double x, double y) {
    const double found = score(spectrum, reading, x, y);
    if (found > best.score) best = {found, reading, x, y};
  };
  const int first = fit.reading.flipping ? fit.reading.phase : 0, last = fit.reading.flipping ? first : kPhases - 1;
  for (int phase = first; phase <= last; ++phase) {
    for (const float sign : {1.F, -1.F}) {
      if (fit.reading.flipping && sign != fit.reading.sign) continue;
      consider({.phase = phase, .sign = sign}, fit.shift_x, fit.shift_y);
    }
  }
  const Fit whole = best;
  for (int y = -3; y <= 3; ++y) {
    for (int x = -3; x <= 3; ++x) consider(whole.reading, whole.shift_x + 0.25 * x, whole.shift_y + 0.25 * y);
  }
  fit = best;
}

std::array<float, kCodeBits> PilotSearch::soft_bits(const Spectrum& spectrum, const Fit& fit) const {
  // As a receiver combines two antennas: by amplitude over noise, which the pilot tells for either kind of bins.
  std::array<double, 2> weight{};
  for (const bool flips : {false, true}) {
    const Reading reading{!flips, flips, fit.reading.phase, fit.reading.sign};
    const auto of_kind = [&](const PatternBin& bin) { return bin.pilot && bin.flips == flips; };
    const double signs = 2.0 * static_cast<double>(std::count_if(pattern_.begin(), pattern_.end(), of_kind));
    const double share = score(spectrum, reading, fit.shift_x, fit.shift_y) / std::sqrt(signs);
    const double fitting = std::clamp(share, 0.02, 1.0);
    weight[flips] = fitting / (1.02 - fitting * fitting);
  }
  std::array<float, kCodeBits> soft{};
  for (std::size_t i = 0; i < pattern_.size(); ++i) {
    const PatternBin& bin = pattern_[i];
    if (bin.pilot) continue;
    const std::complex<double> turned = std::complex<double>(spectrum.at[bin.flips ? 1 + fit.reading.phase : 0][i]) *
                                        std::polar(1.0, kTurn * (bin.y * fit.shift_y + bin.x * fit.shift_x));
    const double factor = weight[bin.flips] * (bin.flips ? fit.reading.sign : 1);
    soft[bin.code[0]] += static_cast<float>(factor * turned.real() * bin.sign[0]);
    soft[bin.code[1]] += static_cast<float>(factor * turned.imag() * bin.sign[1]);
  }
  return soft;
}

}  // namespace sora

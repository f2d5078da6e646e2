// How well a key's pattern fits a video, for all shifts at once, at one scale after the other.
#pragma once

#include <array>
#include <complex>
#include <vector>

#include "sora/tensor.h"
#include "watermark/pattern.h"
#include "watermark/residual.h"

namespace sora {

/// Where in the second of the flips a video may start. The other half of the time bins gives the same with all signs
/// turned.
inline constexpr int kPhases = kTimeBins / 2;
inline constexpr int kPictures = 1 + kPhases;

/// What is left of a video: its residuals summed, plainly and with the signs of flips that start at each phase.
struct FoldedVideo {
  WorkArea area;
  Tensor pictures;  // [kPictures, H, W]

  static FoldedVideo of(const WorkArea& area, const ResidualSums& sums);
};

/// How the picture relates to the one that was marked.
struct Geometry {
  double scale_x = 1, scale_y = 1;
  bool mirrored = false;
};

/// Coefficients of the pictures at the pattern's bins, in the order of watermark_bins(), each divided by the usual size
/// in its ring and limited to 1: a function of the video alone.
struct Spectrum {
  std::array<std::vector<std::complex<float>>, kPictures> at;

  static Spectrum of(const FoldedVideo& video, double scale_x, double scale_y);
  /// Of the mirrored video, but for a shift.
  Spectrum mirrored() const;
};

/// Which bins are counted, and with which sign the flipping ones.
struct Reading {
  bool lasting = true, flipping = true;
  int phase = 0;
  float sign = 1;
};

/// The best of many hypotheses.
struct Fit {
  double score = 0;
  Reading reading;
  double shift_x = 0, shift_y = 0;
};

class PilotSearch {
 public:
  explicit PilotSearch(const WatermarkKey& key) : pattern_(keyed_pattern(key)) {}

  /// The number of hypotheses of best().
  static constexpr double kHypotheses = double{kTile} * kTile * (1 + 4 * kPhases);
  /// Over all shifts by whole pixels, phases, signs, and lasting bins, flipping ones or both.
  Fit best(const Spectrum& spectrum) const;

  static constexpr double kAlignedHypotheses = 3;
  /// No shift, and the video starts where it was made to start.
  Fit aligned(const Spectrum& spectrum) const;

  /// The score of a reading at any shift, and of lasting or flipping bins alone, for their weight.
  double score(const Spectrum& spectrum, const Reading& reading, double shift_x, double shift_y) const;

  /// Shifts by parts of a pixel, and the phase of the flips where the fit says nothing of them.
  void refine(const Spectrum& spectrum, Fit& fit) const;

  /// One value for each bit of the code, as decode_id() wants them.
  std::array<float, kCodeBits> soft_bits(const Spectrum& spectrum, const Fit& fit) const;

 private:
  std::vector<PatternBin> pattern_;
};

}  // namespace sora

#include "jobs/find_watermark.h"

#include <c10/core/InferenceMode.h>

#include "base/interrupt.h"
#include "media/media_reader.h"
#include "watermark/detector.h"

namespace sora {
namespace {

// More frames of the same mark say nothing new, and a film would take hours.
constexpr double kMostSeconds = 120;

}  // namespace

WatermarkFinding find_watermark(const std::filesystem::path& media,
                                std::span<const std::array<std::uint8_t, 32>> keys) {
  const c10::InferenceMode no_gradients;
  std::vector<WatermarkKey> watermark_keys;
  for (const auto& bytes : keys) watermark_keys.push_back({bytes});
  Detector detector;
  WatermarkFinding finding;
  try {
    watch_media(media, kMostSeconds, [&](const Frames& frame, double seconds) {
      check_interrupted();
      detector.add(frame.rgb, frame.width, frame.height, seconds);
      ++finding.frames;
    });
  } catch (const Error& error) {
    // Of a damaged video, what comes before the damage.
    if (error.fault() != Fault::input || finding.frames == 0) throw;
    finding.damage = error.what();
  }
  const Detection detection = detector.find(watermark_keys);
  finding.key = detection.key;
  finding.score = detection.score;
  finding.log10_chance = detection.log10_chance;
  finding.found = detection.found();
  finding.mirrored = detection.mirrored;
  finding.scale_x = detection.scale_x;
  finding.scale_y = detection.scale_y;
  if (detection.found()) finding.payload = detection.id;
  return finding;
}

}  // namespace sora

#include "plan/spans.h"

#include <fmt/format.h>

#include <algorithm>

#include "sora/error.h"

namespace sora {
namespace {

// Latent frames that pixel frames [at, end) cover, or the one of the first of them.
FrameRange latents_of(int at, int end, const Compression& compression) {
  const int first = latent_frame_of(at, compression);
  const int first_covered = first_pixel_frame(first, compression) == at ? first : first + 1;
  const int end_covered = latent_frame_of(end, compression);  // it, or its rest, is not covered
  if (end_covered <= first_covered) return {first, 1};
  return {first_covered, end_covered - first_covered};
}

void require_apart(const GivenSpan& before, const GivenSpan& span, const Traits& traits) {
  require(before.at + before.count <= span.at, Fault::usage, "{} and {}: both give frame {}", before.flag, span.flag,
          span.at);
  if (traits.given != GivenSupport::latent_frames || before.latents.end() <= span.latents.first) return;
  const int first = first_pixel_frame(span.latents.first, traits.compression);
  fail(Fault::usage, "{} and {}: both need frames {} to {}, which this checkpoint ({}) takes as one", before.flag,
       span.flag, first, first_pixel_frame(span.latents.first + 1, traits.compression) - 1, traits.family);
}

}  // namespace

void place_spans(Plan& plan, const Traits& traits, int needed_frames, int block) {
  std::vector<GivenSpan>& spans = plan.given;
  std::sort(spans.begin(), spans.end(), [](const GivenSpan& a, const GivenSpan& b) { return a.at < b.at; });
  const bool appended =
      traits.given == GivenSupport::leading_frames_maybe_last && spans.size() > 0 && spans.back().at == needed_frames;
  require(!appended || block == 1, Fault::usage,
          "{}: a last frame stands behind the video, where blocks of {} latent frames have no place for one; "
          "--causal-block-size 1 has",
          appended ? spans.back().flag : "", block);
  int known = 0;
  for (GivenSpan& span : spans) {
    const bool behind = appended && &span == &spans.back();
    span.latents =
        behind ? FrameRange{plan.latent.frames, 1} : latents_of(span.at, span.at + span.count, traits.compression);
    if (!behind) known += span.latents.count;
    if (&span != &spans.front()) require_apart(*(&span - 1), span, traits);
    require(behind || plan.sampling.given != GivenUse::clean_frames || span.latents.count % block == 0, Fault::usage,
            "{}: {} latent frames are no whole number of blocks of {}; --causal-block-size 1 takes any number",
            span.flag, span.latents.count, block);
  }
  const bool all = plan.sampling.given == GivenUse::clean_frames && known >= plan.latent.frames;
  require(!all, Fault::usage, "{}: gives the whole video, and nothing is left to generate",
          all ? spans.front().flag : "");
}

}  // namespace sora

#include "render/decoding.h"

#include <ATen/ATen.h>

#include "sora/error.h"

namespace sora {

void HeldProgress::update(Stage stage, std::int64_t done, std::int64_t total) {
  const std::lock_guard lock(mutex_);
  if (held_) {
    last_ = Update{stage, done, total};
  } else {
    next_.update(stage, done, total);
  }
}

void HeldProgress::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (held_)
    notes_.emplace_back(text);
  else
    next_.note(text);
}

void HeldProgress::release() {
  const std::lock_guard lock(mutex_);
  held_ = false;
  for (const std::string& text : notes_) next_.note(text);
  if (!last_) return;
  next_.update(last_->stage, 0, last_->total);
  if (last_->done > 0) next_.update(last_->stage, last_->done, last_->total);
}

Decoding::Decoding(const Plan& plan, const Vae& vae, PixelReader& read, const MarkedSink& to, Progress& progress,
                   at::Device device, Thread thread)
    : plan_(plan),
      read_(read),
      to_(to),
      device_(device),
      held_(thread == Thread::own ? std::make_optional<HeldProgress>(progress) : std::nullopt),
      progress_(held_ ? *held_ : progress),
      decoder_(vae.begin_decoding(plan.vae_tiling)) {
  if (thread == Thread::own) thread_.emplace(device);
}

void Decoding::add(const Tensor& latents, Piece piece) {
  if (!thread_) return decode(latents, piece);
  try {
    thread_->add([this, latents, piece] { decode(latents, piece); });
  } catch (...) {
    held_->release();  // it was decoding that failed, and so the progress says
    throw;
  }
}

void Decoding::finish() {
  if (thread_) {
    held_->release();
    thread_->finish();
  }
  output_->finish();
}

void Decoding::decode(const Tensor& latents, Piece piece) {
  if (!output_) output_.emplace(plan_, read_, to_, progress_);
  decoder_->decode(latents.to(device_), piece, [this](const Tensor& pixels) {
    require(!thread_ || !thread_->stopping(), Fault::bug, "frames are decoded for nobody");
    output_->write(pixels);
  });
}

}  // namespace sora

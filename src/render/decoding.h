// From latents to frames in the sink: at once, or in a thread beside what is sampled meanwhile.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "render/output.h"
#include "render/task_thread.h"
#include "sora/model.h"
#include "sora/plan.h"
#include "sora/progress.h"

namespace sora {

/// Says nothing until it is released: two threads cannot report at a time, and sampling is what takes long.
class HeldProgress final : public Progress {
 public:
  explicit HeldProgress(Progress& next) : next_(next) {}
  void update(Stage stage, std::int64_t done, std::int64_t total) override;
  void note(std::string_view text) override;
  /// The other thread is done: tells what has been reached, and from now on all.
  void release();

 private:
  struct Update {
    Stage stage;
    std::int64_t done, total;
  };
  Progress& next_;
  std::mutex mutex_;
  bool held_ = true;
  std::vector<std::string> notes_;
  std::optional<Update> last_;
};

class Decoding {
 public:
  enum class Thread { callers, own };
  Decoding(const Plan& plan, const Vae& vae, PixelReader& read, const MarkedSink& to, Progress& progress,
           at::Device device, Thread thread);

  /// The next latents of the video, on the host. They must not change until finish(). Throws what decoding throws; in a
  /// thread of its own that comes with the next call.
  void add(const Tensor& latents, Piece piece);
  /// Everything is written; the sink is finished. To be called when nothing is sampled any more.
  void finish();
  const QualityWatch& quality() const { return output_->quality(); }

 private:
  void decode(const Tensor& latents, Piece piece);

  const Plan& plan_;
  PixelReader& read_;
  MarkedSink to_;
  at::Device device_;
  std::optional<HeldProgress> held_;
  Progress& progress_;
  std::unique_ptr<VideoDecoder> decoder_;
  std::optional<Output> output_;
  std::optional<TaskThread> thread_;  // last: what it runs uses the others
};

}  // namespace sora

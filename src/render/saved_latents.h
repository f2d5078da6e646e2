// Latents of what has been sampled, kept on disk until the video is whole: a render that was killed goes on after its
// last finished window, and one whose decoding failed only decodes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "sora/geometry.h"
#include "sora/tensor.h"

namespace sora {

class SavedLatents {
 public:
  /// Windows that were sampled together, and the state of the random numbers after them.
  struct Part {
    Tensor latents;             // fp32, on the host
    Tensor rng, condition_rng;  // bytes
  };

  /// Nothing is kept.
  SavedLatents() = default;
  /// `identity` says all that the latents depend on. Without anything to keep, there is no folder.
  SavedLatents(std::filesystem::path folder, std::string identity);

  /// Whether a render of this identity was begun, and not finished.
  bool resumes() const { return resumes_; }
  /// Whether the first `count` parts are there and whole.
  bool hold(int count) const;
  /// Empty if there is no such part of this identity, or none that is whole.
  std::optional<Part> load(int index) const;
  /// What the folder holds of another identity goes. Error{output} if it cannot be written; then nothing of the part is
  /// there.
  void save(int index, const Part& part);
  /// That decoding them in tiles of this size took more memory than there was.
  void remember_too_large(const PixelSize& tile) const;
  /// The tile of the last such failure.
  std::optional<PixelSize> too_large() const;
  /// For when the video is whole.
  void remove() const;

 private:
  std::filesystem::path file(int index) const;
  std::filesystem::path folder_;
  std::string identity_;
  bool resumes_ = false;
};

}  // namespace sora

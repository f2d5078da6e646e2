// The first pass of a batch: what text and image encoders make of its prompts and pictures. Real checkpoints have
// encoders larger than the denoiser, so they are loaded, used for many jobs and gone again.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "jobs/components.h"
#include "sora/engine.h"
#include "sora/render.h"

namespace sora {

class EncodedJobs {
 public:
  EncodedJobs(std::span<const Plan> plans, const Checkpoint& checkpoint, const Target& target)
      : plans_(plans), checkpoint_(checkpoint), target_(target) {}

  bool holds(std::size_t job) const { return tokens_.contains(job); }

  /// Forgets what it holds and encodes `jobs`, or as many of the first of them as fit into kMostTokens. Each distinct
  /// prompt is encoded once. A picture that cannot be read is its own job's failure: see contexts().
  void encode(std::span<const std::size_t> jobs, StageTimes& seconds, Progress& progress);

  /// Throws Error{input} if a picture of the job could not be read.
  Contexts contexts(std::size_t job) const;

 private:
  /// Token ids, </s> last, and what they are padded to.
  using Prompt = std::pair<std::vector<std::int64_t>, std::int64_t>;

  void tokenize(std::span<const std::size_t> jobs, Progress& progress);
  void encode_texts(const TextEncoder& encoder, Progress& progress);
  void encode_images();

  std::span<const Plan> plans_;
  const Checkpoint& checkpoint_;
  Target target_;
  std::map<std::size_t, std::vector<Prompt>> tokens_;  // of each job: its scenes' prompts, then the negative one
  std::map<Prompt, TextEmbedding> texts_;
  std::map<std::size_t, Tensor> images_;
  std::map<std::size_t, Error> failures_;
};

}  // namespace sora

// What a video says of its origin: marks in its pixels, a signed manifest in its file, and a line in this
// installation's log.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "jobs/frame_checker.h"
#include "jobs/model_origin.h"
#include "provenance/keys.h"
#include "provenance/record.h"
#include "provenance/signer.h"
#include "sora/engine.h"
#include "sora/frame_sink.h"
#include "watermark/embedder.h"

namespace sora {

/// What the plan's video is made from besides its prompts.
std::vector<SourceMedia> sources_of(const Plan& plan);

class Origin {
 public:
  /// `job` is job_id(). Keys are read, or made where this installation has none; certificate, sources and log are
  /// tried: what fails here would else fail after hours. Error{input} or {output}.
  Origin(const Plan& plan, ModelOrigin& model, const std::string& job, Progress& progress);

  /// Empty where nothing is marked.
  MarkFrame mark();
  /// `sink` behind one that takes the manifest's thumbnail or, where nothing is signed, logs the output before it
  /// appears.
  std::unique_ptr<FrameSink> watched(std::unique_ptr<FrameSink> sink);
  /// Signs the MP4 and logs it; empty where it is not signed. All three hold on to this object.
  Seal seal();

  /// By the checker with this digest. Whatever happens to the log, the video stays refused.
  void log_refused(const FrameRefused& refused, const std::string& checker_sha256, Progress& progress) const noexcept;

  const OriginResult& result() const { return result_; }
  double seconds() const { return seconds_; }  ///< that signing took

 private:
  void take_keys(Progress& progress);
  void describe(ModelOrigin& model);
  void sign(int from, int to);
  void log(const std::string& sha256) const;

  const Plan& plan_;
  std::string job_, model_;
  bool publishes_, signs_;
  SecretKey watermark_key_{}, audit_key_{};
  std::unique_ptr<Signer> signer_;
  ProvenanceRecord record_;
  std::unique_ptr<Embedder> embedder_;
  std::string thumbnail_;  ///< PNG
  OriginResult result_;
  double seconds_ = 0;
};

}  // namespace sora

// The border between the front (flags, plans, messages: starts in milliseconds) and the engine (LibTorch, libav: a
// module that is loaded when there is something to render).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sora/checkpoint.h"
#include "sora/media_info.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/quality.h"

namespace sora {

struct StageTimes {
  double load_text_encoder = 0, encode_prompt = 0, load_model = 0, sample = 0, decode = 0, total = 0;  // seconds
};

struct JobResult {
  std::string output;  ///< path or pattern of what was written
  std::string md5;     ///< of the frames, for the md5 sink
  int frames_written = 0;
  StageTimes seconds;
  Quality quality;
  std::int64_t peak_rss_bytes = 0;
  std::int64_t peak_device_bytes = 0;  ///< 0 on the CPU
};

/// One line of `sora-gen doctor`.
struct Finding {
  std::string subject;  ///< "LibTorch", "CUDA", "H.264 encoder"
  bool ok = false;
  std::string text;
};

struct Engine {
  /// Renders one plan to its output. Throws Error. All that can fail without weights (the output path, the encoder, the
  /// device) is tried before any weight is read.
  JobResult (*render)(const Plan& plan, const Checkpoint& checkpoint, Progress& progress) = nullptr;
  std::vector<Finding> (*doctor)() = nullptr;
  /// Size, fps and length of an image or a clip; the whole file is read where its header does not say. Throws
  /// Error{input}.
  MediaInfo (*probe)(const std::filesystem::path& media) = nullptr;
  /// OutputOptions::metadata of the render that wrote this MP4. Throws Error{input} if the file is none or has none;
  /// what it returns is bytes from a file: to be checked like any other input.
  std::string (*metadata)(const std::filesystem::path& video) = nullptr;
};

/// Loads the engine on the first call. Throws Error{input} if the module is not beside the program.
const Engine& engine();

/// Name of the one symbol that the module exports: extern "C" const sora::Engine* sora_engine().
inline constexpr const char* kEngineSymbol = "sora_engine";

}  // namespace sora

// The border between the front (flags, plans, messages: starts in milliseconds) and the engine (LibTorch, libav: a
// module that is loaded when there is something to render).
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sora/checkpoint.h"
#include "sora/claims.h"
#include "sora/error.h"
#include "sora/group.h"
#include "sora/media_info.h"
#include "sora/plan.h"
#include "sora/progress.h"
#include "sora/quality.h"

namespace sora {

struct StageTimes {
  double load_text_encoder = 0, encode_prompt = 0, load_model = 0, sample = 0, decode = 0, sign = 0,
         total = 0;  // seconds
};

/// How sampling went, for foretelling how it will go elsewhere.
struct Pace {
  int steps = 0, planned_steps = 0;  ///< of all windows; fewer than planned where an earlier run's latents were kept
  double prepare = 0;                ///< seconds of StageTimes::sample before the first step: what is given is encoded
  double first_step = 0;             ///< seconds of the first step, in which weights are read and buffers made
};

/// What a video carries of its origin.
struct OriginResult {
  std::string manifest;                  ///< label of its C2PA manifest; empty: not signed
  std::optional<std::uint64_t> payload;  ///< 48 bits, of its invisible watermark
};

struct JobResult {
  std::string output;  ///< path or pattern of what was written
  std::string md5;     ///< of the frames, for the md5 sink
  int frames_written = 0;
  StageTimes seconds;
  Pace pace;
  Quality quality;
  OriginResult origin;
  std::int64_t peak_rss_bytes = 0;
  std::int64_t peak_device_bytes = 0;  ///< 0 on the CPU
};

/// Who says which job of a batch comes next, and hears what became of it. What its functions throw ends the batch.
class JobBoard {
 public:
  virtual ~JobBoard() = default;
  /// Which of the plans comes next; it is then this process's to render. Nothing when all are done.
  virtual std::optional<std::size_t> next() = 0;
  /// False: it is done, and next() will not name it.
  virtual bool pending(std::size_t job) const = 0;
  virtual void finished(std::size_t job, const JobResult& result) = 0;
  /// The job cannot be rendered; the others go on.
  virtual void failed(std::size_t job, const Error& error) = 0;
};

/// One line of `sora-gen doctor`.
struct Finding {
  std::string subject;  ///< "LibTorch", "CUDA", "H.264 encoder"
  bool ok = false;
  std::string text;
};

/// Whether a video carries the invisible watermark of one of several keys.
struct WatermarkFinding {
  std::size_t key = 0;      ///< the one that fits best
  double score = 0;         ///< of its pilot; about 0 ± 1 by chance
  double log10_chance = 0;  ///< bound on the share of all keys that would fit as well, all that was tried counted
  bool found = false;       ///< the bound is small enough
  bool mirrored = false;
  double scale_x = 1, scale_y = 1;       ///< of the picture, against the one that was marked
  std::optional<std::uint64_t> payload;  ///< 48 bits, where their CRC is right
  int frames = 0;                        ///< that were looked at
  std::string damage;                    ///< why no more could be decoded; empty: all, or as many as are looked at
};

/// A text in a file that says what it shows.
struct Caption {
  std::string tag;  ///< "title", "ImageDescription"
  std::string text;
};

struct Engine {
  /// Renders plans of one checkpoint and one placement to their outputs, as `board` hands them out: all prompts are
  /// encoded first, then the model is loaded once. Of each job, all that can fail without weights (the output path, the
  /// encoder, the device) is tried first. Throws what concerns all jobs: Error{input} for the checkpoint, {output},
  /// {interrupted}, {terminated}.
  void (*render)(std::span<const Plan> plans, const Checkpoint& checkpoint, JobBoard& board,
                 Progress& progress) = nullptr;
  std::vector<Finding> (*doctor)() = nullptr;
  /// Size, fps and length of an image or a clip; the whole file is read where its header does not say. Throws
  /// Error{input}.
  MediaInfo (*probe)(const std::filesystem::path& media) = nullptr;
  /// Claims that the ranks of a launch share through its store. Ranks leave together: the destructor waits until the
  /// others are done or dead, because the store ends with the rank that hosts it, and because launchers end all ranks
  /// when one of them ends with an error. Throws Error{usage} if this rank is to host the store and cannot.
  std::unique_ptr<Claims> (*join)(const Group& group) = nullptr;
  /// OutputOptions::metadata of the render that wrote this MP4. Throws Error{input} if the file is none or has none;
  /// what it returns is bytes from a file: to be checked like any other input.
  std::string (*metadata)(const std::filesystem::path& video) = nullptr;
  /// What a picture or clip says of itself: titles, descriptions, comments, keywords of the file, of its video and of
  /// its first picture, but not what metadata() returns. Throws Error{input}.
  std::vector<Caption> (*captions)(const std::filesystem::path& media) = nullptr;
  /// Looks at up to the first two minutes of a video, or at a picture. Throws Error{input} where nothing can be
  /// decoded.
  WatermarkFinding (*find_watermark)(const std::filesystem::path& media,
                                     std::span<const std::array<std::uint8_t, 32>> keys) = nullptr;
};

/// Loads the engine on the first call. Throws Error{input} if the module is not beside the program.
const Engine& engine();

/// Name of the one symbol that the module exports: extern "C" const sora::Engine* sora_engine().
inline constexpr const char* kEngineSymbol = "sora_engine";

}  // namespace sora

// What the user asked for. Everything that the user may leave open is an optional; a Plan has none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sora/geometry.h"
#include "sora/media_info.h"

namespace sora {

/// Frames [first, first + count) of a clip or of a video, counted from 0.
struct FrameRange {
  int first = 0, count = 0;
  int end() const { return first + count; }
  bool operator==(const FrameRange&) const = default;
};

/// What two ranges share; empty ranges may begin anywhere.
inline FrameRange common(const FrameRange& a, const FrameRange& b) {
  const int first = std::max(a.first, b.first);
  return {first, std::max(0, std::min(a.end(), b.end()) - first)};
}

/// What the output file is and how it is encoded.
struct OutputOptions {
  /// *.mp4, a numbered pattern such as out/%05d.png, *.png for one frame, null: or md5:; empty for sora-gen-SEED.mp4
  std::filesystem::path path;
  /// The path lies below it, and nothing is written outside; empty for the path's own folder.
  std::filesystem::path root = {};
  int crf = 18;  ///< x264's constant rate factor, 0 (lossless) to 51
  std::string preset = "medium";
  bool overwrite = false;
  bool poster = false;         ///< also one frame as a PNG beside an MP4
  bool contact_sheet = false;  ///< also a grid of frames as a PNG beside an MP4
  /// JSON of the settings, which an MP4 carries (its tag `comment`) and which begins with kMetadataBegins of
  /// base/output_name.h; empty: none. Other outputs have no place for it.
  std::string metadata = {};
};

/// Marks in the pixels that say who made them.
enum class WatermarkKind { off, invisible, visible, both };

/// What a video says of its origin.
struct ProvenanceOptions {
  bool sign = true;                    ///< an MP4 gets a C2PA manifest
  bool sign_prompt = false;            ///< which holds the prompt, not only its keyed hash
  bool accept_broken_sources = false;  ///< given media may carry a manifest that does not hold
  WatermarkKind watermark = WatermarkKind::invisible;
  std::filesystem::path certificate, key;  ///< PEM; empty for the installation's own
  std::filesystem::path passphrase_file;   ///< of an encrypted key: its first line
  std::string tsa;                         ///< URL of a time-stamp authority; empty: the time is not attested
  bool audit = true;                       ///< decisions and outputs go into the installation's log ...
  bool audit_prompts = false;              ///< ... with the prompts in it, not only their keyed hashes
};

/// Pixels that the user gives at frames of the video: an image, or frames of a clip.
struct Given {
  std::string flag;  ///< "--image", "--last-image" or "--given": for messages; the first two take images only
  std::filesystem::path media;
  std::optional<FrameRange> take;  ///< frames of the clip, read at the video's fps; all of them if absent
  int at = 0;                      ///< frame of the video for the first of them; -1 is the video's last frame
};

/// Two clips (or images) that the video leads from and to.
struct Connect {
  std::filesystem::path from, to;
};

/// The prompt changes at a time of the output.
struct SceneWish {
  double seconds = 0;
  std::string prompt;
};

struct Request {
  std::string prompt;
  std::optional<std::string> negative_prompt;
  std::vector<SceneWish> scenes;  ///< after `prompt`, which holds from the start
  std::optional<PixelSize> size;
  std::optional<int> num_frames;  ///< pixel frames of the output; at most one of num_frames and seconds
  std::optional<double> seconds;
  std::optional<Rational> fps;
  std::optional<int> steps;
  std::optional<double> guidance_scale, guidance_scale_2;
  std::optional<int> max_sequence_length;
  std::optional<std::uint64_t> seed;
  std::optional<PixelSize> vae_tile_size, vae_tile_stride;
  bool offload_blocks = false;

  std::vector<Given> given;
  std::optional<std::filesystem::path> extend;  ///< a clip that goes on ...
  bool backward = false;                        ///< ... or that gets a beginning
  std::optional<Connect> connect;
  std::optional<int> extend_frames;            ///< new frames of extend or connect
  std::optional<std::filesystem::path> video;  ///< to be changed: as a whole, or where the mask is white
  std::optional<double> strength;              ///< of the change, 0 to 1
  std::optional<std::filesystem::path> mask;   ///< image or clip; white is generated, black stays
  std::vector<std::filesystem::path> reference_images;
  std::optional<Resize> resize;
  std::optional<bool> keep_given;          ///< whether given frames come out as they are, or as they are decoded
  std::vector<double> conditioning_scale;  ///< of a control: one number, or one for each layer that sees it

  std::optional<int> window_frames, overlap_frames;  ///< pixel frames
  std::optional<int> causal_block_size, ar_step;     ///< of diffusion forcing, in latent frames and steps
  std::optional<double> addnoise_condition;          ///< of diffusion forcing, in timesteps
  OutputOptions output;
  ProvenanceOptions provenance;
  std::optional<std::filesystem::path> frame_checker;  ///< TorchScript that the frames must pass
  std::optional<double> frame_threshold;               ///< of its scores, above 0 to 1
};

}  // namespace sora

// What a manifest says of a video.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sora/geometry.h"

namespace sora {

/// A file that a video was made from.
struct SourceMedia {
  enum class Relation {
    input,  ///< a picture or clip that was animated, or that frames were taken from ("inputTo")
    parent  ///< the clip that this video goes on from or changes ("parentOf"); at most one
  };
  std::filesystem::path path;
  Relation relation = Relation::input;
  std::string role = {};  ///< for people: "first frame", "clip that is extended"
};

struct ModelRecord {
  std::string name;
  struct Part {
    std::string component, sha256;
  };
  std::vector<Part> parts;
};

struct WatermarkRecord {
  std::string algorithm;       ///< with its version
  std::string key_id;          ///< watermark_key_id()
  std::string payload_digest;  ///< watermark_payload_digest()
};

struct Thumbnail {
  std::string type;  ///< "image/png" or "image/jpeg"
  std::string bytes;
};

struct ProvenanceRecord {
  std::string title;    ///< the output's file name
  std::string version;  ///< of sora-gen
  std::string when;     ///< RFC 3339, UTC
  ModelRecord model;
  std::uint64_t seed = 0;
  std::string sampler;
  int steps = 0;
  double guidance_scale = 0;
  PixelSize size;
  Rational fps;
  int frames = 0;
  std::string prompt_hmac;                 ///< prompt_hmac()
  std::optional<std::string> prompt = {};  ///< only where the user asked for it
  std::string policy_id = {}, policy_sha256 = {};
  std::optional<WatermarkRecord> watermark = {};
  bool visible_mark = false;  ///< there is a mark that anyone sees
  std::optional<Thumbnail> thumbnail = {};
  std::vector<SourceMedia> sources = {};
};

}  // namespace sora

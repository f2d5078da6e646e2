// What becomes of a video's two marks of origin, its manifest and its watermark, looked at together.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "provenance/audit.h"
#include "provenance/keys.h"
#include "provenance/read.h"
#include "sora/engine.h"

namespace sora {

/// The file itself, each finding by itself. No finding is made out of another one.
struct OriginFindings {
  std::string file, sha256;
  ManifestReport manifest;
  /// Empty where this installation has no key that it could look for, or nothing could be decoded: `unmarked` says why.
  std::optional<WatermarkFinding> watermark;
  std::string unmarked;
  std::optional<SecretKey> watermark_key;  ///< of this installation
  std::optional<OutputRecord> made_here;   ///< what the log of this installation says of the payload, or of the file
};

/// What two findings that cannot both be true say, for people; empty where they agree.
std::vector<std::string> contradictions(const OriginFindings& findings);

/// Somebody vouches for the video: a signer that is trusted, or this installation's own log; and nothing contradicts.
bool is_verified(const OriginFindings& findings);

std::string text_of(const OriginFindings& findings);
nlohmann::ordered_json json_of(const OriginFindings& findings);

}  // namespace sora

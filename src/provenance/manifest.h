// A record as the definition that the C2PA library makes a manifest of.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "provenance/record.h"

namespace sora {

/// The names of sora-gen's own assertions.
inline constexpr const char* kGenerationLabel = "org.sora-gen.generation";
inline constexpr const char* kWatermarkLabel = "org.sora-gen.watermark";
/// How the thumbnail is called among the manifest's resources.
inline constexpr const char* kThumbnailName = "thumbnail";

/// A name that no other manifest has. The library draws it, too, but does not say it.
std::string new_manifest_label();

/// Claim v2, with everything that the conformance program asks of a generator.
nlohmann::ordered_json manifest_definition(const ProvenanceRecord& record, const std::string& label);

/// The source with this number as an ingredient; `type` is MIME's.
nlohmann::ordered_json ingredient_definition(const SourceMedia& source, std::size_t number, const std::string& type);

}  // namespace sora

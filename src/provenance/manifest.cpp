#include "provenance/manifest.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;

constexpr const char* kGenerated = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia";
constexpr const char* kSpecification = "2.4";  // of C2PA, that the claim is made for

// "created": stated by the signer; otherwise the library files an assertion under what others told it.
ordered_json assertion(const char* label, ordered_json data) {
  return {{"label", label}, {"created", true}, {"data", std::move(data)}};
}

std::string source_name(std::size_t number) { return "source-" + std::to_string(number + 1); }

ordered_json names_of(const std::vector<SourceMedia>& sources, SourceMedia::Relation relation) {
  ordered_json names = ordered_json::array();
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i].relation == relation) names.push_back(source_name(i));
  }
  return names;
}

ordered_json action(const ProvenanceRecord& record, const char* name) {
  return {
      {"action", name}, {"when", record.when}, {"softwareAgent", {{"name", "sora-gen"}, {"version", record.version}}}};
}

ordered_json generated_action(const ProvenanceRecord& record, const char* name, const ordered_json& inputs) {
  ordered_json made = action(record, name);
  made["digitalSourceType"] = kGenerated;
  if (!inputs.empty()) made["parameters"] = {{"ingredientIds", inputs}};
  return made;
}

// A video that goes on from a clip is that clip, opened and edited; any other is created.
ordered_json actions_of(const ProvenanceRecord& record) {
  const ordered_json inputs = names_of(record.sources, SourceMedia::Relation::input);
  const ordered_json parents = names_of(record.sources, SourceMedia::Relation::parent);
  require(parents.size() <= 1, Fault::bug, "a manifest with {} parents", parents.size());
  ordered_json actions = ordered_json::array();
  if (parents.empty()) {
    actions.push_back(generated_action(record, "c2pa.created", inputs));
  } else {
    ordered_json opened = action(record, "c2pa.opened");
    opened["parameters"] = {{"ingredientIds", parents}};
    actions.push_back(std::move(opened));
    ordered_json edited = generated_action(record, "c2pa.edited", inputs);
    edited["description"] = "frames made by a generative model were added to the clip or took the place of some";
    actions.push_back(std::move(edited));
  }
  if (record.watermark) actions.push_back(action(record, "c2pa.watermarked.unbound"));
  return {{"actions", std::move(actions)}, {"allActionsIncluded", true}};
}

ordered_json training_and_mining() {
  ordered_json entries;
  for (const char* use : {"ai_generative_training", "ai_training", "ai_inference", "data_mining"})
    entries[std::string("cawg.") + use] = {{"use", "notAllowed"}};
  return {{"entries", std::move(entries)}};
}

ordered_json generation_of(const ProvenanceRecord& record) {
  ordered_json parts = ordered_json::array();
  for (const ModelRecord::Part& part : record.model.parts)
    parts.push_back({{"component", part.component}, {"sha256", part.sha256}});
  ordered_json data{{"version", 1},
                    {"model", {{"name", record.model.name}, {"parts", std::move(parts)}}},
                    {"seed", std::to_string(record.seed)},  // the library takes no integer above 2^63
                    {"sampler", record.sampler},
                    {"steps", record.steps},
                    {"guidance_scale", record.guidance_scale},
                    {"width", record.size.width},
                    {"height", record.size.height},
                    {"fps", fmt::format("{}/{}", record.fps.numerator, record.fps.denominator)},
                    {"frames", record.frames}};
  if (record.prompt)
    data["prompt"] = *record.prompt;
  else
    data["prompt_hmac_sha256"] = record.prompt_hmac;
  if (!record.policy_id.empty()) data["policy"] = {{"id", record.policy_id}, {"sha256", record.policy_sha256}};
  return data;
}

ordered_json marks_of(const ProvenanceRecord& record) {
  ordered_json data{{"version", 1}, {"visible", record.visible_mark}};
  if (record.watermark) {
    data["algorithm"] = record.watermark->algorithm;
    data["key_id"] = record.watermark->key_id;
    data["payload_hmac_sha256"] = record.watermark->payload_digest;
  }
  return data;
}

}  // namespace

std::string new_manifest_label() {
  std::array<unsigned char, 16> b{};
  require(RAND_bytes(b.data(), b.size()) == 1, Fault::bug, "libcrypto has no random numbers");
  // RFC 4122: version 4, of random bits.
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  std::string label = "urn:c2pa:";
  for (std::size_t i = 0; i < b.size(); ++i)
    label += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
  return label;
}

ordered_json manifest_definition(const ProvenanceRecord& record, const std::string& label) {
  ordered_json assertions = ordered_json::array();
  assertions.push_back(assertion("c2pa.actions.v2", actions_of(record)));
  assertions.push_back(assertion("cawg.training-mining", training_and_mining()));
  assertions.push_back(assertion(kGenerationLabel, generation_of(record)));
  if (record.watermark || record.visible_mark) assertions.push_back(assertion(kWatermarkLabel, marks_of(record)));
  ordered_json definition{
      {"label", label},
      {"title", record.title},
      {"format", "video/mp4"},
      {"claim_version", 2},
      {"claim_generator_info", {{{"name", "sora-gen"}, {"version", record.version}, {"specVersion", kSpecification}}}},
      {"assertions", std::move(assertions)}};
  if (record.thumbnail) definition["thumbnail"] = {{"format", record.thumbnail->type}, {"identifier", kThumbnailName}};
  return definition;
}

ordered_json ingredient_definition(const SourceMedia& source, std::size_t number, const std::string& type) {
  const std::string name = source_name(number);
  ordered_json definition{{"title", source.path.filename().string()},
                          {"format", type},
                          {"relationship", source.relation == SourceMedia::Relation::parent ? "parentOf" : "inputTo"},
                          {"label", name},
                          {"instance_id", name}};
  if (!source.role.empty()) definition["description"] = source.role;
  return definition;
}

}  // namespace sora

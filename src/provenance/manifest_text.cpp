#include "provenance/manifest_text.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "provenance/c2pa_library.h"
#include "sora/error.h"

namespace sora {

ManifestText read_manifest_text(int fd, const std::string& type, const std::string& roots, ManifestFormat format) {
  nlohmann::ordered_json settings = c2pa_offline_settings();
  settings["verify"]["verify_trust"] = true;
  if (!roots.empty()) settings["trust"] = {{"user_anchors", roots}};
  const C2paFile stream(fd);
  C2paOwned<C2paReader> empty(c2pa().reader_from_context(c2pa_context(settings).get()));
  require(empty != nullptr, Fault::bug, "the C2PA library makes no reader: {}", c2pa_error());
  const C2paOwned<C2paReader> reader(c2pa().reader_with_stream(empty.release(), type.c_str(), stream.get()));
  require(stream.error() == 0, Fault::input, "cannot be read: {}", std::strerror(stream.error()));
  if (reader == nullptr) return {false, c2pa_error()};
  const bool crjson = format == ManifestFormat::crjson;
  return {true, c2pa_text(crjson ? c2pa().reader_crjson(reader.get()) : c2pa().reader_json(reader.get()))};
}

}  // namespace sora

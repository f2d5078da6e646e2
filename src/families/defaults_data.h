// The files of configs/, compiled in by CMakeLists.txt of this folder.
#pragma once

#include <span>
#include <string_view>

namespace sora {

struct EmbeddedConfig {
  std::string_view file;  ///< "configs/wan.json"
  std::string_view text;
};
std::span<const EmbeddedConfig> embedded_configs();

}  // namespace sora

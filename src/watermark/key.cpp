#include "watermark/key.h"

#include <string_view>

#include "base/sha256.h"

namespace sora {

std::string key_id(const WatermarkKey& key) {
  Sha256 digest;
  digest.update("sora-gen watermark key id");
  digest.update({reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()});
  return digest.hex().substr(0, 8);
}

}  // namespace sora

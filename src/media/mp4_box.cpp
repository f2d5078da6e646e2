#include "media/mp4_box.h"

#include "media/header_bytes.h"

namespace sora {

Mp4Box mp4_box_at(const InputFile& file, std::int64_t offset) {
  const HeaderBytes<16> header(file, offset);
  Mp4Box box;
  if (header.count >= 8) box.name = header.text().substr(4, 4);
  box.size = static_cast<std::uint32_t>(header.big(0, 4));
  if (box.size == 0) box.size = static_cast<std::uint64_t>(file.size() - offset);
  if (box.size == 1) {
    box.size = header.big64(8);
    box.header_bytes = 16;
  }
  return box;
}

}  // namespace sora

// Small videos, signed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "provenance/keys.h"
#include "provenance/read.h"
#include "provenance/sign.h"
#include "support/files.h"

namespace sora::test {

inline ProvenanceRecord video_record() {
  ProvenanceRecord record;
  record.title = "x.mp4";
  record.version = "0.1.0";
  record.when = "2026-11-22T10:00:00Z";
  record.model = {"tiny-world", {{"transformer", std::string(64, 'a')}, {"vae", std::string(64, 'b')}}};
  record.seed = 18446744073709551615ULL;
  record.sampler = "UniPCMultistepScheduler";
  record.steps = 8;
  record.guidance_scale = 5;
  record.size = {128, 96};
  record.fps = {24000, 1001};
  record.frames = 17;
  record.prompt_hmac = std::string(64, 'c');
  record.policy_id = "default-1";
  record.policy_sha256 = std::string(64, 'd');
  return record;
}

/// Keys, and videos that are signed with them, in a folder that goes with the object.
class Studio {
 public:
  explicit Studio(const KeyOptions& options = {})
      : files_(make_keys(folder_ / "keys", options)), signer_(files_.certificate(), files_.key()) {}

  std::filesystem::path operator/(const std::filesystem::path& name) const { return folder_ / name; }
  const KeyFiles& files() const { return files_; }
  const Signer& signer() const { return signer_; }
  std::string root() const { return read_text(files_.root()); }

  std::filesystem::path sign(const std::string& name, const ProvenanceRecord& record = video_record(),
                             const SignOptions& options = {}) const {
    sign_mp4(data("media/h264.mp4"), folder_ / name, record, signer_, options);
    return folder_ / name;
  }
  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    write_file(folder_ / name, bytes);
    return folder_ / name;
  }

 private:
  TempDir folder_;
  KeyFiles files_;
  Signer signer_;
};

/// A box on the top level of an MP4.
struct Box {
  std::string type;
  std::size_t at = 0, size = 0;
};
inline std::vector<Box> boxes_of(std::string_view mp4) {
  std::vector<Box> boxes;
  for (std::size_t at = 0; at + 8 <= mp4.size();) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<std::uint8_t>(mp4[at + i]);
    if (size < 8 || size > mp4.size() - at) throw std::runtime_error("a box that this test cannot read");
    boxes.push_back({std::string(mp4.substr(at + 4, 4)), at, size});
    at += size;
  }
  return boxes;
}
inline Box box_of(std::string_view mp4, const std::string& type) {
  for (const Box& box : boxes_of(mp4)) {
    if (box.type == type) return box;
  }
  throw std::runtime_error("no box " + type);
}

}  // namespace sora::test

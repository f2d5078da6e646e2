#include "render/saved_latents.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "base/files.h"
#include "base/output_name.h"
#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostIdentity = 16 << 20;
constexpr const char *kPrefix = "windows-", *kTooLarge = "tile-too-large";
constexpr std::size_t kChecksumBytes = 8;

void write_file(const fs::path& path, std::string_view bytes) {
  PartFile file(path, /*overwrite=*/true);
  file.write({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  file.publish();
}

bool holds_text(const fs::path& path, std::string_view text) {
  std::error_code none;
  try {
    return fs::exists(path, none) && read_file(path, kMostIdentity, Fault::output) == text;
  } catch (const Error&) {
    return false;
  }
}

std::string_view bytes_of(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::string little_endian(std::uint64_t value) {
  std::string bytes(sizeof value, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
  return bytes;
}

// FNV-1a.
std::string checksum(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return little_endian(hash);
}

// safetensors: the header's length in 8 bytes, the header, the tensors' bytes. The last tensor is the checksum of all
// that is before it.
std::string to_safetensors(const SavedLatents::Part& part) {
  const std::pair<const char*, Tensor> tensors[] = {{"latents", part.latents.to(at::kFloat).contiguous()},
                                                    {"rng", part.rng.contiguous()},
                                                    {"rng_condition", part.condition_rng.contiguous()}};
  nlohmann::json header;
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t begin = data.size();
    data += bytes_of(tensor);
    header[name] = {{"dtype", tensor.scalar_type() == at::kFloat ? "F32" : "U8"},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin, data.size()}}};
  }
  header["checksum"] = {
      {"dtype", "U8"}, {"shape", {kChecksumBytes}}, {"data_offsets", {data.size(), data.size() + kChecksumBytes}}};
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const std::string file = little_endian(text.size()) + text + data;
  return file + checksum(file);
}

void require_whole(const fs::path& file, std::string_view bytes) {
  const std::size_t content = bytes.size() - std::min(bytes.size(), kChecksumBytes);
  require(checksum(bytes.substr(0, content)) == bytes.substr(content), Fault::input, "{}: its checksum is wrong",
          file.string());
}

Tensor tensor_of(const SafetensorsHeader& header, std::string_view bytes, std::string_view name) {
  const auto found = header.tensors.find(name);
  require(found != header.tensors.end(), Fault::input, "{}: has no \"{}\"", header.file.string(), name);
  const StoredTensor& stored = found->second;
  Tensor tensor = at::empty(stored.shape, stored.type == StoredType::f32 ? at::kFloat : at::kByte);
  require(std::cmp_equal(tensor.nbytes(), stored.end - stored.begin), Fault::input, "{}: \"{}\" is of another type",
          header.file.string(), name);
  std::memcpy(tensor.mutable_data_ptr(), bytes.data() + stored.begin, tensor.nbytes());
  return tensor;
}

}  // namespace

SavedLatents::SavedLatents(fs::path folder, std::string identity)
    : folder_(std::move(folder)),
      identity_(std::move(identity)),
      resumes_(holds_text(folder_ / kSavedPlan, identity_)) {}

bool SavedLatents::hold(int count) const {
  for (int index = 0; index < count; ++index) {
    if (!load(index)) return false;
  }
  return true;
}

fs::path SavedLatents::file(int index) const { return folder_ / fmt::format("{}{:04}.safetensors", kPrefix, index); }

std::optional<SavedLatents::Part> SavedLatents::load(int index) const {
  std::error_code none;
  if (!resumes_ || !fs::exists(file(index), none)) return std::nullopt;
  try {
    const SafetensorsHeader header = read_safetensors_header(file(index));
    const std::string bytes = read_file(file(index), header.file_size, Fault::input);
    require_whole(file(index), bytes);
    return Part{tensor_of(header, bytes, "latents"), tensor_of(header, bytes, "rng"),
                tensor_of(header, bytes, "rng_condition")};
  } catch (const Error&) {
    return std::nullopt;  // damaged: what it held is sampled again, with the same result
  }
}

void SavedLatents::save(int index, const Part& part) {
  if (folder_.empty()) return;
  std::error_code none;
  try {
    // First, so that latents never lie there under the name of others.
    if (!resumes_) {
      remove();
      write_file(folder_ / kSavedPlan, identity_);
      resumes_ = true;
    }
    write_file(file(index), to_safetensors(part));
  } catch (const Error&) {
    fs::remove(folder_, none);  // if it is empty
    throw;
  }
}

void SavedLatents::remember_too_large(const PixelSize& tile) const {
  if (!folder_.empty()) write_file(folder_ / kTooLarge, fmt::format("{} {}\n", tile.width, tile.height));
}

std::optional<PixelSize> SavedLatents::too_large() const {
  if (!resumes_) return std::nullopt;
  std::ifstream file(folder_ / kTooLarge);
  PixelSize tile;
  return file >> tile.width >> tile.height ? std::optional(tile) : std::nullopt;
}

void SavedLatents::remove() const {
  if (folder_.empty()) return;
  // What cannot be removed is no reason to fail: the video is there.
  std::error_code none;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, none)) {
    std::string name = entry.path().filename().string();
    if (name.ends_with(".part")) name.erase(0, 1);  // ".windows-0001.safetensors.part" of a run that was killed
    if (name.starts_with(kPrefix) || name.starts_with(kSavedPlan) || name.starts_with(kTooLarge)) {
      fs::remove(entry.path(), none);
    }
  }
  fs::remove(folder_, none);  // unless somebody else has put something into it
}

}  // namespace sora

// Frames to PNG files: one for each frame, numbered from 1, or one alone.
#include "media/png_writer.h"

#include <string_view>
#include <utility>

#include "sora/error.h"

namespace sora {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{1} << 30;  // of a PNG file of 8192 x 8192 pixels, with room

}  // namespace

PngFile::PngFile(std::filesystem::path path, const OutputOptions& options, bool resumes, const FileOps& ops)
    : path_(std::move(path)), root_(options.root), overwrite_(options.overwrite), ops_(ops) {
  if (!left_behind(path_, overwrite_, resumes)) open_part();
}

void PngFile::open_part() { part_ = std::make_unique<PartFile>(path_, overwrite_, ops_, root_); }

bool PngFile::left_behind(const std::filesystem::path& path, bool overwrite, bool resumes) {
  std::error_code none;
  return resumes && !overwrite && std::filesystem::is_regular_file(path, none);
}

void PngFile::publish(std::span<const std::uint8_t> bytes) {
  if (!part_ && read_file(path_, kMostBytes, Fault::output) ==
                    std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size())) {
    return;
  }
  if (!part_) open_part();
  part_->write(bytes);
  part_->publish();
}

PngWriter::PngWriter(const OutputOptions& options, OutputKind kind, const PixelSize& size, int frame_count,
                     const FileOps& ops, bool resumes)
    : options_(options), kind_(kind), check_(size, frame_count), ops_(ops), resumes_(resumes), encoder_(size) {
  for (int number = 1; number <= frame_count; ++number) {
    const std::filesystem::path path = path_of(number);
    if (!PngFile::left_behind(path, options_.overwrite, resumes_)) require_publishable(path, options_.overwrite);
  }
  open_next();
}

std::filesystem::path PngWriter::path_of(int number) const {
  return kind_ == OutputKind::png_sequence ? numbered_path(options_.path, number) : options_.path;
}

void PngWriter::open_next() { next_.emplace(path_of(done_ + 1), options_, resumes_, ops_); }

void PngWriter::write(const Frames& frames) {
  check_.accept(frames);
  for (int i = 0; i < frames.count; ++i) {
    if (!next_) open_next();
    next_->publish(encoder_.encode(frames.rgb.data() + i * check_.frame_bytes()));
    next_.reset();
    ++done_;
  }
}

}  // namespace sora

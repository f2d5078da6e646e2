// Pictures of a video beside it: a poster and a contact sheet.
#include "media/stills.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace sora {
namespace {

constexpr int kMostCells = 16, kSheetWidth = 1280;

void publish(PngFile& file, const PixelSize& size, const std::vector<std::uint8_t>& rgb) {
  PngEncoder encoder(size);
  file.publish(encoder.encode(rgb.data()));
}

}  // namespace

SheetLayout sheet_layout(const PixelSize& video, int frame_count) {
  SheetLayout layout;
  const int cells = std::min(kMostCells, frame_count);
  for (int i = 0; i < cells; ++i) {
    const double share = cells == 1 ? 0 : static_cast<double>(i) / (cells - 1);
    layout.frames.push_back(static_cast<int>(std::lround(share * (frame_count - 1))));
  }
  layout.columns = static_cast<int>(std::ceil(std::sqrt(cells)));
  layout.rows = (cells + layout.columns - 1) / layout.columns;
  const double scale = std::min(1.0, static_cast<double>(kSheetWidth) / (layout.columns * video.width));
  const auto scaled = [&](int side) { return std::max(1, static_cast<int>(std::lround(side * scale))); };
  layout.cell = {scaled(video.width), scaled(video.height)};
  return layout;
}

Stills::Stills(std::unique_ptr<FrameSink> video, const OutputOptions& options, const PixelSize& size, int frame_count,
               const FileOps& ops, bool resumes)
    : video_(std::move(video)), check_(size, frame_count) {
  const auto file = [&](const std::filesystem::path& path) { return PngFile(path, options, resumes, ops); };
  if (options.poster) poster_.emplace(Poster{file(poster_path(options.path)), {}});
  if (!options.contact_sheet) return;
  const SheetLayout layout = sheet_layout(size, frame_count);
  const PixelSize whole = layout.size();
  sheet_.emplace(Sheet{.file = file(contact_sheet_path(options.path)),
                       .layout = layout,
                       .to_cell = Resampler(size, layout.cell, Filter::lanczos),
                       .rgb = std::vector<std::uint8_t>(std::size_t{3} * whole.width * whole.height)});
}

void Stills::write(const Frames& frames) {
  check_.accept(frames);
  video_->write(frames);
  for (int i = 0; i < frames.count; ++i, ++done_) {
    const auto rgb = frames.rgb.subspan(i * check_.frame_bytes(), check_.frame_bytes());
    if (poster_ && done_ == check_.expected() / 2) poster_->rgb.assign(rgb.begin(), rgb.end());
    if (!sheet_ || sheet_->filled == sheet_->layout.frames.size()) continue;
    if (done_ == sheet_->layout.frames[sheet_->filled]) add(*sheet_, rgb);
  }
}

void Stills::add(Sheet& sheet, std::span<const std::uint8_t> rgb) {
  const SheetLayout& layout = sheet.layout;
  const int index = static_cast<int>(sheet.filled++);
  const std::vector<std::uint8_t> cell = sheet.to_cell(rgb);
  const std::size_t row_bytes = std::size_t{3} * layout.cell.width, sheet_row_bytes = row_bytes * layout.columns;
  const std::size_t top = std::size_t{1} * index / layout.columns * layout.cell.height;
  std::uint8_t* to = sheet.rgb.data() + top * sheet_row_bytes + index % layout.columns * row_bytes;
  for (int y = 0; y < layout.cell.height; ++y) {
    std::memcpy(to + y * sheet_row_bytes, cell.data() + y * row_bytes, row_bytes);
  }
}

void Stills::finish() {
  check_.require_complete();
  if (poster_) publish(poster_->file, check_.size(), poster_->rgb);
  if (sheet_) publish(sheet_->file, sheet_->layout.size(), sheet_->rgb);
  video_->finish();
}

}  // namespace sora

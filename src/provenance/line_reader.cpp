#include "provenance/line_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/sha256.h"
#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr std::size_t kChunk = 1 << 16;
constexpr std::size_t kMostText = 4 << 20;

}  // namespace

LineReader::LineReader(const std::filesystem::path& path)
    : shown_(shown(path)), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY)) {
  require(file_.get() >= 0, Fault::input, "{}: cannot be opened: {}", shown_, std::strerror(errno));
}

// False at the end.
bool LineReader::fill() {
  buffer_.resize(kChunk);
  begin_ = 0;
  ssize_t n = 0;
  while ((n = read(file_.get(), buffer_.data(), buffer_.size())) < 0 && errno == EINTR) {
  }
  require(n >= 0, Fault::input, "{}: cannot be read: {}", shown_, std::strerror(errno));
  buffer_.resize(static_cast<std::size_t>(n));
  return n > 0;
}

std::optional<Line> LineReader::next() {
  Line line;
  line.number = number_ + 1;
  line.at = at_;
  Sha256 digest;
  while (!line.ended && (begin_ < buffer_.size() || fill())) {
    const std::string_view rest = std::string_view(buffer_).substr(begin_);
    const std::size_t newline = rest.find('\n');
    line.ended = newline != std::string_view::npos;
    const std::string_view part = rest.substr(0, newline);
    digest.update(part);
    line.text.append(part.substr(0, kMostText - std::min(kMostText, line.text.size())));
    const std::size_t taken = part.size() + (line.ended ? 1 : 0);
    line.bytes += static_cast<std::int64_t>(taken);
    begin_ += taken;
  }
  if (line.bytes == 0) return std::nullopt;
  line.sha256 = digest.hex();
  at_ += line.bytes;
  ++number_;
  return line;
}

}  // namespace sora

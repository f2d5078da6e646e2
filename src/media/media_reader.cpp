// The user's pictures and clips as 8-bit RGB, as a player would show them.
#include "media/media_reader.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "media/display.h"
#include "media/media_decoder.h"
#include "media/rgb_converter.h"
#include "sora/error.h"

namespace sora {
namespace {

// Matroska rounds times to milliseconds, and QuickTime's often to 1/600 s.
constexpr double kSlackSeconds = 1e-3;
// A day. Times are what a file says of itself; numbers of frames are made of them.
constexpr double kLongestSeconds = 86'400;

/// When the pictures of a clip are shown.
class Clock {
 public:
  explicit Clock(const MediaDecoder& decoder) {
    if (decoder.is_picture()) return;
    tick_ = av_q2d(decoder.stream().time_base);
    declared_ = decoder.stream().avg_frame_rate;
  }

  /// Seconds from the first picture to this one, the next in order.
  double add(const AVFrame& frame) {
    const bool has_time = frame.best_effort_timestamp != AV_NOPTS_VALUE;
    const std::int64_t time = has_time ? frame.best_effort_timestamp : 0;
    if (frames_ == 0) first_ = time;
    const double seconds = (static_cast<double>(time) - static_cast<double>(first_)) * tick_;
    // Without a time, and in files whose times run backwards, a picture follows on the one before.
    last_ = std::max(has_time ? seconds : last_ + interval(), last_);
    ++frames_;
    return last_;
  }

  /// The file's word, if its last picture is where that puts it; else the average.
  Rational fps() const {
    const double intervals = frames_ - 1;
    if (declared_.num > 0 && std::abs(intervals * interval() - last_) <= std::max(interval() / 2, 2 * kSlackSeconds))
      return {declared_.num, declared_.den};
    constexpr int kLargestTerm = 100'000;
    const AVRational average = last_ > 0 ? av_d2q(intervals / last_, kLargestTerm) : AVRational{0, 1};
    return {average.num, average.den};
  }

  int frames() const { return frames_; }
  double last_seconds() const { return last_; }

 private:
  double interval() const { return declared_.num > 0 ? av_q2d(av_inv_q(declared_)) : 0; }

  double tick_ = 0, last_ = 0;
  AVRational declared_{0, 1};
  std::int64_t first_ = 0;
  int frames_ = 0;
};

MediaInfo info_of(const MediaDecoder& decoder, const Clock& clock, const PixelSize& size) {
  if (clock.frames() == 0) decoder.refuse("has no pictures in it");
  MediaInfo info{.image = clock.frames() == 1, .size = size, .fps = {}, .frames = clock.frames()};
  if (info.image) return info;
  if (clock.last_seconds() > kLongestSeconds)
    decoder.refuse("lasts {} by its timestamps, at most a day is accepted", human_seconds(clock.last_seconds()));
  info.fps = clock.fps();
  if (info.fps.numerator <= 0) decoder.refuse("does not say when its {} pictures are shown", info.frames);
  return info;
}

Display display_of(const MediaDecoder& decoder, AVFrame& frame) {
  AVStream* stream = decoder.is_picture() ? nullptr : &decoder.stream();
  const std::optional<Orientation> orientation = orientation_of(frame, stream);
  if (!orientation) decoder.refuse("is to be shown turned by less than a quarter turn, which is not supported");
  // Picture files say it too, and mean the density of printing.
  const AVRational aspect =
      stream == nullptr ? AVRational{1, 1} : av_guess_sample_aspect_ratio(&decoder.format(), stream, &frame);
  Display display({frame.width, frame.height}, aspect, *orientation);
  decoder.check_size(display.size());
  return display;
}

/// The picture that is being shown, converted when a frame of the result is first made of it.
class Screen {
 public:
  explicit Screen(const MediaDecoder& decoder) : decoder_(decoder), picture_(av_owned(av_frame_alloc())) {}

  void show(AVFrame& frame) {
    if (!display_) display_ = display_of(decoder_, frame);
    av_frame_unref(picture_.get());
    av_frame_move_ref(picture_.get(), &frame);
    rgb_.clear();
  }

  void emit(const FramesFn& emit) {
    if (rgb_.empty()) rgb_ = (*display_)(convert_(*picture_));
    emit({1, display_->size().height, display_->size().width, rgb_});
  }

  PixelSize size() const { return display_ ? display_->size() : PixelSize{}; }

 private:
  const MediaDecoder& decoder_;
  AvPtr<AVFrame> picture_;
  std::optional<Display> display_;
  RgbConverter convert_;
  std::vector<std::uint8_t> rgb_;
};

}  // namespace

MediaInfo probe_media(const std::filesystem::path& path) {
  MediaDecoder decoder(path);
  Clock clock(decoder);
  PixelSize size;
  while (AVFrame* frame = decoder.next()) {
    if (clock.frames() == 0) size = display_of(decoder, *frame).size();
    clock.add(*frame);
    if (decoder.is_picture()) break;
  }
  return info_of(decoder, clock, size);
}

class MediaReader::Impl {
 public:
  Impl(const std::filesystem::path& path, const Rational& fps)
      : fps_(fps), decoder_(path), clock_(decoder_), screen_(decoder_) {}

  int position() const { return frame_; }

  void read(int first, int count, const FramesFn& emit) {
    const int end = first + count;
    const auto emit_frame = [&] {
      if (frame_++ >= first) screen_.emit(emit);
    };
    while (frame_ < end && find_next()) {
      while (frame_ < end && frame_ / fps_.value() + kSlackSeconds < next_begins_) emit_frame();
      if (frame_ == end) return;
      screen_.show(*std::exchange(next_, nullptr));
      at_end_ = decoder_.is_picture();
    }
    if (frame_ == end) return;
    // The last picture stays until the end.
    const int frames = frames_at(info_of(decoder_, clock_, screen_.size()), fps_);
    if (end > frames)
      decoder_.refuse("has {} frames at {} fps; {} from frame {} on were asked for", frames, fps_.value(), count,
                      first);
    while (frame_ < end) emit_frame();
  }

 private:
  bool find_next() {
    if (next_ != nullptr || at_end_) return next_ != nullptr;
    next_ = decoder_.next();
    at_end_ = next_ == nullptr;
    if (next_ != nullptr) next_begins_ = clock_.add(*next_);
    return next_ != nullptr;
  }

  Rational fps_;
  MediaDecoder decoder_;
  Clock clock_;
  Screen screen_;
  AVFrame* next_ = nullptr;  // the picture after the one that is shown, if it has been looked at
  double next_begins_ = 0;
  bool at_end_ = false;
  int frame_ = 0;
};

MediaReader::MediaReader(const std::filesystem::path& path, const Rational& fps) {
  require(fps.numerator > 0 && fps.denominator > 0, Fault::bug, "frames at {}/{} fps", fps.numerator, fps.denominator);
  impl_ = std::make_unique<Impl>(path, fps);
}

MediaReader::MediaReader(MediaReader&&) noexcept = default;
MediaReader& MediaReader::operator=(MediaReader&&) noexcept = default;
MediaReader::~MediaReader() = default;

int MediaReader::position() const { return impl_->position(); }

void MediaReader::read(int first, int count, const FramesFn& emit) {
  require(first >= position() && count >= 0, Fault::bug, "{} frames from {} on, after {} were read", count, first,
          position());
  impl_->read(first, count, emit);
}

void watch_media(const std::filesystem::path& path, double most_seconds, const WatchFn& emit) {
  MediaDecoder decoder(path);
  Clock clock(decoder);
  Screen screen(decoder);
  while (AVFrame* frame = decoder.next()) {
    const double seconds = clock.add(*frame);
    if (seconds >= most_seconds) return;
    screen.show(*frame);
    screen.emit([&](const Frames& shown) { emit(shown, seconds); });
    if (decoder.is_picture()) return;
  }
}

void read_media(const std::filesystem::path& path, const Rational& fps, int first, int count, const FramesFn& emit) {
  MediaReader(path, fps).read(first, count, emit);
}

}  // namespace sora

// A sink that keeps nothing of the frames but a checksum: equal pixels, equal digits, whatever the encoder.
#pragma once

#include <memory>
#include <string>

#include "media/frame_check.h"
#include "sora/frame_sink.h"

struct AVMD5;

namespace sora {

class Md5Sink final : public FrameSink {
 public:
  Md5Sink(const PixelSize& size, int frame_count);

  void write(const Frames& frames) override;
  void finish() override;
  /// In hexadecimal digits; empty before finish().
  const std::string& digest() const { return digest_; }

 private:
  struct Free {
    void operator()(AVMD5* md5) const;
  };

  FrameCheck check_;
  std::unique_ptr<AVMD5, Free> md5_;
  std::string digest_;
};

}  // namespace sora

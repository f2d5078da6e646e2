// Who looks at frames before they are published.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sora/error.h"
#include "sora/frame_sink.h"

namespace sora {

struct CategoryScore {
  std::string category;
  double score = 0;  ///< 0 to 1
};

class FrameChecker {
 public:
  virtual ~FrameChecker() = default;
  /// What one frame shows. What it throws ends the job: no frame is published that was not looked at.
  virtual std::vector<CategoryScore> check(const Frames& frame, double seconds) = 0;
  /// Of what decides, for the log.
  virtual const std::string& sha256() const = 0;
};

/// A frame that must not be published.
class FrameRefused : public Error {
 public:
  FrameRefused(const std::string& message, std::string category)
      : Error(Fault::refused, message), category_(std::move(category)) {}
  const std::string& category() const { return category_; }

 private:
  std::string category_;
};

}  // namespace sora

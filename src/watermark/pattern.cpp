#include "watermark/pattern.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "sora/error.h"

namespace sora {
namespace {

// HMAC-SHA256 in counter mode: numbers that nobody can tell from fair coins without the key, one stream for each
// purpose.
class KeyStream {
 public:
  KeyStream(const WatermarkKey& key, std::string purpose) : key_(key), purpose_(std::move(purpose)) {}

  int sign() {
    if (bits_left_ == 0) {
      bits_ = byte();
      bits_left_ = 8;
    }
    return bits_ >> --bits_left_ & 1 ? -1 : 1;
  }

  // Below `limit`, each as likely as the others.
  std::uint32_t below(std::uint32_t limit) {
    const std::uint64_t usable = (std::uint64_t{1} << 32) / limit * limit;
    for (;;) {
      std::uint64_t number = 0;
      for (int i = 0; i < 4; ++i) number = number << 8 | byte();
      if (number < usable) return static_cast<std::uint32_t>(number % limit);
    }
  }

  // 0, 1, ... count - 1 in an order of the key's.
  std::vector<int> permutation(int count) {
    std::vector<int> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), 0);
    for (int i = count - 1; i > 0; --i) std::swap(order[i], order[below(static_cast<std::uint32_t>(i) + 1)]);
    return order;
  }

 private:
  unsigned byte() {
    if (used_ == block_.size()) {
      const std::string message = fmt::format("sora-gen watermark 1 {} {}", purpose_, counter_++);
      const void* const done =
          HMAC(EVP_sha256(), key_.bytes.data(), static_cast<int>(key_.bytes.size()),
               reinterpret_cast<const unsigned char*>(message.data()), message.size(), block_.data(), nullptr);
      require(done != nullptr, Fault::bug, "libcrypto cannot compute an HMAC");
      used_ = 0;
    }
    return block_[used_++];
  }

  WatermarkKey key_;
  std::string purpose_;
  std::uint64_t counter_ = 0;
  std::array<unsigned char, 32> block_{};
  std::size_t used_ = block_.size();
  unsigned bits_ = 0, bits_left_ = 0;
};

}  // namespace

std::vector<PatternBin> watermark_bins() {
  std::vector<PatternBin> bins;
  for (int y = -kHighestRing; y <= kHighestRing; ++y) {
    for (int x = 1; x <= kHighestRing; ++x) {
      const double radius = std::hypot(y, x);
      if (radius >= kLowestRing && radius <= kHighestRing) {
        bins.push_back({.y = y, .x = x, .ring = static_cast<int>(std::lround(radius))});
      }
    }
  }
  return bins;
}

std::vector<PatternBin> keyed_pattern(const WatermarkKey& key) {
  std::vector<PatternBin> bins = watermark_bins();
  const int count = static_cast<int>(bins.size()), pilots = count / 3, parts = 2 * (count - pilots);
  KeyStream layout(key, "layout"), signs(key, "signs");
  // A shuffled deck, dealt: three of five flip, the first third is the pilot.
  const std::vector<int> deck = layout.permutation(count), code = layout.permutation(parts);
  for (int i = 0, part = 0; i < count; ++i) {
    PatternBin& bin = bins[deck[i]];
    bin.flips = i % 5 >= 2;
    bin.pilot = i < pilots;
    if (bin.pilot) continue;
    for (int& bit : bin.code) bit = code[part++] % kCodeBits;
  }
  for (PatternBin& bin : bins) bin.sign = {signs.sign(), signs.sign()};
  return bins;
}

}  // namespace sora

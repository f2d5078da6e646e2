// Constraint length 15, rate 1/4: the code that Galileo flew. Its memory starts as it will end (tail-biting), so no
// bits are spent on bringing it to zero. The decoder is a wrap-around Viterbi algorithm (Shao, Lin and Fossorier,
// 2003).
#include "watermark/payload.h"

#include <algorithm>
#include <bit>
#include <vector>

namespace sora {
namespace {

constexpr int kMemory = 14, kStates = 1 << kMemory, kLaps = 4;
constexpr std::array<unsigned, kCodeRate> kGenerators{046321, 051271, 063667, 070535};

using Code = std::array<std::uint8_t, kCodeBits>;

// CRC-16/CCITT-FALSE.
unsigned crc16(std::uint64_t id) {
  unsigned crc = 0xFFFF;
  for (int i = kWatermarkIdBits - 1; i >= 0; --i) {
    const unsigned bit = static_cast<unsigned>(id >> i) & 1U, top = crc >> 15 & 1U;
    crc = (crc << 1 ^ (bit != top ? 0x1021U : 0U)) & 0xFFFFU;
  }
  return crc;
}

// `message`: the id and its CRC, the first bit that is sent highest.
Code encode(std::uint64_t message) {
  unsigned memory = static_cast<unsigned>(message) & (kStates - 1);
  Code code{};
  for (int step = 0; step < kMessageBits; ++step) {
    const unsigned content = memory << 1 | (static_cast<unsigned>(message >> (kMessageBits - 1 - step)) & 1U);
    for (int i = 0; i < kCodeRate; ++i) code[step * kCodeRate + i] = std::popcount(content & kGenerators[i]) & 1;
    memory = content & (kStates - 1);
  }
  return code;
}

float likelihood(std::uint64_t message, std::span<const float, kCodeBits> soft) {
  const Code code = encode(message);
  float sum = 0;
  for (int i = 0; i < kCodeBits; ++i) sum += code[i] == 0 ? soft[i] : -soft[i];
  return sum;
}

// The code's bits of each content of the shift register, the input bit and the memory, the newest bit lowest.
std::vector<std::uint8_t> outputs_of_registers() {
  std::vector<std::uint8_t> outputs(2 * kStates);
  for (unsigned i = 0; i < outputs.size(); ++i) {
    for (const unsigned generator : kGenerators) {
      outputs[i] = static_cast<std::uint8_t>(outputs[i] << 1 | (std::popcount(i & generator) & 1));
    }
  }
  return outputs;
}

// What each of the 16 outputs is worth at one step.
std::array<float, 1 << kCodeRate> worth_of_outputs(std::span<const float> soft) {
  std::array<float, 1 << kCodeRate> worth{};
  for (unsigned output = 0; output < worth.size(); ++output) {
    for (int i = 0; i < kCodeRate; ++i) worth[output] += output >> (kCodeRate - 1 - i) & 1U ? -soft[i] : soft[i];
  }
  return worth;
}

using Oldest = std::vector<std::uint8_t>;  // [step, state]: the bit that left the memory on the better way to a state

struct Way {
  std::uint64_t message = 0;
  int start = 0;
};

Way way_to(int end, const Oldest& oldest) {
  Way way{0, end};
  for (int step = kMessageBits - 1; step >= 0; --step) {
    way.message |= static_cast<std::uint64_t>(way.start & 1) << (kMessageBits - 1 - step);
    way.start = way.start >> 1 | oldest[static_cast<std::size_t>(step) * kStates + way.start] << (kMemory - 1);
  }
  return way;
}

std::uint64_t most_likely_message(std::span<const float, kCodeBits> soft) {
  const std::vector<std::uint8_t> outputs = outputs_of_registers();
  std::vector<float> score(kStates, 0.F), next(kStates);
  Oldest oldest(static_cast<std::size_t>(kMessageBits) * kStates);
  std::uint64_t best = 0;
  for (int lap = 0; lap < kLaps; ++lap) {
    for (int step = 0; step < kMessageBits; ++step) {
      const auto worth = worth_of_outputs(soft.subspan(static_cast<std::size_t>(step) * kCodeRate, kCodeRate));
      std::uint8_t* const from = &oldest[static_cast<std::size_t>(step) * kStates];
      for (int state = 0; state < kStates; ++state) {
        const float zero = score[state >> 1] + worth[outputs[state]];
        const float one = score[state >> 1 | kStates / 2] + worth[outputs[state | kStates]];
        from[state] = one > zero;
        next[state] = std::max(zero, one);
      }
      std::swap(score, next);
    }
    // The last bits of a way are known surely only from where the next lap left: go back from there.
    int end = static_cast<int>(std::max_element(score.begin(), score.end()) - score.begin());
    const float highest = score[end];
    for (int i = 0; i < kLaps; ++i) {
      const Way way = way_to(end, oldest);
      if (likelihood(way.message, soft) > likelihood(best, soft)) best = way.message;
      if (way.start == end) break;
      end = way.start;
    }
    for (float& value : score) value -= highest;
  }
  return best;
}

}  // namespace

std::array<std::uint8_t, kCodeBits> encode_id(std::uint64_t id) {
  id &= (std::uint64_t{1} << kWatermarkIdBits) - 1;
  return encode(id << 16 | crc16(id));
}

std::optional<std::uint64_t> decode_id(std::span<const float, kCodeBits> soft) {
  const std::uint64_t message = most_likely_message(soft), id = message >> 16;
  if ((message & 0xFFFF) != crc16(id)) return std::nullopt;
  return id;
}

}  // namespace sora

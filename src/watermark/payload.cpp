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

using Message = std::array<std::uint8_t, kMessageBits>;  // bits, the id's highest first

// CRC-16/CCITT-FALSE.
unsigned crc16(std::uint64_t id) {
  unsigned crc = 0xFFFF;
  for (int i = kWatermarkIdBits - 1; i >= 0; --i) {
    const unsigned bit = static_cast<unsigned>(id >> i) & 1U, top = crc >> 15 & 1U;
    crc = (crc << 1 ^ (bit != top ? 0x1021U : 0U)) & 0xFFFFU;
  }
  return crc;
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

// The input bits on the best way to `end`, and the state from which that way started.
int trace_back(const Oldest& oldest, int end, Message& message) {
  int state = end;
  for (int step = kMessageBits - 1; step >= 0; --step) {
    message[step] = static_cast<std::uint8_t>(state & 1);
    state = state >> 1 | oldest[static_cast<std::size_t>(step) * kStates + state] << (kMemory - 1);
  }
  return state;
}

Message most_likely_message(std::span<const float, kCodeBits> soft) {
  const std::vector<std::uint8_t> outputs = outputs_of_registers();
  std::vector<float> score(kStates, 0.F), next(kStates);
  Oldest oldest(static_cast<std::size_t>(kMessageBits) * kStates);
  Message message{};
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
    const int best = static_cast<int>(std::max_element(score.begin(), score.end()) - score.begin());
    if (trace_back(oldest, best, message) == best) break;  // bites its tail: no other such way is better
    const float highest = score[best];
    for (float& value : score) value -= highest;
  }
  return message;
}

}  // namespace

std::array<std::uint8_t, kCodeBits> encode_id(std::uint64_t id) {
  id &= (std::uint64_t{1} << kWatermarkIdBits) - 1;
  const std::uint64_t message = id << 16 | crc16(id);
  unsigned memory = static_cast<unsigned>(message) & (kStates - 1);
  std::array<std::uint8_t, kCodeBits> code{};
  for (int step = 0; step < kMessageBits; ++step) {
    const unsigned content = memory << 1 | (static_cast<unsigned>(message >> (kMessageBits - 1 - step)) & 1U);
    for (int i = 0; i < kCodeRate; ++i) {
      code[step * kCodeRate + i] = std::popcount(content & kGenerators[i]) & 1;
    }
    memory = content & (kStates - 1);
  }
  return code;
}

std::optional<std::uint64_t> decode_id(std::span<const float, kCodeBits> soft) {
  std::uint64_t message = 0;
  for (const std::uint8_t bit : most_likely_message(soft)) message = message << 1 | bit;
  const std::uint64_t id = message >> 16;
  if ((message & 0xFFFF) != crc16(id)) return std::nullopt;
  return id;
}

}  // namespace sora

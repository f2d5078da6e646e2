// watermark/payload: the code without noise, with as much as a bad video has, and with nothing else.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "watermark/payload.h"

namespace sora {
namespace {

using Soft = std::array<float, kCodeBits>;

// The bits of `id` at an amplitude that lets a matched filter see `signal` of them all together, in noise of 1 each.
// Made of 12 uniform numbers, because the library's normal distribution differs between implementations.
Soft received(std::uint64_t id, double signal, std::mt19937_64& random) {
  const auto code = encode_id(id);
  Soft soft{};
  for (int i = 0; i < kCodeBits; ++i) {
    double noise = -6;
    for (int part = 0; part < 12; ++part) noise += static_cast<double>(random() >> 11) * 0x1p-53;
    soft[i] = static_cast<float>((code[i] == 0 ? 1 : -1) * signal / std::sqrt(kCodeBits) + noise);
  }
  return soft;
}

struct Outcome {
  int right = 0, wrong = 0;
};

Outcome outcome_of(int count, double signal) {
  std::mt19937_64 random(2024);
  Outcome outcome;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t id = random() >> 16;
    const auto decoded = decode_id(received(id, signal, random));
    outcome.right += decoded == id;
    outcome.wrong += decoded && decoded != id;
  }
  return outcome;
}

TEST(Payload, ComesBackWithoutNoise) {
  for (const std::uint64_t id : {0x0ULL, 0x1ULL, 0x5EED0FC0FFEEULL, 0xFFFFFFFFFFFFULL, 0x800000000000ULL}) {
    Soft soft{};
    const auto code = encode_id(id);
    for (int i = 0; i < kCodeBits; ++i) soft[i] = code[i] == 0 ? 0.1F : -0.1F;
    EXPECT_EQ(decode_id(soft), id);
  }
}

TEST(Payload, IsOfTheLowest48Bits) { EXPECT_EQ(encode_id(0xABCD000000000001), encode_id(1)); }

// The code's distance: two ids that differ in one bit differ in the CRC too, and in at least 35 bits of the code.
TEST(Payload, IdsThatAreAlikeHaveCodesThatAreNot) {
  for (int bit = 0; bit < kWatermarkIdBits; ++bit) {
    const auto one = encode_id(0x123456789ABC), other = encode_id(0x123456789ABC ^ std::uint64_t{1} << bit);
    int different = 0;
    for (int i = 0; i < kCodeBits; ++i) different += one[i] != other[i];
    EXPECT_GE(different, 35) << bit;
  }
}

TEST(Payload, ComesBackFromNoise) {
  const Outcome mild = outcome_of(20, 16), bad = outcome_of(20, 11.5), hopeless = outcome_of(20, 5);
  EXPECT_EQ(mild.right, 20);
  EXPECT_EQ(bad.right, 17);
  EXPECT_EQ(hopeless.right, 0);
  EXPECT_EQ(mild.wrong + bad.wrong + hopeless.wrong, 0);
}

TEST(Payload, NothingIsReadOutOfSilence) {
  EXPECT_EQ(decode_id(Soft{}), std::nullopt);
  Soft endless{};
  endless.fill(1);  // all bits 0: the message 0, whose CRC is not 0
  EXPECT_EQ(decode_id(endless), std::nullopt);
}

}  // namespace
}  // namespace sora

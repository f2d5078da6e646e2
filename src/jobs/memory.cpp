#include "jobs/memory.h"

#include <ATen/ATen.h>

#include <new>

#include "base/text.h"

namespace sora {

std::string words_of(const std::exception& error) {
  const auto* torch = dynamic_cast<const c10::Error*>(&error);
  return torch == nullptr ? error.what() : torch->what_without_backtrace();
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::Error*>(&error) == nullptr) return false;
  const std::string text = words_of(error);
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr ||
         text.find("can't allocate memory") != text.npos || text.find("out of memory") != text.npos;
}

Error as_error(const std::exception& error, const Plan& plan) {
  if (const auto* ours = dynamic_cast<const Error*>(&error)) return *ours;
  if (!is_out_of_memory(error)) {
    const bool torch = dynamic_cast<const c10::Error*>(&error) != nullptr;
    return {Fault::bug, (torch ? "LibTorch: " : "") + printable(words_of(error), 600)};
  }
  const bool host = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
  return {Fault::memory,
          fmt::format(
              "out of memory ({}); the plan needs about {} for the text encoder, {} to sample and {} to decode. A "
              "smaller --size, a shorter video or, for decoding, --vae-tile-size needs less. What has been sampled is "
              "kept: the same command goes on from there",
              host ? "host memory" : printable(words_of(error), 160), human_bytes(plan.cost.text_bytes),
              human_bytes(plan.cost.sample_bytes), human_bytes(plan.cost.decode_bytes))};
}

}  // namespace sora

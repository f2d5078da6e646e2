// On the CPU a block's weights are views of the mapped file, or converted from it. Other devices have room for two
// blocks: one is copied from host memory, on a stream of its own, while the other, queued before, still computes.
#include "nn/block_fetcher.h"

#include <ATen/ATen.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <utility>

#include "sora/error.h"
#include "sora/weights.h"

namespace sora {

class BlockFetcher::Slots {
 public:
  Slots(const std::vector<Tensor>& shapes, const at::TensorOptions& used_as)
      : device_(used_as.device()), guard_(device_.type()), copying_(guard_.getStreamFromGlobalPool(device_)) {
    for (Slot& slot : slots_) {
      for (const Tensor& weight : shapes) slot.weights.push_back(at::empty(weight.sizes(), used_as));
      slot.free.emplace(device_.type());
      // What had this memory before may still be in use on the computing stream.
      slot.free->record(guard_.getStream(device_));
    }
  }

  const std::vector<Tensor>& fill(const std::vector<Tensor>& weights) {
    // All that is queued by now uses the slot that was given out last at most; the one before is free after it.
    slots_[current_].free->record(guard_.getStream(device_));
    current_ = 1 - current_;
    Slot& slot = slots_[current_];
    slot.free->block(copying_);
    const c10::StreamGuard on_copying_stream(copying_);
    // Each copy is waited for: the host has nothing to do until the device needs the next block.
    for (std::size_t i = 0; i < weights.size(); ++i) slot.weights[i].copy_(weights[i]);
    return slot.weights;
  }

 private:
  struct Slot {
    std::vector<Tensor> weights;
    std::optional<c10::Event> free;  // when nothing uses the weights any more
  };

  at::Device device_;
  c10::impl::VirtualGuardImpl guard_;
  c10::Stream copying_;
  std::array<Slot, 2> slots_;
  std::size_t current_ = 0;
};

BlockFetcher::BlockFetcher(std::vector<std::vector<Tensor>> blocks, const at::TensorOptions& used_as)
    : blocks_(std::move(blocks)), used_as_(used_as) {
  if (used_as.device().is_cpu() || blocks_.empty()) return;
  for (const std::vector<Tensor>& block : blocks_) {
    bool same = block.size() == blocks_[0].size();
    for (std::size_t i = 0; same && i < block.size(); ++i) same = block[i].sizes() == blocks_[0][i].sizes();
    require(same, Fault::bug, "blocks of different shapes cannot take each other's place");
  }
  slots_ = std::make_unique<Slots>(blocks_[0], used_as);
}

BlockFetcher::~BlockFetcher() = default;
BlockFetcher::BlockFetcher(BlockFetcher&&) noexcept = default;
BlockFetcher& BlockFetcher::operator=(BlockFetcher&&) noexcept = default;

const std::vector<Tensor>& BlockFetcher::fetch(std::size_t block) {
  if (fetched_ == block) return weights_;
  if (slots_) {
    weights_ = slots_->fill(blocks_.at(block));
  } else {
    convert(block);
  }
  fetched_ = block;
  return weights_;
}

void BlockFetcher::convert(std::size_t block) {
  weights_.clear();  // first, so that there is never memory for two
  if (fetched_) {
    for (const Tensor& weight : blocks_[*fetched_]) release_pages(weight);
  }
  for (const Tensor& weight : blocks_.at(block)) {
    weights_.push_back(weight.to(used_as_.dtype()));
    if (weight.dtype() != used_as_.dtype()) release_pages(weight);
  }
}

}  // namespace sora

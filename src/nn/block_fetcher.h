// Weights that are not kept where they are used: the large ones of a network's blocks, brought there block by block.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sora/tensor.h"

namespace sora {

/// Where a network has the large weights of its blocks: on its device, or fetched from the host when a block runs.
enum class BlockWeights { resident, offloaded };

class BlockFetcher {
 public:
  /// Of each block its weights, in host memory in any type (see Weights::take_stored and take_host), and the device and
  /// type in which they are used.
  BlockFetcher(std::vector<std::vector<Tensor>> blocks, const at::TensorOptions& used_as);
  ~BlockFetcher();
  BlockFetcher(BlockFetcher&&) noexcept;
  BlockFetcher& operator=(BlockFetcher&&) noexcept;

  /// The weights of a block, good until the next call. On the CPU no other block's are in memory then, and what was
  /// read of the mapped file is given back; on other devices, one other's.
  const std::vector<Tensor>& fetch(std::size_t block);

 private:
  class Slots;
  void convert(std::size_t block);

  std::vector<std::vector<Tensor>> blocks_;
  at::TensorOptions used_as_;
  std::optional<std::size_t> fetched_;
  std::vector<Tensor> weights_;   // of that block
  std::unique_ptr<Slots> slots_;  // on other devices than the CPU
};

/// Blocks whose large weights are fetched. Block::large_weights() says where a block has them, as a range of Tensor*.
template <class Block>
class FetchedBlocks {
 public:
  FetchedBlocks(std::vector<Block> blocks, const at::TensorOptions& used_as)
      : blocks_(std::move(blocks)), fetcher_(weights_of(blocks_), used_as) {}

  std::size_t size() const { return blocks_.size(); }

  /// Ready to run, until the next call.
  const Block& at(std::size_t i) {
    current_.reset();  // first, so that its weights are not in memory beside the next ones
    const std::vector<Tensor>& fetched = fetcher_.fetch(i);
    current_ = blocks_.at(i);
    auto weight = fetched.begin();
    for (Tensor* large : current_->large_weights()) *large = *weight++;
    return *current_;
  }

 private:
  static std::vector<std::vector<Tensor>> weights_of(std::vector<Block>& blocks) {
    std::vector<std::vector<Tensor>> weights;
    for (Block& block : blocks) {
      std::vector<Tensor>& of_block = weights.emplace_back();
      for (const Tensor* large : block.large_weights()) of_block.push_back(*large);
    }
    return weights;
  }

  std::vector<Block> blocks_;
  BlockFetcher fetcher_;
  std::optional<Block> current_;
};

}  // namespace sora

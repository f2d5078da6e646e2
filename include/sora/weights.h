// One component's tensors, taken by name and shape. What is missing, misshapen or left over is an error.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sora/checkpoint.h"
#include "sora/tensor.h"

namespace sora {

/// Bytes taken so far and in all; for the progress of loading.
using LoadedFn = std::function<void(std::int64_t done, std::int64_t total)>;

class WeightFiles;  // owns the mapped files and the list of what was taken

/// A view of a component's tensors under a name prefix; cheap to copy. Valid while its WeightFiles lives; the tensors
/// that it hands out live on their own.
class Weights {
 public:
  /// The tensor `name` under this prefix, in the component's dtype, on its device. Error{input} with file, name,
  /// expected and found shape. On the CPU a tensor that already has the dtype is a view of the mapped file: no copy.
  Tensor take(std::string_view name, at::IntArrayRef shape) const;
  /// As take, but kept in fp32 whatever the component's dtype (modulation tables, time embedding, norms in fp32).
  Tensor take_fp32(std::string_view name, at::IntArrayRef shape) const;
  /// As take, but on the CPU in the type that the file has, as a view of it: for weights that are used once.
  Tensor take_stored(std::string_view name, at::IntArrayRef shape) const;
  /// As take, but left in host memory, for weights that are brought to the device again and again (nn/block_fetcher.h):
  /// for the CPU as take_stored, since nothing could be faster; for another device in the component's dtype.
  Tensor take_host(std::string_view name, at::IntArrayRef shape) const;
  /// Empty if there is no such tensor.
  std::optional<Tensor> take_if(std::string_view name, at::IntArrayRef shape) const;
  /// Marks a tensor as known and unused, e.g. the tied copy of an embedding.
  void ignore(std::string_view name) const;
  bool has(std::string_view name) const;
  Weights sub(std::string_view name) const;  ///< prefix + name + "."
  Weights sub(std::int64_t index) const;

 private:
  friend class WeightFiles;
  Weights(WeightFiles* files, std::string prefix) : files_(files), prefix_(std::move(prefix)) {}
  /// `dtype` empty: the file's.
  Tensor take_as(std::string_view name, at::IntArrayRef shape, at::Device device,
                 std::optional<at::ScalarType> dtype) const;
  WeightFiles* files_;
  std::string prefix_;
};

/// Gives back the memory of a weight that lies in a mapped file, also while other tensors of the same file are in use.
/// Who reads it again reads the file.
void release_pages(const Tensor& weight);
/// For a weight that will not be read again: the same, and `weight` is undefined.
void drop_weight(Tensor& weight);

class WeightFiles {
 public:
  WeightFiles(std::vector<SafetensorsHeader> headers, at::Device device, at::ScalarType dtype, LoadedFn loaded = {});
  ~WeightFiles();
  WeightFiles(const WeightFiles&) = delete;
  WeightFiles& operator=(const WeightFiles&) = delete;

  Weights root() { return {this, ""}; }
  at::Device device() const;
  at::ScalarType dtype() const;
  /// Error{input} that lists the first ten tensors that nobody took.
  void finish() const;

 private:
  friend class Weights;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sora

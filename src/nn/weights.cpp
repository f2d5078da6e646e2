// Weights out of mapped safetensors files: taken by name and shape, converted at most once, straight to where they are
// used.
#include "sora/weights.h"

#include <ATen/ATen.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/text.h"
#include "checkpoint/mapped_file.h"

namespace sora {
namespace {

constexpr std::size_t kMaxListed = 10;

std::string text_of(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

std::optional<at::ScalarType> weight_type(StoredType type) {
  switch (type) {
    case StoredType::f64:
      return at::kDouble;
    case StoredType::f32:
      return at::kFloat;
    case StoredType::f16:
      return at::kHalf;
    case StoredType::bf16:
      return at::kBFloat16;
    case StoredType::i64:
    case StoredType::i32:
    case StoredType::i16:
    case StoredType::i8:
    case StoredType::u8:
    case StoredType::boolean:
    case StoredType::f8_e4m3:
    case StoredType::f8_e5m2:
      return std::nullopt;
  }
  return std::nullopt;
}

void unmap(void* file) { delete static_cast<MappedFile*>(file); }

// All bytes of a file as a tensor. Every view of it keeps the mapping, and the last one ends it.
Tensor map_file(const SafetensorsHeader& header) {
  auto file = std::make_unique<MappedFile>(header.file);
  const std::string_view bytes = file->bytes();
  require(std::cmp_equal(bytes.size(), header.file_size), Fault::input,
          "{}: was {} bytes long when its header was read and now is {}; is it still being downloaded?",
          shown(header.file), header.file_size, bytes.size());
  // The mapping is read-only: whoever writes to a weight learns it at once.
  void* const address = const_cast<char*>(bytes.data());
  at::DataPtr data(address, file.release(), unmap, at::kCPU);
  at::Storage storage(at::Storage::use_byte_size_t(), bytes.size(), std::move(data));
  return at::empty({0}, at::kByte).set_(storage, 0, {static_cast<std::int64_t>(bytes.size())});
}

bool is_mapped(const Tensor& tensor) { return tensor.storage().data_ptr().get_deleter() == unmap; }

// Gives back the memory of pages that lie wholly in `bytes`, which has been copied.
void drop_pages(const Tensor& bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(bytes.const_data_ptr());
  const std::uintptr_t first = (begin + page - 1) / page * page, last = (begin + bytes.nbytes()) / page * page;
  if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace

struct WeightFiles::State {
  struct Item {
    const SafetensorsHeader* header;
    const Tensor* file;
    const StoredTensor* stored;
    bool taken = false;

    std::int64_t bytes() const { return stored->end - stored->begin; }
  };

  std::vector<SafetensorsHeader> headers;
  std::vector<Tensor> files;  // as headers
  at::Device device;
  at::ScalarType dtype;
  LoadedFn loaded;
  std::map<std::string, Item, std::less<>> items;
  std::int64_t done = 0, total = 0;

  // The component, for messages.
  std::string folder() const { return headers.empty() ? "(no files)" : shown(headers[0].file.parent_path()); }

  void mark_taken(Item& item) {
    if (std::exchange(item.taken, true)) return;
    done += item.bytes();
    if (loaded) loaded(done, total);
  }

  std::vector<std::string> names_left() const {
    std::vector<std::string> names;
    for (const auto& [name, item] : items)
      if (!item.taken) names.push_back(name);
    return names;
  }
};

WeightFiles::WeightFiles(std::vector<SafetensorsHeader> headers, at::Device device, at::ScalarType dtype,
                         LoadedFn loaded)
    : state_(new State{std::move(headers), {}, device, dtype, std::move(loaded), {}}) {
  State& s = *state_;
  s.files.reserve(s.headers.size());  // items point into it
  for (const SafetensorsHeader& header : s.headers) {
    const Tensor& file = s.files.emplace_back(map_file(header));
    for (const auto& [name, stored] : header.tensors) {
      const auto [item, is_new] = s.items.try_emplace(name, State::Item{&header, &file, &stored});
      require(is_new, Fault::input, "{}: tensor \"{}\" is also in {}", shown(header.file), name,
              shown(item->second.header->file.filename()));
      s.total += item->second.bytes();
    }
  }
  if (s.loaded) s.loaded(0, s.total);
}

WeightFiles::~WeightFiles() = default;

at::Device WeightFiles::device() const { return state_->device; }
at::ScalarType WeightFiles::dtype() const { return state_->dtype; }

void WeightFiles::finish() const {
  std::vector<std::string> left = state_->names_left();
  if (left.empty()) return;
  const std::size_t count = left.size();
  left.resize(std::min(count, kMaxListed));
  fail(Fault::input, "{}: {} of its tensors belong to no part of the network that its config describes: \"{}\"{}",
       state_->folder(), count, fmt::join(left, "\", \""), count > kMaxListed ? " ..." : "");
}

void release_pages(const Tensor& weight) {
  if (is_mapped(weight)) drop_pages(weight);
}

void drop_weight(Tensor& weight) {
  release_pages(weight);
  weight.reset();
}

Tensor Weights::take_as(std::string_view name, at::IntArrayRef shape, at::Device device,
                        std::optional<at::ScalarType> wanted) const {
  WeightFiles::State& s = *files_->state_;
  const std::string full = prefix_ + std::string(name);
  const auto found = s.items.find(full);
  if (found == s.items.end()) {
    const std::string near = nearest(full, s.names_left());
    fail(Fault::input, "{}: tensor \"{}\" is missing; expected shape {}{}", s.folder(), full, text_of(shape),
         near.empty() ? "" : fmt::format(" (the nearest name is \"{}\")", near));
  }
  WeightFiles::State::Item& item = found->second;
  const StoredTensor& stored = *item.stored;
  require(shape == stored.shape, Fault::input, "{}: tensor \"{}\": expected shape {}, found {}",
          shown(item.header->file), full, text_of(shape), text_of(stored.shape));
  const std::optional<at::ScalarType> stored_as = weight_type(stored.type);
  require(stored_as.has_value(), Fault::input,
          "{}: tensor \"{}\": is stored as {}; weights can be F64, F32, F16 or BF16", shown(item.header->file), full,
          to_string(stored.type));

  const Tensor bytes = item.file->slice(0, stored.begin, stored.end);
  const bool aligned = stored.begin % size_of(stored.type) == 0;
  const Tensor typed = (aligned ? bytes : bytes.clone()).view(*stored_as).view(shape);
  const at::ScalarType dtype = wanted.value_or(*stored_as);
  const bool in_place = aligned && device.is_cpu() && dtype == *stored_as;
  const Tensor result = in_place ? typed : typed.to(device, dtype);
  if (!in_place) drop_pages(bytes);
  s.mark_taken(item);
  return result;
}

Tensor Weights::take(std::string_view name, at::IntArrayRef shape) const {
  return take_as(name, shape, files_->device(), files_->dtype());
}

Tensor Weights::take_fp32(std::string_view name, at::IntArrayRef shape) const {
  return take_as(name, shape, files_->device(), at::kFloat);
}

Tensor Weights::take_stored(std::string_view name, at::IntArrayRef shape) const {
  return take_as(name, shape, at::kCPU, std::nullopt);
}

Tensor Weights::take_host(std::string_view name, at::IntArrayRef shape) const {
  return files_->device().is_cpu() ? take_stored(name, shape) : take_as(name, shape, at::kCPU, files_->dtype());
}

std::optional<Tensor> Weights::take_if(std::string_view name, at::IntArrayRef shape) const {
  if (!has(name)) return std::nullopt;
  return take(name, shape);
}

void Weights::ignore(std::string_view name) const {
  auto& items = files_->state_->items;
  if (const auto found = items.find(prefix_ + std::string(name)); found != items.end())
    files_->state_->mark_taken(found->second);
}

bool Weights::has(std::string_view name) const { return files_->state_->items.contains(prefix_ + std::string(name)); }

Weights Weights::sub(std::string_view name) const { return {files_, prefix_ + std::string(name) + "."}; }

Weights Weights::sub(std::int64_t index) const { return sub(std::to_string(index)); }

}  // namespace sora

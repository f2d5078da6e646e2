// The header of a safetensors file, read as https://github.com/huggingface/safetensors describes the format, and
// stricter than the published reader: duplicates, unknown keys, absurd ranks and names are refused, and the header's
// size is capped at 16 MiB.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "checkpoint/mapped_file.h"
#include "sora/checkpoint.h"

namespace sora {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian, and read as they are");

constexpr std::size_t kLengthBytes = 8;  // u64: length of the JSON text that follows
constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr std::size_t kMaxNameBytes = 512;
constexpr std::size_t kMaxRank = 8;
constexpr std::uint64_t kMaxInt = std::numeric_limits<std::int64_t>::max();

struct TypeName {
  StoredType type;
  std::string_view name;
  std::int64_t size;
};
constexpr std::array<TypeName, 12> kTypes{{{StoredType::f64, "F64", 8},
                                           {StoredType::f32, "F32", 4},
                                           {StoredType::f16, "F16", 2},
                                           {StoredType::bf16, "BF16", 2},
                                           {StoredType::i64, "I64", 8},
                                           {StoredType::i32, "I32", 4},
                                           {StoredType::i16, "I16", 2},
                                           {StoredType::i8, "I8", 1},
                                           {StoredType::u8, "U8", 1},
                                           {StoredType::boolean, "BOOL", 1},
                                           {StoredType::f8_e4m3, "F8_E4M3", 1},
                                           {StoredType::f8_e5m2, "F8_E5M2", 1}}};

const TypeName& entry_of(StoredType type) {
  return *std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& entry) { return entry.type == type; });
}

// Collects the entries while the JSON text is read; what it does not expect is an error at once. Messages get the
// file's name where they are caught.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  struct Entry {
    std::optional<StoredType> type;
    std::optional<std::vector<std::int64_t>> shape;
    std::optional<std::vector<std::int64_t>> offsets;  // from the end of the header
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  Entries take_entries() { return std::move(entries_); }

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(std::int64_t value) override { unexpected(fmt::format("the number {}", value)); }
  bool number_float(double, const std::string& text) override {
    unexpected(fmt::format("the number {}", printable(text)));
  }
  bool binary(nlohmann::json::binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ != Place::shape && place_ != Place::offsets) unexpected(fmt::format("the number {}", value));
    require(value <= kMaxInt, Fault::input, "{}: {} is too large", where(), value);
    const std::size_t most = place_ == Place::shape ? kMaxRank : 2;
    require(numbers_.size() < most, Fault::input, "{}: more than {} numbers", where(), most);
    numbers_.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::metadata) return true;
    if (place_ != Place::entry || key_ != "dtype") unexpected(fmt::format("the string \"{}\"", printable(value)));
    const auto found =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeName& entry) { return entry.name == value; });
    require(found != kTypes.end(), Fault::input, "{}: \"{}\" is not a type that is known here", where(),
            printable(value));
    entry_->second.type = found->type;
    return true;
  }

  bool key(std::string& name) override {
    if (place_ == Place::root) {
      start_entry(name);
      return true;
    }
    key_ = name;
    if (place_ == Place::metadata) {
      require(metadata_keys_.insert(name).second, Fault::input, "__metadata__: key \"{}\" is there twice",
              printable(name));
      return true;
    }
    const Entry& entry = entry_->second;
    const bool known = name == "dtype" || name == "shape" || name == "data_offsets";
    require(known, Fault::input, "tensor \"{}\": unknown key \"{}\"", entry_->first, printable(name));
    const bool repeated = name == "dtype"   ? entry.type.has_value()
                          : name == "shape" ? entry.shape.has_value()
                                            : entry.offsets.has_value();
    require(!repeated, Fault::input, "tensor \"{}\": key \"{}\" is there twice", entry_->first, name);
    return true;
  }

  bool start_object(std::size_t) override {
    if (place_ != Place::outside && place_ != Place::root) unexpected("an object");
    place_ = place_ == Place::outside ? Place::root : in_metadata_ ? Place::metadata : Place::entry;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::entry) {
      const auto& [name, entry] = *entry_;
      const char* missing = !entry.type ? "dtype" : !entry.shape ? "shape" : !entry.offsets ? "data_offsets" : nullptr;
      require(missing == nullptr, Fault::input, "tensor \"{}\": key \"{}\" is missing", name, missing ? missing : "");
    }
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ != Place::entry || key_ == "dtype") unexpected("an array");
    place_ = key_ == "shape" ? Place::shape : Place::offsets;
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets)
      require(numbers_.size() == 2, Fault::input, "{}: expected 2 numbers, found {}", where(), numbers_.size());
    (place_ == Place::shape ? entry_->second.shape : entry_->second.offsets) = std::exchange(numbers_, {});
    place_ = Place::entry;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) override {
    // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    const std::string_view what = error.what();
    fail(Fault::input, "the header is not valid JSON at byte {}: {}", position,
         printable(what.substr(what.find("] ") + 2), 300));
  }

 private:
  enum class Place { outside, root, metadata, entry, shape, offsets };

  void start_entry(const std::string& name) {
    in_metadata_ = name == "__metadata__";
    if (in_metadata_) {
      require(!std::exchange(has_metadata_, true), Fault::input, "__metadata__ is there twice");
      return;
    }
    require(!name.empty() && name.size() <= kMaxNameBytes, Fault::input,
            "a tensor's name is {} bytes long; expected 1 to {}: \"{}\"", name.size(), kMaxNameBytes, printable(name));
    require(printable(name, kMaxNameBytes + 1) == name, Fault::input,
            "a tensor's name has characters that do not print: \"{}\"", printable(name));
    bool is_new = false;
    std::tie(entry_, is_new) = entries_.try_emplace(name);
    require(is_new, Fault::input, "tensor \"{}\" is there twice", name);
  }

  std::string where() const {
    switch (place_) {
      case Place::outside:
        return "the header";
      case Place::root:
        return in_metadata_ ? "__metadata__" : fmt::format("tensor \"{}\"", entry_->first);
      case Place::metadata:
        return fmt::format("__metadata__: key \"{}\"", printable(key_));
      case Place::entry:
      case Place::shape:
      case Place::offsets:
        return fmt::format("tensor \"{}\": key \"{}\"", entry_->first, key_);
    }
    return {};
  }

  std::string expected() const {
    switch (place_) {
      case Place::outside:
      case Place::root:
        return "an object";
      case Place::metadata:
        return "a string";
      case Place::entry:
        return key_ == "dtype" ? "a string" : "an array";
      case Place::shape:
      case Place::offsets:
        return "an integer >= 0";
    }
    return {};
  }

  [[noreturn]] void unexpected(const std::string& found) const {
    fail(Fault::input, "{}: expected {}, found {}", where(), expected(), found);
  }

  Entries entries_;
  Entries::iterator entry_;  // the one being read
  Place place_ = Place::outside;
  std::string key_;
  std::vector<std::int64_t> numbers_;
  std::set<std::string> metadata_keys_;
  bool in_metadata_ = false, has_metadata_ = false;
};

// The length of the JSON text, checked against the cap and the file.
std::uint64_t header_length(std::string_view first_bytes, std::uint64_t file_size) {
  require(file_size >= kLengthBytes && first_bytes.size() >= kLengthBytes, Fault::input,
          "is {} bytes long, too short for a safetensors file; is the download complete?", file_size);
  std::uint64_t length = 0;
  std::memcpy(&length, first_bytes.data(), kLengthBytes);
  require(
      length <= kMaxHeaderBytes, Fault::input,
      "says that its header is {} bytes long; at most {} are read, so this is not a safetensors file or a damaged one",
      length, kMaxHeaderBytes);
  require(length <= file_size - kLengthBytes, Fault::input,
          "is {} bytes long and says that its header alone takes {}; is the download complete?", file_size,
          length + kLengthBytes);
  return length;
}

std::int64_t stored_bytes(const std::string& name, StoredType type, const std::vector<std::int64_t>& shape) {
  // Sizes of 0 are left out, so that no order of multiplication overflows later.
  std::int64_t nonzero = size_of(type);
  for (std::int64_t size : shape) {
    const bool fits = !__builtin_mul_overflow(nonzero, std::max<std::int64_t>(size, 1), &nonzero);
    require(fits, Fault::input, "tensor \"{}\": shape [{}] has more bytes than 64 bits count", name,
            fmt::join(shape, ", "));
  }
  return std::find(shape.begin(), shape.end(), 0) == shape.end() ? nonzero : 0;
}

// Offsets must follow one another without gap or overlap, from the header's end to the file's.
void check_layout(const SafetensorsHeader& header, std::int64_t data_begin) {
  std::vector<std::pair<std::int64_t, const std::string*>> order;
  for (const auto& [name, tensor] : header.tensors) order.emplace_back(tensor.begin, &name);
  const auto key = [&](const auto& item) {
    return std::pair(item.first, header.tensors.find(*item.second)->second.end);
  };
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  std::int64_t end = data_begin;
  for (const auto& [begin, name] : order) {
    require(begin == end, Fault::input, "tensor \"{}\" begins at byte {} of the data, expected {}: tensors {}", *name,
            begin - data_begin, end - data_begin, begin < end ? "overlap" : "leave a hole");
    end = header.tensors.find(*name)->second.end;
  }
  require(header.file_size >= end, Fault::input,
          "is {} bytes long, and its header describes {}; is the download complete?", header.file_size, end);
  require(header.file_size == end, Fault::input, "is {} bytes long, and its header describes only {}", header.file_size,
          end);
}

StoredTensor checked_tensor(const std::string& name, HeaderReader::Entry& entry, std::int64_t data_begin) {
  StoredTensor tensor{*entry.type, std::move(*entry.shape), (*entry.offsets)[0], (*entry.offsets)[1]};
  require(tensor.begin <= tensor.end && tensor.end <= std::numeric_limits<std::int64_t>::max() - data_begin,
          Fault::input, "tensor \"{}\": data_offsets [{}, {}] are no range", name, tensor.begin, tensor.end);
  const std::int64_t bytes = stored_bytes(name, tensor.type, tensor.shape);
  require(tensor.end - tensor.begin == bytes, Fault::input,
          "tensor \"{}\": shape [{}] of {} takes {} bytes, data_offsets [{}, {}] hold {}", name,
          fmt::join(tensor.shape, ", "), to_string(tensor.type), bytes, tensor.begin, tensor.end,
          tensor.end - tensor.begin);
  tensor.begin += data_begin;
  tensor.end += data_begin;
  return tensor;
}

SafetensorsHeader parse(std::string_view bytes, std::uint64_t file_size) {
  require(file_size <= kMaxInt, Fault::input, "is {} bytes long", file_size);
  const std::uint64_t length = header_length(bytes, file_size);
  require(bytes.size() - kLengthBytes >= length, Fault::input, "ends within its header");
  const std::string_view text = bytes.substr(kLengthBytes, length);
  require(text.starts_with('{'), Fault::input, "does not begin with a JSON object: not a safetensors file");
  // The parser takes a zero byte for the end of its input.
  const std::size_t zero = text.find('\0');
  require(zero == text.npos, Fault::input, "the header is not valid JSON at byte {}: a zero byte", zero + 1);
  HeaderReader reader;
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);

  SafetensorsHeader header;
  header.file_size = static_cast<std::int64_t>(file_size);
  const auto data_begin = static_cast<std::int64_t>(kLengthBytes + length);
  for (auto& [name, entry] : reader.take_entries())
    header.tensors.emplace(name, checked_tensor(name, entry, data_begin));
  check_layout(header, data_begin);
  return header;
}

}  // namespace

std::string_view to_string(StoredType type) { return entry_of(type).name; }
std::int64_t size_of(StoredType type) { return entry_of(type).size; }

SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::filesystem::path& file) {
  try {
    SafetensorsHeader header = parse(bytes, file_size);
    header.file = file;
    return header;
  } catch (const Error& error) {
    throw error.within(shown(file));
  }
}

SafetensorsHeader read_safetensors_header(const std::filesystem::path& file) {
  const MappedFile mapped(file);
  return parse_safetensors_header(mapped.bytes(), mapped.bytes().size(), file);
}

}  // namespace sora

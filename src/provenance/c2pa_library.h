// libc2pa_c.so, loaded when it is first needed, and its objects as ours.
#pragma once

#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "provenance/c2pa_abi.h"

namespace sora {

/// The versions that this program is made for and tested with, as the library names itself.
inline constexpr const char* kC2paVersion = "0.91";

/// Loads the library from `file`. Error{input} if it is missing, is of another version or lacks a function.
C2paFunctions load_c2pa(const std::filesystem::path& file);

/// The folder of this program's own libraries: its own, or where they are installed.
std::filesystem::path c2pa_folder();

/// The library: what $SORA_C2PA_LIBRARY names, else the one in c2pa_folder(). Loaded
/// once and never closed; errors as above.
const C2paFunctions& c2pa();

struct FreeC2pa {
  void operator()(const void* pointer) const { c2pa().free(pointer); }
};
template <class T>
using C2paOwned = std::unique_ptr<T, FreeC2pa>;

/// What the library said last, fit for a message.
std::string c2pa_error();
/// A string of the library's as ours; empty for nullptr.
std::string c2pa_text(char* text);

/// Nothing is fetched, and what is held in memory of a file has a limit.
nlohmann::ordered_json c2pa_offline_settings();
/// A context with these settings. It may go before what is made from it.
C2paOwned<C2paContext> c2pa_context(const nlohmann::ordered_json& settings);

/// An open file as a stream. The file's own position is neither used nor changed.
class C2paFile {
 public:
  /// No write goes beyond `most_bytes`; 0 for a file that is only read.
  explicit C2paFile(int fd, std::int64_t most_bytes = 0);
  C2paFile(const C2paFile&) = delete;
  C2paFile& operator=(const C2paFile&) = delete;

  C2paStream* get() const { return stream_.get(); }
  /// errno of the first call that failed, else 0.
  int error() const { return error_; }

 private:
  struct Release {
    void operator()(C2paStream* stream) const { c2pa().release_stream(stream); }
  };
  static std::intptr_t read(void* self, std::uint8_t* into, std::intptr_t room);
  static std::intptr_t seek(void* self, std::intptr_t by, int whence);
  static std::intptr_t write(void* self, const std::uint8_t* from, std::intptr_t bytes);
  static std::intptr_t flush(void* self);
  std::intptr_t failed(int error);

  int fd_;
  std::int64_t most_bytes_, position_ = 0;
  int error_ = 0;
  std::unique_ptr<C2paStream, Release> stream_;
};

}  // namespace sora

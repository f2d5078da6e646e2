#include "provenance/c2pa_library.h"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "sora/error.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFile = "libc2pa_c.so";

template <class Function>
void find(void* library, const char* name, Function& function, const fs::path& file) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  require(function != nullptr, Fault::input, "{} has no function {}; run scripts/setup and build again", shown(file),
          name);
}

// "c2pa-c-ffi/0.91.3 c2pa-rs/0.91.3"
bool is_known(const std::string& version) {
  return version.starts_with(fmt::format("c2pa-c-ffi/{}.", kC2paVersion)) &&
         version.find(fmt::format(" c2pa-rs/{}.", kC2paVersion)) != std::string::npos;
}

void find_all(void* library, C2paFunctions& functions, const fs::path& file) {
  C2paFunctions& f = functions;
  find(library, "c2pa_error", f.error, file);
  find(library, "c2pa_create_stream", f.create_stream, file);
  find(library, "c2pa_release_stream", f.release_stream, file);
  find(library, "c2pa_settings_new", f.settings_new, file);
  find(library, "c2pa_settings_update_from_string", f.settings_update_from_string, file);
  find(library, "c2pa_context_builder_new", f.context_builder_new, file);
  find(library, "c2pa_context_builder_set_settings", f.context_builder_set_settings, file);
  find(library, "c2pa_context_builder_build", f.context_builder_build, file);
  find(library, "c2pa_signer_create", f.signer_create, file);
  find(library, "c2pa_builder_from_context", f.builder_from_context, file);
  find(library, "c2pa_builder_with_definition", f.builder_with_definition, file);
  find(library, "c2pa_builder_add_resource", f.builder_add_resource, file);
  find(library, "c2pa_builder_add_ingredient_from_stream", f.builder_add_ingredient_from_stream, file);
  find(library, "c2pa_builder_sign", f.builder_sign, file);
  find(library, "c2pa_reader_from_context", f.reader_from_context, file);
  find(library, "c2pa_reader_with_stream", f.reader_with_stream, file);
  find(library, "c2pa_reader_json", f.reader_json, file);
  find(library, "c2pa_reader_crjson", f.reader_crjson, file);
}

fs::path library_file() {
  const char* named = std::getenv("SORA_C2PA_LIBRARY");
  return named != nullptr && *named != '\0' ? fs::path(named) : c2pa_folder() / kFile;
}

}  // namespace

C2paFunctions load_c2pa(const fs::path& file) {
  constexpr const char* kNeeded = "C2PA manifests are written and read by it";
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* error = dlerror();
    fail(Fault::input, "cannot load {}: {}; {}; run scripts/setup and build again", kFile,
         printable(error == nullptr ? "no reason given" : error, 400), kNeeded);
  }
  C2paFunctions functions{};
  find(library, "c2pa_version", functions.version, file);
  find(library, "c2pa_free", functions.free, file);
  char* const text = functions.version();
  const std::string version = text == nullptr ? "" : text;
  functions.free(text);
  require(is_known(version), Fault::input, "{} is {}, this program is made for {}; run scripts/setup and build again",
          shown(file), printable(version), kC2paVersion);
  find_all(library, functions, file);
  return functions;
}

// Of the program that runs, not of the part of it that this code is linked into.
fs::path c2pa_folder() {
  std::error_code problem;
  const fs::path folder = fs::read_symlink("/proc/self/exe", problem).parent_path();
  const fs::path installed = (folder / SORA_C2PA_INSTALLED).lexically_normal();
  return fs::exists(installed / kFile, problem) ? installed : folder;
}

const C2paFunctions& c2pa() {
  static const C2paFunctions loaded = load_c2pa(library_file());
  return loaded;
}

std::string c2pa_text(char* text) {
  const C2paOwned<char> owned(text);
  return owned == nullptr ? "" : owned.get();
}

std::string c2pa_error() { return printable(c2pa_text(c2pa().error()), 400); }

nlohmann::ordered_json c2pa_offline_settings() {
  return {{"version", 1},
          {"verify", {{"remote_manifest_fetch", false}, {"ocsp_fetch", false}}},
          {"core",
           {{"allowed_network_hosts", nlohmann::ordered_json::array()},
            {"decode_identity_assertions", false},  // would look identities up
            {"backing_store_memory_threshold_in_mb", 10},
            {"max_decompressed_manifest_size_in_mb", 64}}}};
}

C2paOwned<C2paContext> c2pa_context(const nlohmann::ordered_json& settings) {
  const C2paOwned<C2paSettings> read(c2pa().settings_new());
  require(read != nullptr && c2pa().settings_update_from_string(read.get(), settings.dump().c_str(), "json") >= 0,
          Fault::bug, "the C2PA library refuses its settings: {}", c2pa_error());
  C2paOwned<C2paContextBuilder> builder(c2pa().context_builder_new());
  require(builder != nullptr && c2pa().context_builder_set_settings(builder.get(), read.get()) >= 0, Fault::bug,
          "the C2PA library refuses its settings: {}", c2pa_error());
  C2paOwned<C2paContext> context(c2pa().context_builder_build(builder.release()));
  require(context != nullptr, Fault::bug, "the C2PA library makes no context: {}", c2pa_error());
  return context;
}

C2paFile::C2paFile(int fd, std::int64_t most_bytes)
    : fd_(fd), most_bytes_(most_bytes), stream_(c2pa().create_stream(this, read, seek, write, flush)) {
  require(stream_ != nullptr, Fault::memory, "the C2PA library makes no stream: {}", c2pa_error());
}

std::intptr_t C2paFile::failed(int error) {
  if (error_ == 0) error_ = error;
  return -1;
}

std::intptr_t C2paFile::read(void* self, std::uint8_t* into, std::intptr_t room) {
  auto& file = *static_cast<C2paFile*>(self);
  if (room < 0) return file.failed(EINVAL);
  while (true) {
    const ssize_t n = pread(file.fd_, into, static_cast<std::size_t>(room), file.position_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file.failed(errno);
    file.position_ += n;
    return n;
  }
}

std::intptr_t C2paFile::seek(void* self, std::intptr_t by, int whence) {
  auto& file = *static_cast<C2paFile*>(self);
  std::int64_t from = whence == 1 ? file.position_ : 0;
  if (whence == 2) {
    struct stat info {};
    if (fstat(file.fd_, &info) != 0) return file.failed(errno);
    from = info.st_size;
  }
  // Refused without a mark in error_: where to is what the file's boxes say.
  std::int64_t position = 0;
  if (__builtin_add_overflow(from, static_cast<std::int64_t>(by), &position) || position < 0) return -1;
  return file.position_ = position;
}

std::intptr_t C2paFile::write(void* self, const std::uint8_t* from, std::intptr_t bytes) {
  auto& file = *static_cast<C2paFile*>(self);
  if (bytes < 0 || file.position_ > file.most_bytes_ - bytes) return file.failed(EFBIG);
  while (true) {
    const ssize_t n = pwrite(file.fd_, from, static_cast<std::size_t>(bytes), file.position_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file.failed(errno);
    file.position_ += n;
    return n;
  }
}

// Nothing is kept back; who publishes the file brings it to the disk.
std::intptr_t C2paFile::flush(void*) { return 0; }

}  // namespace sora

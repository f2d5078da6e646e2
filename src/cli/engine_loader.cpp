// Loads the engine: a module beside the program (or where the program's RUNPATH says), and only when it is needed.
#include <dlfcn.h>

#include <cstdlib>

#include "sora/engine.h"
#include "sora/error.h"

namespace sora {
namespace {

constexpr const char* kModule = "libsora_engine.so";

// OpenMP's threads spin while they wait for each other. That gains nothing measurable here, and where another program
// runs on one of the cores, rendering takes ten times as long. Read by libgomp when it is loaded; the user's own
// settings win.
void let_waiting_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "0", /*overwrite=*/0);
}

const Engine* load() {
  let_waiting_threads_sleep();
  // Never closed: LibTorch does not survive it.
  void* module = dlopen(kModule, RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const char* error = dlerror();
    const std::string reason = error == nullptr ? "no reason given" : error;
    const bool no_memory = reason.find("failed to map segment") != std::string::npos ||
                           reason.find("Cannot allocate memory") != std::string::npos;
    require(!no_memory, Fault::memory, "out of memory while {} is loaded: {}", kModule, reason);
    fail(Fault::input, "cannot load {}, the part of sora-gen that renders: {}; run scripts/setup and build again",
         kModule, reason);
  }
  using EngineFn = const Engine* (*)();
  const auto find = reinterpret_cast<EngineFn>(dlsym(module, kEngineSymbol));
  require(find != nullptr, Fault::input,
          "{} has no symbol {}: it belongs to another version of sora-gen; build both again", kModule, kEngineSymbol);
  return find();
}

}  // namespace

const Engine& engine() {
  static const Engine* const loaded = load();
  return *loaded;
}

}  // namespace sora

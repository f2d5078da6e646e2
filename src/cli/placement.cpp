// auto: CUDA where there is a driver; bf16 where the hardware multiplies it.
#include "cli/placement.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <array>

#include "base/machine.h"
#include "sora/error.h"

namespace sora {
namespace {

// A GPU by the driver's own library, which answers in milliseconds where CUDA would take a second to start.
class Gpu {
 public:
  explicit Gpu(unsigned index) : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    const auto start = function<int (*)()>("nvmlInit_v2");
    const auto find = function<int (*)(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    if (start == nullptr || find == nullptr || start() != 0 || find(index, &device_) != 0) device_ = nullptr;
  }

  std::optional<std::int64_t> free_bytes() const {
    struct Memory {
      unsigned long long total, free, used;
    } memory{};
    const auto read = function<int (*)(void*, Memory*)>("nvmlDeviceGetMemoryInfo");
    if (device_ == nullptr || read == nullptr || read(device_, &memory) != 0) return std::nullopt;
    return static_cast<std::int64_t>(memory.free);
  }

  std::string name() const {
    std::array<char, 96> name{};
    const auto read = function<int (*)(void*, char*, unsigned)>("nvmlDeviceGetName");
    if (device_ == nullptr || read == nullptr || read(device_, name.data(), name.size() - 1) != 0) return "";
    return name.data();
  }

 private:
  template <class Function>
  Function function(const char* symbol) const {
    return library_ == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(library_, symbol));
  }

  void* library_;
  void* device_ = nullptr;
};

}  // namespace

Placement resolve_placement(const PlacementWish& wish) {
  const bool driver = nvidia_driver_present();
  require(driver || wish.device != DeviceKind::cuda, Fault::usage,
          "--device cuda: this machine has no NVIDIA driver (there is no /proc/driver/nvidia/version); install one, or "
          "give "
          "--device cpu");
  Placement placement;
  placement.device = wish.device.value_or(driver ? DeviceKind::cuda : DeviceKind::cpu);
  placement.cuda_index = wish.cuda_index;
  const bool fast_bf16 = placement.device == DeviceKind::cuda || cpu_has_fast_bf16();
  placement.dtype = wish.dtype.value_or(fast_bf16 ? Dtype::bf16 : Dtype::fp32);
  placement.threads = wish.threads;
  return placement;
}

std::optional<std::int64_t> free_memory_bytes(const Placement& placement) {
  if (placement.device == DeviceKind::cuda) return Gpu(static_cast<unsigned>(placement.cuda_index)).free_bytes();
  return memory_available_bytes();
}

std::string hardware_name(const Placement& placement) {
  if (placement.device == DeviceKind::cuda) return "cuda, " + Gpu(static_cast<unsigned>(placement.cuda_index)).name();
  return fmt::format("{}, {} threads", cpu_name(), placement.threads > 0 ? placement.threads : cores());
}

}  // namespace sora

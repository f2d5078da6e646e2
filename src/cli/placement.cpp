// auto: CUDA where there is a driver; bf16 where the hardware multiplies it.
#include "cli/placement.h"

#include <dlfcn.h>

#include "base/machine.h"
#include "sora/error.h"

namespace sora {
namespace {

// By the driver's own library, which answers in milliseconds where CUDA would take a second to start.
std::optional<std::int64_t> gpu_free_bytes(unsigned index) {
  struct Memory {
    unsigned long long total, free, used;
  };
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return std::nullopt;
  const auto start = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
  const auto find = reinterpret_cast<int (*)(unsigned, void**)>(dlsym(library, "nvmlDeviceGetHandleByIndex_v2"));
  const auto read = reinterpret_cast<int (*)(void*, Memory*)>(dlsym(library, "nvmlDeviceGetMemoryInfo"));
  void* device = nullptr;
  Memory memory{};
  const bool known = start != nullptr && find != nullptr && read != nullptr && start() == 0 &&
                     find(index, &device) == 0 && read(device, &memory) == 0;
  if (!known) return std::nullopt;
  return static_cast<std::int64_t>(memory.free);
}

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
  if (placement.device == DeviceKind::cuda) return gpu_free_bytes(static_cast<unsigned>(placement.cuda_index));
  return memory_available_bytes();
}

}  // namespace sora

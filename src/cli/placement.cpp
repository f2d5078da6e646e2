// auto: CUDA where there is a driver; bf16 where the hardware multiplies it.
#include "cli/placement.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/machine.h"
#include "sora/error.h"

namespace sora {
namespace {

// The driver's own library, which answers in milliseconds where CUDA would take a second to start.
class Nvml {
 public:
  Nvml() : library_(dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL)) {
    const auto start = find<int()>("nvmlInit_v2");
    started_ = start != nullptr && start() == 0;
  }

  std::optional<int> gpus() const {
    const auto count = find<int(unsigned*)>("nvmlDeviceGetCount_v2");
    unsigned n = 0;
    if (!started_ || count == nullptr || count(&n) != 0) return std::nullopt;
    return static_cast<int>(n);
  }

  std::optional<std::int64_t> free_bytes(int gpu) const {
    struct Memory {
      unsigned long long total, free, used;
    } memory{};
    const auto read = find<int(void*, Memory*)>("nvmlDeviceGetMemoryInfo");
    void* device = device_of(gpu);
    if (device == nullptr || read == nullptr || read(device, &memory) != 0) return std::nullopt;
    return static_cast<std::int64_t>(memory.free);
  }

  std::string name(int gpu) const {
    std::array<char, 96> name{};
    const auto read = find<int(void*, char*, unsigned)>("nvmlDeviceGetName");
    void* device = device_of(gpu);
    if (device == nullptr || read == nullptr || read(device, name.data(), name.size() - 1) != 0) return "";
    return name.data();
  }

 private:
  template <class Function>
  Function* find(const char* name) const {
    return library_ == nullptr ? nullptr : reinterpret_cast<Function*>(dlsym(library_, name));
  }

  void* device_of(int gpu) const {
    const auto device_at = find<int(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    void* device = nullptr;
    if (!started_ || device_at == nullptr || device_at(static_cast<unsigned>(gpu), &device) != 0) return nullptr;
    return device;
  }

  void* library_;
  bool started_ = false;
};

int gpu_index(const PlacementWish& wish, const std::optional<Group>& group) {
  if (wish.cuda_index) return *wish.cuda_index;
  return group ? gpu_of_rank(*group, std::getenv("CUDA_VISIBLE_DEVICES"), Nvml().gpus()) : 0;
}

}  // namespace

int gpu_of_rank(const Group& group, const char* visible, std::optional<int> installed) {
  std::optional<int> shown = installed;
  if (visible != nullptr) {
    const std::string_view list = visible;
    shown = list.empty() ? 0 : 1 + static_cast<int>(std::count(list.begin(), list.end(), ','));
    if (shown == 1) return 0;
  }
  require(!shown || group.local_rank < *shown, Fault::usage,
          "rank {} has the local rank {}, but {} {} GPUs: start at most as many ranks a machine, or give --device",
          group.rank, group.local_rank, visible != nullptr ? "CUDA_VISIBLE_DEVICES shows" : "this machine has",
          shown.value_or(0));
  return group.local_rank;
}

Placement resolve_placement(const PlacementWish& wish, const std::optional<Group>& group) {
  const bool driver = nvidia_driver_present();
  require(driver || wish.device != DeviceKind::cuda, Fault::usage,
          "--device cuda: this machine has no NVIDIA driver (there is no /proc/driver/nvidia/version); install one, or "
          "give "
          "--device cpu");
  Placement placement;
  placement.device = wish.device.value_or(driver ? DeviceKind::cuda : DeviceKind::cpu);
  if (placement.device == DeviceKind::cuda) placement.cuda_index = gpu_index(wish, group);
  const bool fast_bf16 = placement.device == DeviceKind::cuda || cpu_has_fast_bf16();
  placement.dtype = wish.dtype.value_or(fast_bf16 ? Dtype::bf16 : Dtype::fp32);
  placement.threads = wish.threads;
  return placement;
}

std::optional<std::int64_t> free_memory_bytes(const Placement& placement) {
  if (placement.device == DeviceKind::cuda) return Nvml().free_bytes(placement.cuda_index);
  return memory_available_bytes();
}

std::string hardware_name(const Placement& placement) {
  if (placement.device == DeviceKind::cuda) return "cuda, " + Nvml().name(placement.cuda_index);
  return fmt::format("{}, {} threads", cpu_name(), placement.threads > 0 ? placement.threads : cores());
}

}  // namespace sora

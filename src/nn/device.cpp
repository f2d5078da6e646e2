#include "nn/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <dlfcn.h>

#include <filesystem>

#include "base/machine.h"
#include "sora/error.h"

namespace sora {
namespace {

// libtorch_cpu alone is linked, so that a CPU run does not pay for CUDA (0.15 s, 350 MB).
void load_cuda_half() {
  Dl_info info{};
  const bool found = dladdr(reinterpret_cast<const void*>(&at::set_num_threads), &info) != 0;
  require(found && info.dli_fname != nullptr, Fault::bug, "cannot find the file that LibTorch was loaded from");
  const std::filesystem::path library = std::filesystem::path(info.dli_fname).replace_filename("libtorch_cuda.so");
  std::error_code ignored;
  require(std::filesystem::exists(library, ignored), Fault::usage,
          "device cuda: this LibTorch has no CUDA half ({} is not there); run scripts/setup on a machine with an "
          "NVIDIA driver",
          library.string());
  require(
      dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr, Fault::usage,
      "device cuda: LibTorch's CUDA half cannot be loaded ({}); run scripts/setup on a machine with an NVIDIA driver",
      dlerror());
}

at::Device prepare_cuda(int index) {
  require(nvidia_driver_present(), Fault::usage,
          "device cuda: no NVIDIA driver is loaded on this machine; use --device cpu");
  load_cuda_half();
  require(at::hasCUDA(), Fault::usage,
          "device cuda: LibTorch finds no usable GPU; nvidia-smi tells whether the driver works and is new enough for "
          "CUDA 13");
  const int count = at::detail::getCUDAHooks().deviceCount();
  require(index >= 0 && index < count, Fault::usage, "device cuda:{}: this machine has {} GPU{}, counted from cuda:0",
          index, count, count == 1 ? "" : "s");
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

}  // namespace

at::Device prepare_device(const Placement& placement) {
  const at::Device device =
      placement.device == DeviceKind::cuda ? prepare_cuda(placement.cuda_index) : at::Device(at::kCPU);
  at::set_num_threads(placement.threads > 0 ? placement.threads : cores());
  // As in the reference: products in full fp32, convolutions on the GPU with 10-bit mantissas.
  at::globalContext().setFloat32MatmulPrecision("highest");
  at::globalContext().setAllowTF32CuDNN(true);
  return device;
}

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return at::kFloat;
    case Dtype::bf16:
      return at::kBFloat16;
  }
  fail(Fault::bug, "Dtype has no value {}", static_cast<int>(dtype));
}

std::int64_t peak_device_bytes(at::Device device) {
  if (device.is_cpu()) return 0;
  const auto statistics = at::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  return statistics.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)].peak;
}

}  // namespace sora

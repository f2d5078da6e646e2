// Where a model runs, and in which type it computes.
#pragma once

#include <string>
#include <string_view>

namespace sora {

enum class Dtype { fp32, bf16 };
enum class DeviceKind { cpu, cuda };

struct Placement {
  DeviceKind device = DeviceKind::cpu;
  int cuda_index = 0;
  /// Type of the text encoder and the denoiser. The VAE always computes in fp32, as the reference recommends.
  Dtype dtype = Dtype::fp32;
  /// CPU threads of LibTorch; 0: as many as there are cores.
  int threads = 0;
};

std::string device_name(const Placement& placement);      // "cpu", "cuda:0"
std::string_view dtype_name(const Placement& placement);  // "fp32"
std::string to_string(const Placement& placement);        // "cpu, fp32"

}  // namespace sora

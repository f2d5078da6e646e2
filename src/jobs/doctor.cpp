#include "jobs/doctor.h"

#include <ATen/ATen.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include "base/machine.h"
#include "media/sinks.h"
#include "nn/device.h"
#include "sora/error.h"

namespace sora {
namespace {

// Runs `check` and turns what it throws into a finding.
template <class Check>
Finding find(const std::string& subject, Check check) {
  try {
    return {subject, true, check()};
  } catch (const std::exception& error) {
    return {subject, false, error.what()};
  }
}

}  // namespace

std::vector<Finding> examine_engine() {
  std::vector<Finding> findings;
  findings.push_back(find("LibTorch", [] { return fmt::format("{}, {}", TORCH_VERSION, at::get_cpu_capability()); }));
  if (nvidia_driver_present()) {
    findings.push_back(find("CUDA", [] {
      const at::Device device = prepare_device({.device = DeviceKind::cuda});
      return fmt::format("{} usable", device.str());
    }));
  } else {
    findings.push_back({"CUDA", true, "no NVIDIA driver here; rendering on the CPU"});
  }
  findings.push_back(find("H.264 encoder", [] { return probe_h264_encoder(); }));
  return findings;
}

}  // namespace sora

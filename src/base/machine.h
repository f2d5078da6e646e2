// What this machine has, found without LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sora {

/// Memory that this process may use: the machine's, or less under a cgroup limit.
std::int64_t memory_limit_bytes();
/// Memory that is free now, by the same rule.
std::int64_t memory_available_bytes();
/// Peak resident set of this process so far.
std::int64_t peak_rss_bytes();
/// Gives memory that was freed, but that the allocator keeps for later, back to the system.
void return_free_memory();
/// Free space for unprivileged users on the file system of `folder`.
std::int64_t disk_free_bytes(const std::filesystem::path& folder);
/// The same for a file that is to be written; its folders need not be there yet.
std::int64_t disk_free_for(const std::filesystem::path& file);
/// CPU cores that this process may run on.
int cores();
/// "AMD EPYC 9654 96-Core Processor"; empty if the kernel does not say.
std::string cpu_name();
/// The CPU multiplies bf16 in hardware (AMX or AVX512-BF16).
bool cpu_has_fast_bf16();
/// An NVIDIA kernel driver is loaded.
bool nvidia_driver_present();

}  // namespace sora

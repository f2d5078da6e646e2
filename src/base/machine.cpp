#include "base/machine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <sched.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

namespace sora {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

// A line "Key:   1234 kB" of a file of /proc, in bytes.
std::int64_t proc_kilobytes(const char* path, const std::string& key) {
  std::ifstream file(path);
  for (std::string word; file >> word;) {
    std::int64_t value = 0;
    if (word == key + ":" && file >> value) return value * 1024;
  }
  return 0;
}

std::int64_t meminfo(const std::string& key) { return proc_kilobytes("/proc/meminfo", key); }

// A number in a cgroup v2 file of this process; kUnlimited for "max" or no such file.
std::int64_t cgroup_number(const char* name) {
  std::ifstream membership("/proc/self/cgroup");
  std::string line;
  while (std::getline(membership, line)) {
    if (line.rfind("0::", 0) != 0) continue;
    std::ifstream file("/sys/fs/cgroup" + line.substr(3) + "/" + name);
    std::int64_t value = 0;
    if (file >> value) return value;
  }
  return kUnlimited;
}

// The first line "key   : value" of the kernel's description of the CPU, without its key.
std::string cpu_line(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind(key, 0) == 0) return line.substr(std::min(line.size(), line.find(':') + 1));
  }
  return "";
}

bool has_cpu_flag(const std::string& wanted) {
  return (cpu_line("flags") + " ").find(" " + wanted + " ") != std::string::npos;
}

}  // namespace

std::int64_t memory_limit_bytes() { return std::min(meminfo("MemTotal"), cgroup_number("memory.max")); }

std::int64_t memory_available_bytes() {
  const std::int64_t limit = cgroup_number("memory.max");
  const std::int64_t left =
      limit == kUnlimited ? kUnlimited : std::max<std::int64_t>(0, limit - cgroup_number("memory.current"));
  return std::min(meminfo("MemAvailable"), left);
}

// Not getrusage: its figure starts from what the parent had when it forked.
std::int64_t peak_rss_bytes() { return proc_kilobytes("/proc/self/status", "VmHWM"); }

void return_free_memory() {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

// The file system is that of the nearest folder that is there.
std::int64_t disk_free_for(const std::filesystem::path& file) {
  std::error_code none;
  std::filesystem::path folder = std::filesystem::absolute(file, none).parent_path();
  while (folder.has_relative_path() && !std::filesystem::exists(folder, none)) folder = folder.parent_path();
  return disk_free_bytes(folder);
}

std::int64_t disk_free_bytes(const std::filesystem::path& folder) {
  struct statvfs info {};
  if (statvfs(folder.c_str(), &info) != 0) return kUnlimited;
  return static_cast<std::int64_t>(info.f_bavail) * static_cast<std::int64_t>(info.f_frsize);
}

int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

std::string cpu_name() {
  const std::string name = cpu_line("model name");
  return name.substr(std::min(name.size(), name.find_first_not_of(' ')));
}

bool cpu_has_fast_bf16() { return has_cpu_flag("amx_bf16") || has_cpu_flag("avx512_bf16"); }

// A container may show the device and hide the driver's entry in /proc.
bool nvidia_driver_present() {
  return std::filesystem::exists("/proc/driver/nvidia/version") || std::filesystem::exists("/dev/nvidiactl");
}

}  // namespace sora

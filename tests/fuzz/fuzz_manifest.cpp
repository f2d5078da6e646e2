// The bytes as a file with a C2PA manifest: whatever they are, there is a report of it. The C2PA library itself is as
// installed, without instrumentation; ours are the stream and what is made of its JSON.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "provenance/read.h"
#include "sora/error.h"

namespace {

void check(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = memfd_create("media", MFD_CLOEXEC);
  check(fd >= 0 && write(fd, data, size) == static_cast<ssize_t>(size));
  const sora::ManifestReport report = sora::read_manifest("/proc/self/fd/" + std::to_string(fd), "");
  close(fd);
  using enum sora::ManifestState;
  check(report.state != trusted);  // no root was given
  const bool held = report.state == unknown_signer, failed = report.state == invalid || report.state == unreadable;
  check(report.faults.empty() == !failed || (held && report.faults.empty()));
  check(!sora::to_json(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).empty());
  return 0;
}

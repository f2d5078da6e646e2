// The bytes as a file with a C2PA manifest: whatever they are, there is a report of it. The C2PA library runs in a
// process of its own, as it always does; a file that ends that process is no finding, and the fuzzer says how many
// there were.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
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
  static sora::ManifestReader reader("");
  static std::size_t ended = 0;
  const int fd = memfd_create("media", MFD_CLOEXEC);
  check(fd >= 0 && write(fd, data, size) == static_cast<ssize_t>(size));
  const sora::ManifestReport report = reader.read("/proc/self/fd/" + std::to_string(fd));
  close(fd);
  using enum sora::ManifestState;
  if (!report.faults.empty() && report.faults[0].starts_with("the file has ended"))
    std::fprintf(stderr, "ended the reader: %zu\n", ++ended);
  check(report.state != trusted);  // no root was given
  check(report.faults.empty() == (report.state == unknown_signer || report.state == none));
  check(!sora::to_json(report).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).empty());
  return 0;
}

// sora-manifest-reader: the other end of reader_process.h. Started by sora-gen, not by people.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/descriptor.h"
#include "base/files.h"
#include "provenance/reader_process.h"
#include "sora/error.h"

namespace {

using namespace sora;
using namespace sora::reader_protocol;

constexpr rlim_t kMostMemory = rlim_t{3} << 29;  // the library reads files in two pieces of 256 MB: 1 GB is enough
constexpr rlim_t kMostOutput = 256 << 20;
constexpr rlim_t kSecondsAFile = 30;
constexpr rlim_t kBytesASecond = 20 << 20;  // a tenth of what it reads
constexpr std::int64_t kMostRequest = 16 << 20;

void limit(int what, rlim_t most) {
  const rlimit both{most, most};
  setrlimit(static_cast<__rlimit_resource>(what), &both);
}

// AddressSanitizer needs more address space than there is memory.
constexpr bool has_sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return true;
#elif defined(__has_feature)
  return __has_feature(address_sanitizer);
#else
  return false;
#endif
}

// From now on; a file that takes longer ends this process.
void allow_time_for(int fd) {
  rusage used{};
  struct stat info {};
  if (getrusage(RUSAGE_SELF, &used) != 0 || fstat(fd, &info) != 0) return;
  const auto seconds = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
  const rlimit both{seconds + kSecondsAFile + static_cast<rlim_t>(info.st_size) / kBytesASecond, RLIM_INFINITY};
  setrlimit(RLIMIT_CPU, &both);
}

struct Request {
  Descriptor request, file, answer;
};

// Nothing when the other end is closed.
std::optional<Request> next_request() {
  char byte = 0;
  iovec data{&byte, 1};
  std::array<int, kDescriptors> descriptors{};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptors)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (recvmsg(kSocket, &message, MSG_CMSG_CLOEXEC) != 1) return std::nullopt;
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_len != CMSG_LEN(sizeof descriptors)) return std::nullopt;
  std::memcpy(descriptors.data(), CMSG_DATA(header), sizeof descriptors);
  return Request{Descriptor(descriptors[0]), Descriptor(descriptors[1]), Descriptor(descriptors[2])};
}

char answer(const Request& request, std::string& text) {
  try {
    const std::string asked =
        read_file("/proc/self/fd/" + std::to_string(request.request.get()), kMostRequest, Fault::input);
    const auto json = nlohmann::ordered_json::parse(asked);
    const ManifestFormat format = json.at("crjson").get<bool>() ? ManifestFormat::crjson : ManifestFormat::report;
    ManifestText found = read_manifest_text(request.file.get(), json.at("type").get<std::string>(),
                                            json.at("roots").get<std::string>(), format);
    text = std::move(found.text);
    return found.found ? kFound : kNotFound;
  } catch (const std::exception& error) {
    text = error.what();
    return kError;
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

int main() {
  if (!has_sanitizer()) limit(RLIMIT_AS, kMostMemory);
  limit(RLIMIT_FSIZE, kMostOutput);
  limit(RLIMIT_CORE, 0);
  while (const std::optional<Request> request = next_request()) {
    allow_time_for(request->file.get());
    std::string text;
    const char kind = answer(*request, text);
    if (!write_all(request->answer.get(), text) || send(kSocket, &kind, 1, MSG_NOSIGNAL) != 1) return 1;
  }
  return 0;
}

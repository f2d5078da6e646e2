// A process of its own that reads manifests, with limits on its memory, time and output: what a stranger's file does to
// the C2PA library ends there. (A file of 6 KB can ask it for a gigabyte, and an allocation that fails ends its
// process.)
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>

#include "base/descriptor.h"
#include "provenance/manifest_text.h"

namespace sora {

/// The program sora-manifest-reader, which lies where the C2PA library does. It is started when it is first needed, and
/// again when a file has ended it.
class ReaderProcess {
 public:
  explicit ReaderProcess(std::string roots) : roots_(std::move(roots)) {}
  ReaderProcess(const ReaderProcess&) = delete;
  ReaderProcess& operator=(const ReaderProcess&) = delete;
  ~ReaderProcess();

  struct Answer {
    ManifestText manifest;
    int signal = 0;  ///< that ended the process instead of an answer
  };
  /// Error{input} if the process cannot be started, the library is missing or the file cannot be read.
  Answer read(int fd, const std::string& type, ManifestFormat format);

 private:
  void start();
  bool send(int request, int file, int answer) const;
  int wait();

  std::string roots_;
  pid_t child_ = -1;
  Descriptor socket_;
};

/// What the two processes say to each other, over a socket of packets: a byte with three descriptors (the request as
/// JSON, the file, and one for the answer's text), and then a byte that says what the answer is.
namespace reader_protocol {
inline constexpr int kSocket = 3;  // in the program that reads
inline constexpr int kDescriptors = 3;
inline constexpr char kFound = 'f', kNotFound = 'n', kError = 'e';
}  // namespace reader_protocol

}  // namespace sora

#include "batch/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/text.h"
#include "batch/state_folder.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* kName = "journal.jsonl";
constexpr const char* kVersionKey = "sora_gen_journal";
constexpr int kVersion = 1;

std::string_view name_of(JobRecord::State state) {
  switch (state) {
    case JobRecord::State::started:
      return "started";
    case JobRecord::State::done:
      return "done";
    case JobRecord::State::failed:
      return "failed";
    case JobRecord::State::refused:
      return "refused";
  }
  return "";
}

JobRecord::State state_of(std::string_view name) {
  using enum JobRecord::State;
  for (const JobRecord::State state : {started, done, failed, refused}) {
    if (name == name_of(state)) return state;
  }
  fail(Fault::input, "unknown state");
}

bool says_why(JobRecord::State state) {
  return state == JobRecord::State::failed || state == JobRecord::State::refused;
}

// Relative to the folder where it lies in it: the folder may be moved.
std::string stored_name(const fs::path& output, const fs::path& folder) {
  const fs::path name = fs::absolute(output).lexically_normal(), base = fs::absolute(folder).lexically_normal();
  const fs::path relative = name.lexically_relative(base);
  return relative.empty() || *relative.begin() == ".." ? name.native() : relative.native();
}

std::string line_of(const std::string& job, const JobRecord& record, const fs::path& folder) {
  ordered_json json{{"job", job}, {"state", name_of(record.state)}, {"frames", record.frames}};
  json["output"] = stored_name(record.output, folder);
  if (record.state == JobRecord::State::done) {
    json["bytes"] = record.stamp.bytes;
    json["changed"] = record.stamp.changed;
    json["sha256"] = record.stamp.sha256;
  }
  if (says_why(record.state)) {
    json["exit"] = record.exit;
    json["message"] = record.message;
  }
  if (!record.checker.empty()) json["checker"] = record.checker;
  return json.dump() + "\n";
}

JobRecord record_of(const ordered_json& json, const fs::path& folder) {
  JobRecord record;
  record.state = state_of(json.at("state").get<std::string>());
  record.output = (folder / json.at("output").get<std::string>()).lexically_normal();
  record.frames = json.at("frames").get<int>();
  if (record.state == JobRecord::State::done) {
    record.stamp = {json.at("bytes").get<std::int64_t>(), json.at("changed").get<std::int64_t>(),
                    json.at("sha256").get<std::string>()};
  }
  if (says_why(record.state)) {
    record.exit = json.at("exit").get<int>();
    record.message = json.at("message").get<std::string>();
  }
  if (json.contains("checker")) record.checker = json["checker"].get<std::string>();
  return record;
}

// Held while a line is appended, so that lines of several processes do not mix.
class FileLock {
 public:
  explicit FileLock(int fd) : fd_(fd) {
    while (flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { flock(fd_, LOCK_UN); }

 private:
  int fd_;
};

}  // namespace

Journal::Journal(const fs::path& folder, FileOps ops) : folder_(folder), ops_(std::move(ops)) {
  const Descriptor state = open_state_folder(folder);
  constexpr int kFlags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  file_ = Descriptor(openat(state.get(), kName, kFlags, 0644));
  require(file_.get() >= 0, Fault::output, "{}: cannot be opened: {}", shown(), std::strerror(errno));
  {
    const FileLock lock(file_.get());
    if (lseek(file_.get(), 0, SEEK_END) == 0) {
      append_text(ordered_json{{kVersionKey, kVersion}}.dump() + "\n");
      const bool on_disk = ops_.fsync(state.get()) == 0 || errno == EINVAL;
      require(on_disk, Fault::output,
              "{}: its folder cannot be brought to the "
              "disk: {}",
              shown(), std::strerror(errno));
    }
  }
  refresh();
}

std::string Journal::shown() const { return sora::shown(folder_ / kStateFolder / kName); }

void Journal::refresh() {
  std::string text;
  std::vector<char> buffer(1 << 16);
  std::size_t begin = 0;
  while (true) {
    const auto at = static_cast<off_t>(read_ + static_cast<std::int64_t>(text.size()));
    const ssize_t n = pread(file_.get(), buffer.data(), buffer.size(), at);
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::output, "{}: cannot be read: {}", shown(), std::strerror(errno));
    text.append(buffer.data(), static_cast<std::size_t>(n));
    for (std::size_t end; (end = text.find('\n', begin)) != text.npos; begin = end + 1) {
      read_line(std::string_view(text).substr(begin, end - begin), read_ + static_cast<std::int64_t>(begin));
    }
    // What is not ended yet may still be on its way: it is read again.
    text.erase(0, begin);
    read_ += static_cast<std::int64_t>(std::exchange(begin, 0));
    if (n == 0) return;
  }
}

void Journal::read_line(std::string_view line, std::int64_t position) {
  if (line.empty()) return;
  const ordered_json json = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains(kVersionKey)) {
    const bool known = json[kVersionKey].is_number_integer() && json[kVersionKey] == kVersion;
    require(known, Fault::input, "{}: is of version {}, this program knows {}; render into another folder", shown(),
            printable(json[kVersionKey].dump(), 20), kVersion);
    return;
  }
  try {
    JobRecord record = record_of(json, folder_);
    record.position = position;
    jobs_[json.at("job").get<std::string>()] = std::move(record);
  } catch (const std::exception&) {
    ++torn_;
  }
}

const JobRecord* Journal::find(const std::string& job) const {
  const auto found = jobs_.find(job);
  return found == jobs_.end() ? nullptr : &found->second;
}

void Journal::append(const std::string& job, const JobRecord& record) {
  const FileLock lock(file_.get());
  const off_t size = lseek(file_.get(), 0, SEEK_END);
  char last = '\n';
  const bool torn = size > 0 && pread(file_.get(), &last, 1, size - 1) == 1 && last != '\n';
  append_text(fmt::format("{}{}", torn ? "\n" : "", line_of(job, record, folder_)));
}

void Journal::append_text(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t n = ops_.write(file_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::output, "{}: cannot be written: {}", shown(), std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  const bool on_disk = ops_.fsync(file_.get()) == 0;
  require(on_disk, Fault::output, "{}: cannot be brought to the disk: {}", shown(), std::strerror(errno));
}

}  // namespace sora

#include "provenance/audit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/sha256.h"
#include "base/text.h"
#include "base/user_folders.h"
#include "provenance/line_reader.h"
#include "sora/error.h"

namespace sora {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr std::size_t kDigestDigits = 64;
// A line ends with the code over all that comes before it.
constexpr std::string_view kCodeBegins = ",\"code\":\"", kCodeEnds = "\"}";

// What a line's code must be; empty where the line has no place for one.
std::string_view code_of(std::string_view line) {
  const std::size_t tail = kCodeBegins.size() + kDigestDigits + kCodeEnds.size();
  if (line.size() < tail) return {};
  const std::string_view ending = line.substr(line.size() - tail);
  if (!ending.starts_with(kCodeBegins) || !ending.ends_with(kCodeEnds)) return {};
  return ending.substr(kCodeBegins.size(), kDigestDigits);
}

std::string_view without_code(std::string_view line) {
  return line.substr(0, line.size() - kCodeBegins.size() - kDigestDigits - kCodeEnds.size());
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm date{};
  gmtime_r(&seconds, &date);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday,
                     date.tm_hour, date.tm_min, date.tm_sec);
}

std::string digits_of(std::uint64_t payload) { return fmt::format("{:012x}", payload); }

std::uint64_t payload_of(const std::string& digits) {
  std::uint64_t payload = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), payload, 16);
  return payload;
}

std::string text(const ordered_json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

// Held while a line is appended, so that each sees the one before it.
class AppendLock {
 public:
  AppendLock(int fd, const fs::path& path) : fd_(fd) {
    int result = 0;
    while ((result = flock(fd_, LOCK_EX)) != 0 && errno == EINTR) {
    }
    require(result == 0, Fault::output, "{}: cannot be locked: {}", shown(path), std::strerror(errno));
  }
  AppendLock(const AppendLock&) = delete;
  AppendLock& operator=(const AppendLock&) = delete;
  ~AppendLock() { flock(fd_, LOCK_UN); }

 private:
  int fd_;
};

/// What the next line must say.
struct Chain {
  std::string previous;  // digest of the line before
  std::int64_t at = 0;   // where it begins
};

/// What is wrong, and with which line.
struct Broken {
  std::string fault;  // empty: nothing
  bool line_before = false;
  bool no_record = false;
};

Broken check(std::string_view line, const Chain& chain, const SecretKey* key) {
  const ordered_json json = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || code_of(line).empty()) return {.fault = "is no record", .no_record = true};
  if (!json.contains("audit") || json["audit"] != kVersion) return {"is not of the version that this program knows"};
  if (!json.contains("at") || json["at"] != chain.at) {
    const std::string told = json.contains("at") ? printable(json["at"].dump(), 30) : "nowhere";
    return {
        fmt::format("says that it begins at byte {}, and begins at byte {}: something before it was taken out, put "
                    "in or changed",
                    told, chain.at)};
  }
  if (text(json, "previous") != chain.previous)
    return {.fault = "was changed: the next record has another digest of it", .line_before = true};
  if (key != nullptr && keyed_digest(*key, "audit", without_code(line)) != code_of(line))
    return {"was changed, or written with another key"};
  return {};
}

// The last record of an output in which `field` is `value`.
std::optional<OutputRecord> last_output(const fs::path& log, const SecretKey& key, const char* field,
                                        const std::string& value) {
  std::optional<OutputRecord> found;
  std::error_code problem;
  if (!fs::exists(log, problem)) return found;
  LineReader lines(log);
  while (const std::optional<Line> line = lines.next()) {
    if (line->text.find(value) == std::string::npos || code_of(line->text).empty()) continue;
    if (keyed_digest(key, "audit", without_code(line->text)) != code_of(line->text)) continue;
    const ordered_json json = ordered_json::parse(line->text, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || text(json, "event") != "output" || text(json, field) != value) continue;
    found = OutputRecord{text(json, "job"),      text(json, "model"), text(json, "output"), text(json, "sha256"), {},
                         text(json, "manifest"), text(json, "time")};
    if (json.contains("payload")) found->payload = payload_of(text(json, "payload"));
  }
  return found;
}

}  // namespace

fs::path audit_file() { return user_data_folder() / "audit.jsonl"; }

AuditLog::AuditLog(fs::path file, const SecretKey& key, FileOps ops)
    : path_(std::move(file)), key_(key), ops_(std::move(ops)) {
  std::error_code problem;
  if (path_.has_parent_path()) fs::create_directories(path_.parent_path(), problem);
  require(!problem, Fault::output, "{}: the folder cannot be created: {}", shown(path_.parent_path()),
          problem.message());
  constexpr int kFlags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  file_ = Descriptor(open(path_.c_str(), kFlags, 0600));
  struct stat info {};
  require(file_.get() >= 0, Fault::output, "{}: cannot be opened: {}", shown(path_), std::strerror(errno));
  require(fstat(file_.get(), &info) == 0 && S_ISREG(info.st_mode), Fault::output, "{}: is no regular file",
          shown(path_));
}

void AuditLog::append(const DecisionRecord& record, bool plain_prompt) {
  ordered_json fields{{"job", record.job},
                      {"decision", record.decision},
                      {"policy", record.policy_id},
                      {"policy_sha256", record.policy_sha256}};
  if (!record.category.empty()) fields["category"] = record.category;
  if (!record.rule.empty()) fields["rule"] = record.rule;
  if (plain_prompt)
    fields["prompt"] = record.prompt;
  else
    fields["prompt_hmac_sha256"] = prompt_hmac(key_, record.prompt);
  fields["prompt_bytes"] = record.prompt.size();
  append_event("decision", fields);
}

void AuditLog::append(const OutputRecord& record) {
  std::error_code problem;
  const fs::path whole = fs::absolute(record.output, problem).lexically_normal();
  ordered_json fields{{"job", record.job},
                      {"model", record.model},
                      {"output", problem ? record.output.native() : whole.native()},
                      {"sha256", record.sha256}};
  if (record.payload) fields["payload"] = digits_of(*record.payload);
  if (!record.manifest.empty()) fields["manifest"] = record.manifest;
  append_event("output", fields);
}

void AuditLog::append_event(const char* event, const ordered_json& fields) {
  const AppendLock lock(file_.get(), path_);
  std::int64_t size = lseek(file_.get(), 0, SEEK_END);
  // What a crash has cut is ended, in the same breath as the next record is written.
  char last = '\n';
  const bool torn = size > 0 && pread(file_.get(), &last, 1, size - 1) == 1 && last != '\n';
  const std::string previous = last_line_digest(size - (torn ? 0 : 1));
  size += torn ? 1 : 0;
  ordered_json record{{"audit", kVersion}, {"at", size}, {"time", now()}, {"event", event}};
  record.update(fields);
  record["previous"] = previous;
  std::string line = record.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  line.pop_back();  // the closing brace
  line += fmt::format("{}{}{}\n", kCodeBegins, keyed_digest(key_, "audit", line), kCodeEnds);
  write_text(torn ? "\n" + line : line);
  const bool on_disk = ops_.fsync(file_.get()) == 0;
  require(on_disk, Fault::output, "{}: cannot be brought to the disk: {}", shown(path_), std::strerror(errno));
}

void AuditLog::write_text(std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t n = ops_.write(file_.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    require(n >= 0, Fault::output, "{}: cannot be written: {}", shown(path_), std::strerror(errno));
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Of the line that ends at `end`; of nothing where there is none.
std::string AuditLog::last_line_digest(std::int64_t end) const {
  std::string line;
  while (end > 0) {
    char chunk[4096];
    const std::int64_t begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(sizeof chunk));
    const auto bytes = static_cast<std::size_t>(end - begin);
    const bool is_read = pread(file_.get(), chunk, bytes, begin) == end - begin;
    require(is_read, Fault::output, "{}: cannot be read: {}", shown(path_), std::strerror(errno));
    const std::string_view read(chunk, bytes);
    const std::size_t newline = read.rfind('\n');
    line.insert(0, newline == read.npos ? read : read.substr(newline + 1));
    if (newline != read.npos) break;
    end = begin;
  }
  return sha256_hex(line);
}

AuditFinding verify_audit(const fs::path& file, const SecretKey* key) {
  AuditFinding finding;
  LineReader lines(file);
  Chain chain{sha256_hex(""), 0};
  bool doubtful = false;  // the line before is no record: torn if the chain goes on from it, else broken
  const auto broken = [&](std::int64_t line, std::string fault) {
    finding.line = line;
    finding.fault = std::move(fault);
    return finding;
  };
  while (const std::optional<Line> line = lines.next()) {
    if (!line->ended) {
      finding.last_is_torn = true;
      break;
    }
    Broken found = check(line->text, chain, key);
    const bool bad = !found.fault.empty();
    if (bad && doubtful) return broken(line->number - 1, "is no record");
    if (bad && !found.no_record) return broken(line->number - (found.line_before ? 1 : 0), std::move(found.fault));
    finding.torn += doubtful ? 1 : 0;
    finding.records += bad ? 0 : 1;
    doubtful = bad;
    chain = {line->sha256, line->at + line->bytes};
  }
  if (doubtful) return broken(lines.number() - (finding.last_is_torn ? 1 : 0), "is no record");
  return finding;
}

std::optional<OutputRecord> find_output(const fs::path& log, const SecretKey& key, std::uint64_t payload) {
  return last_output(log, key, "payload", digits_of(payload));
}

std::optional<OutputRecord> find_output(const fs::path& log, const SecretKey& key, const std::string& sha256) {
  return last_output(log, key, "sha256", sha256);
}

}  // namespace sora

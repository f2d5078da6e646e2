// The audit log: what is written, and that whatever is done to it afterwards shows.
#include "provenance/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "support/errors.h"
#include "support/failing_ops.h"
#include "support/files.h"

namespace sora {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

SecretKey key_of(std::uint8_t byte) {
  SecretKey key;
  key.fill(byte);
  return key;
}

class Audit : public testing::Test {
 protected:
  void append(int records) {
    AuditLog log(file_, key_);
    for (int i = 0; i < records; ++i) {
      const std::string number = std::to_string(written_++);
      if (written_ % 2 == 1)
        log.append(DecisionRecord{"job" + number, "allowed", "default-1", std::string(64, 'a'), "", "", "a cat"});
      else
        log.append(
            OutputRecord{"job" + number, "tiny", "/out/" + number + ".mp4", std::string(64, 'b'), 0xabc + written_});
    }
  }
  std::vector<std::string> lines() const {
    std::vector<std::string> result;
    std::istringstream text(test::read_text(file_));
    for (std::string line; std::getline(text, line);) result.push_back(line);
    return result;
  }
  void write(const std::vector<std::string>& lines) const {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    test::write_file(file_, text);
  }
  // "line: fault" with and without the key.
  std::pair<std::string, std::string> faults() const {
    const auto told = [](const AuditFinding& f) {
      return f.line == 0 ? "whole" : std::to_string(f.line) + ": " + f.fault;
    };
    return {told(verify_audit(file_, &key_)), told(verify_audit(file_, nullptr))};
  }
  static std::pair<std::string, std::string> both(const std::string& text) { return {text, text}; }

  test::TempDir folder_;
  fs::path file_ = folder_ / "data/audit.jsonl";
  SecretKey key_ = key_of(1);
  int written_ = 0;
};

TEST_F(Audit, SaysWhatWasDecidedAndMade) {
  {
    AuditLog log(file_, key_);
    log.append(DecisionRecord{"j1", "refused", "default-1", "cc", "violence", "vio.001", "a \"wrong\" prompt"});
    log.append(DecisionRecord{"j2", "allowed", "default-1", "cc", "", "", "caf\xc3\xa9"}, /*plain_prompt=*/true);
    log.append(OutputRecord{"j2", "tiny-world", "/out/\xff.mp4", "dd", 0x123456789abcULL, "urn:c2pa:1"});
  }
  struct stat info {};
  ASSERT_EQ(stat(file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  std::vector<json> records;
  for (const std::string& line : lines()) records.push_back(json::parse(line));
  ASSERT_EQ(records.size(), 3U);
  for (json& record : records) {
    EXPECT_THAT(record["time"].get<std::string>(), testing::MatchesRegex("....-..-..T..:..:..Z"));
    for (const char* changing : {"time", "at", "code", "previous"}) EXPECT_EQ(record.erase(changing), 1U);
  }
  EXPECT_EQ(records[0], (json{{"audit", 1},
                              {"event", "decision"},
                              {"job", "j1"},
                              {"decision", "refused"},
                              {"policy", "default-1"},
                              {"policy_sha256", "cc"},
                              {"category", "violence"},
                              {"rule", "vio.001"},
                              {"prompt_hmac_sha256", prompt_hmac(key_, "a \"wrong\" prompt")},
                              {"prompt_bytes", 16}}));
  EXPECT_EQ(records[1], (json{{"audit", 1},
                              {"event", "decision"},
                              {"job", "j2"},
                              {"decision", "allowed"},
                              {"policy", "default-1"},
                              {"policy_sha256", "cc"},
                              {"prompt", "café"},
                              {"prompt_bytes", 5}}));
  EXPECT_EQ(records[2], (json{{"audit", 1},
                              {"event", "output"},
                              {"job", "j2"},
                              {"model", "tiny-world"},
                              {"output", "/out/\xef\xbf\xbd.mp4"},
                              {"sha256", "dd"},
                              {"payload", "123456789abc"},
                              {"manifest", "urn:c2pa:1"}}));
  EXPECT_THAT(test::read_text(file_), testing::Not(testing::HasSubstr("wrong")));
}

TEST_F(Audit, IsWhole) {
  append(20);
  const AuditFinding finding = verify_audit(file_, &key_);
  EXPECT_EQ(finding.line, 0) << finding.fault;
  EXPECT_EQ(finding.records, 20);
  EXPECT_EQ(finding.torn, 0);
  EXPECT_FALSE(finding.last_is_torn);
  EXPECT_EQ(faults(), both("whole"));
  test::write_file(file_, "");
  EXPECT_EQ(faults(), both("whole"));
  EXPECT_EQ(test::error_of(Fault::input, [&] { verify_audit(folder_ / "none", nullptr); }),
            (folder_ / "none").string() + ": cannot be opened: No such file or directory");
}

TEST_F(Audit, NamesTheRecordThatWasChanged) {
  append(8);
  const std::vector<std::string> before = lines();
  for (std::size_t i = 0; i < before.size(); ++i) {
    std::vector<std::string> changed = before;
    const std::size_t at = changed[i].find("job");
    changed[i][changed[i].find_first_of("01234567", at)] = '9';
    write(changed);
    const std::string line = std::to_string(i + 1);
    EXPECT_EQ(faults().first, line + ": was changed, or written with another key");
    // Only a key tells of the last record.
    EXPECT_EQ(faults().second, i == 7 ? "whole" : line + ": was changed: the next record has another digest of it");
  }
  std::vector<std::string> longer = before;
  longer[2].insert(longer[2].find("job"), "x");
  write(longer);
  EXPECT_EQ(faults().first, "3: was changed, or written with another key");
  EXPECT_THAT(faults().second, testing::StartsWith("4: says that it begins at byte "));
  std::vector<std::string> no_record = before;
  no_record[4] = "{}";
  write(no_record);
  EXPECT_EQ(faults(), both("5: is no record"));
  no_record = before;
  no_record[7] = "{}";
  write(no_record);
  EXPECT_EQ(faults(), both("8: is no record"));
}

TEST_F(Audit, NamesWhereRecordsWereTakenOutOrPutIn) {
  append(6);
  const std::vector<std::string> before = lines();
  std::vector<std::string> fewer = before;
  fewer.erase(fewer.begin() + 2);
  write(fewer);
  const std::string began = std::to_string(before[0].size() + before[1].size() + 2);
  const std::string at = std::to_string(before[0].size() + before[1].size() + before[2].size() + 3);
  EXPECT_EQ(faults(), both("3: says that it begins at byte " + at + ", and begins at byte " + began +
                           ": something before it was taken out, put in or changed"));
  std::vector<std::string> more = before;
  more.insert(more.begin() + 2, before[2]);
  write(more);
  EXPECT_THAT(faults().second, testing::StartsWith("4: says that it begins at byte "));
  std::vector<std::string> swapped = before;
  std::swap(swapped[0], swapped[2]);
  write(swapped);
  EXPECT_THAT(faults().second, testing::StartsWith("1: says that it begins at byte "));
}

TEST_F(Audit, WithAnotherKeyIsNotBelieved) {
  append(2);
  const SecretKey other = key_of(2);
  EXPECT_EQ(verify_audit(file_, &other).line, 1);
  AuditLog(file_, other).append(OutputRecord{"forged", "tiny", "/out/f.mp4", "ff", 0x777});
  EXPECT_EQ(faults(), std::make_pair(std::string("3: was changed, or written with another key"), std::string("whole")));
  EXPECT_FALSE(find_output(file_, key_, 0x777));
}

TEST_F(Audit, TornLinesAreToldApart) {
  append(3);
  const std::string text = test::read_text(file_);
  test::write_file(file_, text.substr(0, text.size() - 30));
  AuditFinding finding = verify_audit(file_, &key_);
  EXPECT_EQ(finding.line, 0) << finding.fault;
  EXPECT_EQ(finding.records, 2);
  EXPECT_TRUE(finding.last_is_torn);

  append(2);
  finding = verify_audit(file_, &key_);
  EXPECT_EQ(finding.line, 0) << finding.fault;
  EXPECT_EQ(finding.records, 4);
  EXPECT_EQ(finding.torn, 1);
  EXPECT_FALSE(finding.last_is_torn);

  // What was torn cannot be changed either.
  std::vector<std::string> changed = lines();
  changed[2][10] = 'x';
  write(changed);
  EXPECT_EQ(faults(), both("3: is no record"));
}

TEST_F(Audit, IsAChainOfManyProcesses) {
  constexpr int kProcesses = 6, kEach = 25;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      try {
        AuditLog log(file_, key_);
        for (int n = 0; n < kEach; ++n)
          log.append(OutputRecord{"job", "tiny", "/out/x.mp4", "ff", static_cast<std::uint64_t>(1000 * i + n)});
        _exit(0);
      } catch (const std::exception&) {
        _exit(1);
      }
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  const AuditFinding finding = verify_audit(file_, &key_);
  EXPECT_EQ(finding.line, 0) << finding.fault;
  EXPECT_EQ(finding.records, kProcesses * kEach);
}

TEST_F(Audit, IsTheLedgerOfPayloads) {
  EXPECT_FALSE(find_output(file_, key_, 0xabc));
  append(10);
  const std::optional<OutputRecord> found = find_output(file_, key_, 0xabc + 4);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->job, "job3");
  EXPECT_EQ(found->model, "tiny");
  EXPECT_EQ(found->output, "/out/3.mp4");
  EXPECT_EQ(found->sha256, std::string(64, 'b'));
  EXPECT_EQ(found->payload, 0xabcU + 4);
  EXPECT_THAT(found->time, testing::MatchesRegex("....-..-..T..:..:..Z"));
  EXPECT_FALSE(find_output(file_, key_, 0xabc + 3));
  AuditLog(file_, key_).append(OutputRecord{"again", "tiny", "/out/n.mp4", "ee", 0xabc + 4});
  EXPECT_EQ(find_output(file_, key_, 0xabc + 4)->job, "again");
}

TEST_F(Audit, FailsWhereTheDiskDoes) {
  FileOps full;
  full.write = [](int, const void*, std::size_t) -> ssize_t { return errno = ENOSPC, -1; };
  EXPECT_EQ(test::error_of(Fault::output, [&] { AuditLog(file_, key_, full).append(OutputRecord{}); }),
            file_.string() + ": cannot be written: No space left on device");
  FileOps unsafe;
  unsafe.fsync = [](int) { return errno = EIO, -1; };
  EXPECT_EQ(test::error_of(Fault::output, [&] { AuditLog(file_, key_, unsafe).append(OutputRecord{}); }),
            file_.string() + ": cannot be brought to the disk: Input/output error");
  EXPECT_EQ(test::error_of(Fault::output, [&] { AuditLog(folder_.path(), key_); }),
            folder_.path().string() + ": cannot be opened: Is a directory");
}

}  // namespace
}  // namespace sora

// The batch's journal: what it keeps, and what damage does to it.
#include "batch/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "batch/output_stamp.h"
#include "support/errors.h"
#include "support/failing_ops.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;
using test::write_file;
using testing::EndsWith;
using testing::StartsWith;

class JournalTest : public testing::Test {
 protected:
  fs::path folder() const { return temp_ / "out"; }
  fs::path file() const { return folder() / ".sora-gen/journal.jsonl"; }

  JobRecord done(const std::string& name) const {
    return {.state = JobRecord::State::done,
            .output = folder() / name,
            .frames = 9,
            .stamp = {.bytes = 12, .changed = 1'700'000'000'123'456'789, .sha256 = "ab"}};
  }
  JobRecord failed() const {
    return {.state = JobRecord::State::failed,
            .output = folder() / "b.mp4",
            .frames = 9,
            .exit = 4,
            .message = "x.png: \"no\"\npicture \x1b[31m"};
  }
  JobRecord refused() const {
    JobRecord record = failed();
    record.state = JobRecord::State::refused;
    record.checker = "ab 0.5";
    return record;
  }
  static void expect_same(const JobRecord* found, const JobRecord& expected) {
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->state, expected.state);
    EXPECT_EQ(found->output, expected.output);
    EXPECT_EQ(found->frames, expected.frames);
    EXPECT_EQ(found->stamp, expected.stamp);
    EXPECT_EQ(found->exit, expected.exit);
    EXPECT_EQ(found->message, expected.message);
    EXPECT_EQ(found->checker, expected.checker);
  }

  test::TempDir temp_;
};

TEST_F(JournalTest, KeepsTheLastOfEachJob) {
  {
    Journal journal(folder());
    EXPECT_EQ(journal.find("a"), nullptr);
    journal.append("a", {.state = JobRecord::State::started, .output = folder() / "a.mp4", .frames = 9});
    journal.append("b", failed());
    journal.append("a", done("a.mp4"));
    journal.append("d", refused());
  }
  const Journal journal(folder());
  expect_same(journal.find("a"), done("a.mp4"));
  expect_same(journal.find("b"), failed());
  expect_same(journal.find("d"), refused());
  EXPECT_EQ(journal.find("c"), nullptr);
  EXPECT_EQ(journal.torn(), 0);
}

TEST_F(JournalTest, IsLinesOfJsonWithNamesFromItsFolder) {
  Journal journal(folder());
  journal.append("a", done("deep/é.mp4"));
  journal.append("b", {.state = JobRecord::State::started, .output = temp_ / "elsewhere.mp4", .frames = 1});
  EXPECT_EQ(
      read_text(file()),
      "{\"sora_gen_journal\":1}\n"
      R"({"job":"a","state":"done","frames":9,"output":"deep/é.mp4","bytes":12,"changed":1700000000123456789,"sha256":"ab"})"
      "\n"
      R"({"job":"b","state":"started","frames":1,"output":")" +
          (temp_ / "elsewhere.mp4").string() + "\"}\n");
}

TEST_F(JournalTest, AFolderThatWasMovedTakesItsVideosAlong) {
  Journal(folder()).append("a", done("a.mp4"));
  fs::rename(folder(), temp_ / "moved");
  const Journal journal(temp_ / "moved");
  ASSERT_NE(journal.find("a"), nullptr);
  EXPECT_EQ(journal.find("a")->output, temp_ / "moved/a.mp4");
}

TEST_F(JournalTest, SeesWhatOthersAppend) {
  Journal mine(folder()), theirs(folder());
  theirs.append("a", done("a.mp4"));
  EXPECT_EQ(mine.find("a"), nullptr);
  const std::int64_t before = mine.size();
  mine.refresh();
  expect_same(mine.find("a"), done("a.mp4"));
  EXPECT_EQ(mine.find("a")->position, before);
  mine.append("b", failed());
  mine.refresh();
  expect_same(mine.find("b"), failed());
}

// A process that is killed while it writes a line, at each of its bytes.
TEST_F(JournalTest, ATornLineIsSkippedAndTheNextOneIsWhole) {
  Journal(folder()).append("a", done("a.mp4"));
  const std::string whole = read_text(file());
  Journal(folder()).append("b", failed());
  const std::size_t line = read_text(file()).size() - whole.size();
  const std::string both = read_text(file());
  for (std::size_t kept = 1; kept < line; ++kept) {
    write_file(file(), both.substr(0, whole.size() + kept));
    Journal torn(folder());
    EXPECT_EQ(torn.find("b"), nullptr) << kept;
    torn.append("c", done("c.mp4"));
    const Journal after(folder());
    expect_same(after.find("a"), done("a.mp4"));
    expect_same(after.find("c"), done("c.mp4"));
    const bool ended = kept == line - 1;  // all but its newline was there: it counts
    EXPECT_EQ(after.torn(), ended ? 0 : 1) << kept;
    EXPECT_EQ(after.find("b") != nullptr, ended) << kept;
  }
}

TEST_F(JournalTest, AnyBytesAreSurvived) {
  Journal(folder()).append("a", done("a.mp4"));
  const std::string whole = read_text(file());
  for (const std::string& junk : std::vector<std::string>{
           std::string(100, '\0') + "\n", "\n\n", "[]\n", "{\"job\":1}\n", "{\"job\":\"a\",\"state\":\"eaten\"}\n",
           "\xff\xfe\n", "{\"job\":\"a\"\n", std::string(1 << 20, '[') + "\n"}) {
    write_file(file(), whole + junk);
    const Journal journal(folder());
    expect_same(journal.find("a"), done("a.mp4"));
  }
}

TEST_F(JournalTest, OfANewerVersionIsRefused) {
  write_file(file(), "{\"sora_gen_journal\":2}\n");
  EXPECT_EQ(error_of(Fault::input, [&] { Journal journal(folder()); }),
            file().string() + ": is of version 2, this program knows 1; render into another folder");
}

TEST_F(JournalTest, FollowsNoSymbolicLink) {
  fs::create_directories(temp_ / "elsewhere");
  fs::create_directories(folder());
  fs::create_directory_symlink(temp_ / "elsewhere", folder() / ".sora-gen");
  EXPECT_THAT(error_of(Fault::output, [&] { Journal journal(folder()); }),
              StartsWith((folder() / ".sora-gen").string() + ": is in the way, expected a folder"));
  EXPECT_TRUE(fs::is_empty(temp_ / "elsewhere"));

  fs::remove(folder() / ".sora-gen");
  fs::create_directory(folder() / ".sora-gen");
  write_file(temp_ / "elsewhere/file", "mine");
  fs::create_symlink(temp_ / "elsewhere/file", file());
  EXPECT_THAT(error_of(Fault::output, [&] { Journal journal(folder()); }),
              StartsWith(file().string() + ": cannot be opened: "));
  EXPECT_EQ(read_text(temp_ / "elsewhere/file"), "mine");
}

TEST_F(JournalTest, EveryFailureOfTheDiskIsSaid) {
  Journal(folder()).append("a", done("a.mp4"));
  const std::string before = read_text(file());
  for (const int call : {1, 2}) {
    test::FailingOps disk(call, ENOSPC);
    Journal journal(folder(), disk.ops());
    EXPECT_THAT(error_of(Fault::output, [&] { journal.append("b", failed()); }),
                EndsWith(call == 1 ? "cannot be written: No space left on device"
                                   : "cannot be brought to the disk: No space left on device"));
    expect_same(Journal(folder()).find("a"), done("a.mp4"));
    write_file(file(), before);
  }
}

// --- what an output was like ---

TEST_F(JournalTest, AnOutputIsUnchangedWhileItsBytesAre) {
  const fs::path video = temp_ / "a.mp4";
  write_file(video, "frames");
  const OutputStamp stamp = stamp_of(video, 9);
  EXPECT_EQ(stamp.bytes, 6);
  EXPECT_EQ(stamp.sha256, "594cfd2607d4f09e1ce6241203e418cacfed545063792bc5eab7afaadbf0c4e0");
  EXPECT_TRUE(is_unchanged(video, 9, stamp));
  fs::last_write_time(video, fs::last_write_time(video) + std::chrono::hours(1));
  EXPECT_TRUE(is_unchanged(video, 9, stamp)) << "copied with the same bytes";
  write_file(video, "fRames");
  EXPECT_FALSE(is_unchanged(video, 9, stamp));
  write_file(video, "frame");
  EXPECT_FALSE(is_unchanged(video, 9, stamp));
  fs::remove(video);
  EXPECT_FALSE(is_unchanged(video, 9, stamp));
  write_file(temp_ / "real.mp4", "frames");
  fs::create_symlink(temp_ / "real.mp4", video);
  EXPECT_FALSE(is_unchanged(video, 9, stamp)) << "a link is not what was written";
}

TEST_F(JournalTest, OfNumberedFramesAllCount) {
  const fs::path frames = temp_ / "%d.png";
  write_file(temp_ / "1.png", "one");
  write_file(temp_ / "2.png", "two");
  const OutputStamp stamp = stamp_of(frames, 2);
  EXPECT_EQ(stamp.bytes, 6);
  EXPECT_EQ(stamp.sha256, "25b6746d5172ed6352966a013d93ac846e1110d5a25e8f183b5931f4688842a1");
  EXPECT_TRUE(is_unchanged(frames, 2, stamp));
  fs::remove(temp_ / "1.png");
  EXPECT_FALSE(is_unchanged(frames, 2, stamp));
  EXPECT_EQ(error_of(Fault::output, [&] { stamp_of(frames, 2); }),
            (temp_ / "1.png").string() + ": cannot be read back: No such file or directory");
}

}  // namespace
}  // namespace sora

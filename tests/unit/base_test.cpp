// base/: text for people, facts about the machine, signals, files that are read whole or appear whole, output names,
// digests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>

#include "base/files.h"
#include "base/interrupt.h"
#include "base/machine.h"
#include "base/output_name.h"
#include "base/sha256.h"
#include "base/text.h"
#include "support/errors.h"
#include "support/failing_ops.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::FailingOps;
using test::read_text;
using test::TempDir;

TEST(Text, PrintableEscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a cat, ein Kätzchen, 猫, 🐈"), "a cat, ein Kätzchen, 猫, 🐈");
  EXPECT_EQ(printable("\x1b[31mred\x07\n\t"), "\\x1b[31mred\\x07\\x0a\\x09");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f|\xc2\x9b"), "\\x7f|\\x9b");  // DEL, and CSI as one C1 character
  EXPECT_EQ(printable("x\u202Egpj.exe\u200B\uFEFF"), "x\\u202egpj.exe\\u200b\\ufeff");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");                               // no UTF-8
  EXPECT_EQ(printable("\xc0\xaf \xed\xa0\x80"), "\\xc0\\xaf \\xed\\xa0\\x80");  // overlong, surrogate
  EXPECT_EQ(printable(""), "");
}

TEST(Text, PrintableShortensBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 4), "abcd…");
  EXPECT_EQ(printable("abcd", 4), "abcd");
  EXPECT_EQ(printable("ääää", 3), "ää…");
}

TEST(Text, Utf8) {
  EXPECT_TRUE(is_utf8(""));
  EXPECT_TRUE(is_utf8("ä猫🐈\u07ff\uffff\U0010ffff"));
  for (const char* broken : {"\x80", "\xc3", "\xc1\xbf", "\xe0\x80\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
                             "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "ab\xff"}) {
    EXPECT_FALSE(is_utf8(broken)) << printable(broken);
  }
}

TEST(Text, NearestIsCloseOrNothing) {
  const std::vector<std::string> flags{"--prompt", "--negative-prompt", "--steps", "--seed"};
  EXPECT_EQ(nearest("--promt", flags), "--prompt");
  EXPECT_EQ(nearest("--sede", flags), "--seed");
  EXPECT_EQ(nearest("--negative_prompt", flags), "--negative-prompt");
  EXPECT_EQ(nearest("--guidance", flags), "");
  EXPECT_EQ(nearest("x", {"y", "z"}), "y");
  EXPECT_EQ(nearest("", {"abc"}), "");
  EXPECT_EQ(nearest("abc", {}), "");
}

TEST(Text, HumanSizes) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(999), "999 B");
  EXPECT_EQ(human_bytes(1000), "1.0 kB");
  EXPECT_EQ(human_bytes(1'440'000'000), "1.4 GB");
  EXPECT_EQ(human_bytes(99'940'000), "99.9 MB");
  EXPECT_EQ(human_bytes(99'950'000), "100 MB");
  EXPECT_EQ(human_bytes(999'700'000), "1.0 GB");
  EXPECT_EQ(human_bytes(std::numeric_limits<std::int64_t>::max()), "9223 PB");
  EXPECT_EQ(human_flop(3.2e12), "3.2 TFLOP");
  EXPECT_EQ(human_flop(5e20), "500 EFLOP");
  EXPECT_EQ(human_seconds(0.84), "0.8 s");
  EXPECT_EQ(human_seconds(59.94), "59.9 s");
  EXPECT_EQ(human_seconds(59.96), "1:00");
  EXPECT_EQ(human_seconds(125), "2:05");
  EXPECT_EQ(human_seconds(3725), "1:02:05");
}

// The examples of FIPS 180-4.
TEST(Digest, OfWhatComesInPieces) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 million;
  for (int i = 0; i < 8; ++i) million.update(std::string(125'000, 'a'));
  EXPECT_EQ(million.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, Sha1NamesGitBlobs) {
  Sha1 blob;  // echo hello | git hash-object --stdin
  blob.update(std::string_view("blob 6\0", 7));
  blob.update("hello\n");
  EXPECT_EQ(blob.hex(), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(Machine, MemoryIsWhatTheProcessMayUse) {
  EXPECT_GT(memory_available_bytes(), 0);
  EXPECT_LE(memory_available_bytes(), memory_limit_bytes());
}

TEST(Machine, PeakRssGrowsWithWhatIsTouched) {
  constexpr std::int64_t kBytes = 64 << 20;
  const std::int64_t before = peak_rss_bytes();
  std::string block(before + kBytes, 'x');
  EXPECT_GE(peak_rss_bytes(), before + kBytes) << block.size();
}

TEST(Machine, CoresAreThoseThatTheProcessMayRunOn) {
  cpu_set_t before, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(cores(), CPU_COUNT(&before));
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(cores(), 1);
  sched_setaffinity(0, sizeof before, &before);
}

TEST(Machine, DiskSpaceOfAFolder) {
  const TempDir folder;
  EXPECT_GT(disk_free_bytes(folder.path()), 0);
  EXPECT_EQ(disk_free_bytes(folder / "missing"), std::numeric_limits<std::int64_t>::max()) << "unknown is no obstacle";
}

TEST(InterruptDeathTest, TheFirstSignalAsksTheSecondEnds) {
  check_interrupted();
  const auto interrupted_by = [](int signal) {
    install_signal_handlers();
    raise(signal);
    const Fault fault = signal == SIGINT ? Fault::interrupted : Fault::terminated;
    std::fputs(error_of(fault, [] { check_interrupted(); }).c_str(), stderr);
    raise(signal);
    std::exit(0);
  };
  EXPECT_EXIT(interrupted_by(SIGINT), testing::ExitedWithCode(130),
              "stopped by SIGINT; nothing was left under the output's name");
  EXPECT_EXIT(interrupted_by(SIGTERM), testing::ExitedWithCode(143), "stopped by SIGTERM");
}

TEST(ReadFile, WholeContent) {
  const TempDir folder;
  const std::string content("a\0b\n\xff", 5);
  test::write_file(folder / "file", content);
  EXPECT_EQ(read_file(folder / "file", 5, Fault::input), content);
  test::write_file(folder / "empty", "");
  EXPECT_EQ(read_file(folder / "empty", 0, Fault::input), "");
  fs::create_symlink("file", folder / "link");  // Hugging Face's cache is made of these
  EXPECT_EQ(read_file(folder / "link", 100, Fault::input), content);
  EXPECT_THAT(read_file("/proc/self/status", 1 << 16, Fault::input), testing::HasSubstr("VmPeak"));
}

TEST(ReadFile, WhatIsNoFileOrTooLarge) {
  const TempDir folder;
  const auto error = [](const fs::path& path) {
    return error_of(Fault::input, [&] { read_file(path, 4000, Fault::input); });
  };
  const std::string at = folder.path().string() + "/";
  EXPECT_EQ(error(folder / "missing"), at + "missing: cannot be opened: No such file or directory");
  EXPECT_EQ(error(folder / "esc\x1b[m"), at + "esc\\x1b[m: cannot be opened: No such file or directory");
  EXPECT_EQ(error(folder.path()), folder.path().string() + ": is a folder, expected a regular file");
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(error(folder / "pipe"), at + "pipe: is a pipe, expected a regular file");
  EXPECT_EQ(error("/dev/zero"), "/dev/zero: is a device, expected a regular file");
  test::write_file(folder / "large", std::string(4001, 'x'));
  EXPECT_EQ(error(folder / "large"), at + "large: has 4.0 kB (4001 bytes), at most 4.0 kB (4000 bytes) are accepted");
  EXPECT_EQ(error_of(Fault::usage, [] { read_file("/proc/self/maps", 10, Fault::usage); }),
            "/proc/self/maps: has more than 10 B (10 bytes)");
}

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

void publish_text(const fs::path& path, bool overwrite, std::string_view text, FileOps ops = {}) {
  PartFile part(path, overwrite, std::move(ops));
  part.write(bytes(text));
  part.publish();
}

std::string refusal(const fs::path& path, bool overwrite = false) {
  return error_of(Fault::output, [&] { PartFile(path, overwrite); });
}

TEST(PartFile, AppearsWholeUnderItsName) {
  const TempDir folder;
  const mode_t mask = umask(027);
  PartFile part(folder / "a.mp4", false);
  umask(mask);
  part.write(bytes("one "));
  part.write(bytes("two"));
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre(".a.mp4.part"));
  part.publish();
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));
  EXPECT_EQ(read_text(folder / "a.mp4"), "one two");
  EXPECT_EQ(fs::status(folder / "a.mp4").permissions(), fs::perms{0640});
}

TEST(PartFile, LeavesNothingIfNotPublished) {
  const TempDir folder;
  PartFile(folder / "a.mp4", false).write(bytes("half"));
  EXPECT_THAT(names_in(folder.path()), testing::IsEmpty());
}

TEST(PartFile, CreatesMissingFolders) {
  const TempDir folder;
  publish_text(folder / "x/y/a.mp4", false, "text");
  EXPECT_EQ(read_text(folder / "x/y/a.mp4"), "text");
}

TEST(PartFile, ANameWithoutFolderIsInTheWorkingDirectory) {
  const TempDir folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  publish_text("a.mp4", false, "text");
  fs::current_path(before);
  EXPECT_EQ(read_text(folder / "a.mp4"), "text");
}

TEST(PartFile, ADraftBecomesTheFileThroughItsSeal) {
  const TempDir folder;
  const auto text_of = [](int fd) {
    std::string text(100, '\0');
    const ssize_t n = pread(fd, text.data(), text.size(), 0);
    return text.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n));
  };
  PartFile file(folder / "a.txt", /*overwrite=*/false);
  file.begin_draft();
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre(".a.txt.part")) << "the draft has no name";
  file.write(bytes("draft"));
  EXPECT_EQ(text_of(file.fd()), "draft");
  EXPECT_THROW(file.end_draft([](int, int) { throw Error(Fault::output, "no ink"); }), Error);

  file.begin_draft();
  file.write(bytes("another"));
  file.end_draft([&](int from, int to) {
    EXPECT_EQ(text_of(to), "");
    const std::string sealed = text_of(from) + ", sealed";
    ASSERT_EQ(::write(to, sealed.data(), sealed.size()), static_cast<ssize_t>(sealed.size()));
  });
  file.publish();
  EXPECT_EQ(read_text(folder / "a.txt"), "another, sealed");
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.txt"));
}

TEST(PartFile, ReplacesOnlyWhenToldAndOnlyAtTheEnd) {
  const TempDir folder;
  const fs::path path = folder / "a.mp4";
  test::write_file(path, "old");
  const std::string exists = path.string() + " exists already; use --overwrite to replace it";
  EXPECT_EQ(refusal(path), exists);
  {
    PartFile part(path, true);
    part.write(bytes("new"));
    EXPECT_EQ(read_text(path), "old");
  }
  EXPECT_EQ(read_text(path), "old") << "not published";
  publish_text(path, true, "new");
  EXPECT_EQ(read_text(path), "new");

  PartFile late(folder / "b.mp4", false);
  test::write_file(folder / "b.mp4", "another program's");
  EXPECT_EQ(error_of(Fault::output, [&] { late.publish(); }),
            (folder / "b.mp4").string() + " exists already; use --overwrite to replace it");
  EXPECT_EQ(read_text(folder / "b.mp4"), "another program's");
}

TEST(PartFile, NamesThatCannotBeWritten) {
  const TempDir folder;
  const std::string at = folder.path().string() + "/";
  EXPECT_EQ(refusal(""), "the output's name is empty");
  EXPECT_EQ(refusal(at), at + ": is the name of a folder, expected that of a file");
  EXPECT_EQ(refusal(at + ".."), at + "..: is the name of a folder, expected that of a file");
  fs::create_directory(folder / "folder.mp4");
  EXPECT_EQ(refusal(at + "folder.mp4", true),
            at + "folder.mp4: is a folder, which is not written to; name a regular file");
  fs::create_symlink("/etc/passwd", folder / "link.mp4");
  EXPECT_EQ(refusal(at + "link.mp4", true),
            at + "link.mp4: is a symbolic link, which is not written to; name a regular file");
  ASSERT_EQ(mkfifo((folder / "pipe.mp4").c_str(), 0600), 0);
  EXPECT_EQ(refusal(at + "pipe.mp4", true), at + "pipe.mp4: is a pipe, which is not written to; name a regular file");
  EXPECT_EQ(refusal("/dev/null", true), "/dev/null: is a device, which is not written to; name a regular file");
  test::write_file(folder / "file", "");
  EXPECT_EQ(refusal(at + "file/a.mp4"), at + "file/a.mp4: cannot be written: Not a directory");
  EXPECT_EQ(refusal("/proc/no/a.mp4"),
            "/proc/no/a.mp4: the folder /proc/no cannot be created: No such file or directory");
  const std::string name(250, 'x');
  EXPECT_EQ(refusal(at + name),
            printable(at + name, 300) + ": the file's name has 250 bytes, at most 249 are possible");
  EXPECT_NO_THROW(publish_text(folder / std::string(249, 'x'), false, "fits"));
}

TEST(PartFile, ASecondWriterIsRefused) {
  const TempDir folder;
  const fs::path path = folder / "a.mp4";
  {
    PartFile first(path, true);
    EXPECT_EQ(refusal(path, true), path.string() + ": another process is writing it (it has locked .a.mp4.part)");
    first.write(bytes("first"));
    first.publish();
  }
  EXPECT_EQ(read_text(path), "first");
}

TEST(PartFile, WhatAKilledRunLeftIsReplaced) {
  const TempDir folder;
  test::write_file(folder / ".a.mp4.part", "half of a film from last week");
  publish_text(folder / "a.mp4", false, "new");
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));
  EXPECT_EQ(read_text(folder / "a.mp4"), "new");
}

TEST(PartFile, WhatIsNoPartFileIsNotTouched) {
  const TempDir folder;
  test::write_file(folder / "secret", "text");
  fs::create_symlink("secret", folder / ".a.mp4.part");
  EXPECT_EQ(refusal(folder / "a.mp4"), (folder / "a.mp4").string() +
                                           ": .a.mp4.part is in the way and is no part file that could be replaced; "
                                           "remove it");
  EXPECT_EQ(read_text(folder / "secret"), "text");
}

TEST(PartFile, OneOfManyProcessesWins) {
  const TempDir folder;
  const fs::path path = folder / "a.mp4";
  test::write_file(folder / ".a.mp4.part", "abandoned");
  constexpr int kProcesses = 16;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const std::string text(100'000, static_cast<char>('a' + i));
      _exit(error_of(Fault::output, [&] { publish_text(path, false, text); }) == "nothing was thrown" ? 0 : 5);
    }
    children.push_back(child);
  }
  int winners = 0;
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    winners += WEXITSTATUS(status) == 0;
  }
  EXPECT_EQ(winners, 1);
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));
  const std::string text = read_text(path);
  EXPECT_EQ(text, std::string(100'000, text[0]));
}

TEST(PartFile, EveryFailingCallLeavesNothing) {
  std::vector<std::string> failed;
  for (int n = 1;; ++n) {
    const TempDir folder;
    FailingOps disk(n);
    const std::string error =
        error_of(Fault::output, [&] { publish_text(folder / "a.mp4", false, "text", disk.ops()); });
    if (!disk.has_failed()) break;
    failed.push_back(disk.failed());
    EXPECT_THAT(error, testing::EndsWith(": Input/output error"));
    EXPECT_THAT(names_in(folder.path()), testing::IsEmpty()) << disk.failed();
  }
  EXPECT_THAT(failed, testing::ElementsAre("write", "fsync", "close", "rename", "fsync"));
}

TEST(PartFile, AFailingCallLeavesTheOldFileWhileThereIsOne) {
  for (int n = 1; n <= 4; ++n) {  // after the fourth, rename, the new one has taken its place
    const TempDir folder;
    test::write_file(folder / "a.mp4", "old");
    FailingOps disk(n);
    EXPECT_NE(error_of(Fault::output, [&] { publish_text(folder / "a.mp4", true, "new", disk.ops()); }),
              "nothing was thrown");
    EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4")) << disk.failed();
    EXPECT_EQ(read_text(folder / "a.mp4"), "old") << disk.failed();
  }
}

TEST(PartFile, SaysWhatIsFull) {
  const TempDir folder;
  const auto error = [&](int number) {
    FailingOps disk(1, number);
    return error_of(Fault::output, [&] { publish_text(folder / "a.mp4", false, "text", disk.ops()); });
  };
  const std::string at = (folder / "a.mp4").string() + ": cannot be written: ";
  EXPECT_EQ(error(ENOSPC), at + "the disk is full (No space left on device)");
  EXPECT_EQ(error(EDQUOT), at + "the disk quota is used up (Disk quota exceeded)");
  EXPECT_EQ(error(EFBIG), at + "it passes the limit on a file's size (File too large)");
  EXPECT_EQ(error(EINTR), "nothing was thrown") << "a signal is no failure";
}

TEST(PartFile, ShortWritesGoOn) {
  const TempDir folder;
  FileOps ops;
  ops.write = [](int fd, const void* data, std::size_t n) { return ::write(fd, data, std::min<std::size_t>(n, 3)); };
  publish_text(folder / "a.mp4", false, "longer than three", ops);
  EXPECT_EQ(read_text(folder / "a.mp4"), "longer than three");
}

TEST(PartFile, FileSystemsThatCannotRenameWithoutReplacing) {
  const TempDir folder;
  FailingOps nfs(4, EINVAL);
  publish_text(folder / "a.mp4", false, "text", nfs.ops());
  EXPECT_EQ(nfs.failed(), "rename");
  EXPECT_EQ(read_text(folder / "a.mp4"), "text");
  EXPECT_THAT(names_in(folder.path()), testing::ElementsAre("a.mp4"));

  FailingOps again(4, EINVAL);
  PartFile late(folder / "b.mp4", false, again.ops());
  late.write(bytes("text"));
  test::write_file(folder / "b.mp4", "another program's");
  EXPECT_EQ(error_of(Fault::output, [&] { late.publish(); }),
            (folder / "b.mp4").string() + " exists already; use --overwrite to replace it");
  EXPECT_EQ(read_text(folder / "b.mp4"), "another program's");
}

TEST(OutputName, SaysWhatToWrite) {
  EXPECT_EQ(output_kind("out/cat.mp4"), OutputKind::mp4);
  EXPECT_EQ(output_kind("CAT.MP4"), OutputKind::mp4);
  EXPECT_EQ(output_kind("100%.mp4"), OutputKind::mp4);
  EXPECT_EQ(output_kind("cat.png"), OutputKind::png);
  EXPECT_EQ(output_kind("out/%d.png"), OutputKind::png_sequence);
  EXPECT_EQ(output_kind("frame-%05d.png"), OutputKind::png_sequence);
  EXPECT_EQ(output_kind("50%/cat.png"), OutputKind::png);
  EXPECT_EQ(output_kind("null:"), OutputKind::null);
  EXPECT_EQ(output_kind("md5:"), OutputKind::md5);
}

TEST(OutputName, NumberedPaths) {
  EXPECT_EQ(numbered_path("out/%d.png", 7), "out/7.png");
  EXPECT_EQ(numbered_path("out/f%05dx.png", 7), "out/f00007x.png");
  EXPECT_EQ(numbered_path("%02d.png", 123), "123.png");
  EXPECT_EQ(numbered_path("50%d/%03d.png", 1), "50%d/001.png");
}

TEST(OutputName, WhatIsNone) {
  for (const char* name : {"cat.avi", "cat", "", ".mp4", "out/", "null", "md5:x", "cat.mp4/", "cat.png.gz"}) {
    EXPECT_EQ(
        error_of(Fault::usage, [&] { output_kind(name); }),
        std::string("--output '") + name +
            "': the name does not say what to write; use name.mp4, frame-%05d.png (a file for each frame), name.png "
            "(one frame), md5: (a checksum) or null: (nothing)");
  }
  for (const char* name : {"%.png", "%5d.png", "%00d.png", "%012d.png", "%s.png", "%%d.png", "%d-%d.png", "%d%.png",
                           "%02.png", "100%.png"}) {
    EXPECT_EQ(error_of(Fault::usage, [&] { output_kind(name); }),
              std::string("--output ") + name +
                  ": a numbered name has exactly one %d, or %02d to %09d for numbers with leading zeros");
  }
}

TEST(OutputName, WhatItCannotHold) {
  const auto error = [](OutputOptions options, PixelSize size, int frames) {
    return error_of(Fault::usage, [&] { check_output(options, size, frames); });
  };
  const std::string none = "nothing was thrown";
  EXPECT_EQ(error({.path = "x.mp4"}, {832, 480}, 81), none);
  EXPECT_EQ(error({.path = "x.png"}, {33, 17}, 1), none);
  EXPECT_EQ(error({.path = "x%d.png"}, {33, 17}, 81), none);
  EXPECT_EQ(error({.path = "md5:"}, {33, 17}, 81), none);
  EXPECT_EQ(error({.path = "x.mp4"}, {833, 480}, 81),
            "--size 833x480: an MP4 needs an even width and height, because its colours have half the resolution");
  EXPECT_EQ(error({.path = "x.mp4"}, {832, 479}, 81),
            "--size 832x479: an MP4 needs an even width and height, because its colours have half the resolution");
  EXPECT_EQ(error({.path = "out/x.png"}, {64, 64}, 5),
            "--output out/x.png: is the name of one frame, but there are 5; use a numbered name such as x-%05d.png, or "
            "x.mp4");
  EXPECT_EQ(error({.path = "x.mp4", .crf = 52}, {64, 64}, 5),
            "--crf 52: expected 0 (lossless) to 51 (worst), 18 looks like the original");
  EXPECT_EQ(error({.path = "null:", .crf = -1}, {64, 64}, 5),
            "--crf -1: expected 0 (lossless) to 51 (worst), 18 looks like the original");
  EXPECT_EQ(error({.path = "x.mp4", .preset = "mediun"}, {64, 64}, 5),
            "--preset mediun: unknown (did you mean medium?); expected one of ultrafast, superfast, veryfast, faster, "
            "fast, medium, "
            "slow, slower, veryslow, placebo");
  EXPECT_EQ(error({.path = "x.mp4", .preset = ""}, {64, 64}, 5),
            "--preset : unknown; expected one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, "
            "veryslow, "
            "placebo");
}

}  // namespace
}  // namespace sora

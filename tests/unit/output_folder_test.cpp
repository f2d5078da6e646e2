// Nothing is written outside the folder that the user named, whatever lies in it and whoever changes it meanwhile.
#include "base/output_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;

int without_openat2(int, const char*) {
  errno = ENOSYS;
  return -1;
}

std::span<const std::uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// With the kernel's call and without it.
class OutputFolder : public testing::TestWithParam<bool> {
 protected:
  OutputFolder() {
    fs::create_directory(root());
    fs::create_directory(outside());
  }
  fs::path root() const { return folder_ / "out"; }
  fs::path outside() const { return folder_ / "outside"; }
  FileOps ops() const {
    FileOps ops;
    if (!GetParam()) ops.open_beneath = without_openat2;
    return ops;
  }
  void publish(const fs::path& path, const fs::path& root) const {
    PartFile part(path, true, ops(), root);
    part.write(bytes("text"));
    part.publish();
  }
  std::string refusal(const fs::path& path) const {
    std::string message = error_of(Fault::output, [&] { publish(path, root()); });
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at; (at = message.find(folder)) != message.npos;) message.erase(at, folder.size());
    return message;
  }

  test::TempDir folder_;
};

INSTANTIATE_TEST_SUITE_P(Openat2, OutputFolder, testing::Bool());

TEST_P(OutputFolder, MissingFoldersAreCreated) {
  publish(root() / "a/b/x.mp4", root());
  publish(root() / "a/b/y.mp4", root());
  publish(root() / "z.mp4", root());
  publish(folder_ / "new/root/c/x.mp4", folder_ / "new/root");
  EXPECT_EQ(read_text(root() / "a/b/x.mp4"), "text");
  EXPECT_EQ(read_text(root() / "a/b/y.mp4"), "text");
  EXPECT_EQ(read_text(root() / "z.mp4"), "text");
  EXPECT_EQ(read_text(folder_ / "new/root/c/x.mp4"), "text");
}

TEST_P(OutputFolder, TheRootItselfMayBeALink) {
  fs::create_directory_symlink(root(), folder_ / "link");
  publish(folder_ / "link/a/x.mp4", folder_ / "link");
  EXPECT_EQ(read_text(root() / "a/x.mp4"), "text");
}

TEST_P(OutputFolder, RootsAreWrittenInManyWays) {
  const fs::path before = fs::current_path();
  fs::current_path(root());
  publish("a/x.mp4", ".");
  publish("b/x.mp4", "./b/");
  publish("x.mp4", ".");
  publish("../out/c/x.mp4", "../out/");
  fs::current_path(before);
  for (const std::string name : {"a/x.mp4", "b/x.mp4", "x.mp4", "c/x.mp4"}) EXPECT_EQ(read_text(root() / name), "text");
}

TEST_P(OutputFolder, NoLinkBelowTheRootIsFollowed) {
  fs::create_directory_symlink(outside(), root() / "link");
  fs::create_directory_symlink("a", root() / "inside");  // nor one that leads to a folder of the root
  fs::create_directories(root() / "a/b");
  fs::create_directory_symlink("..", root() / "a/up");
  const std::string rest = " is a symbolic link, which may lead out of out; nothing is written behind it";
  EXPECT_EQ(refusal(root() / "link/x.mp4"), "out/link/x.mp4: out/link" + rest);
  EXPECT_EQ(refusal(root() / "link/new/x.mp4"), "out/link/new/x.mp4: out/link" + rest);
  EXPECT_EQ(refusal(root() / "inside/x.mp4"), "out/inside/x.mp4: out/inside" + rest);
  EXPECT_EQ(refusal(root() / "a/up/x.mp4"), "out/a/up/x.mp4: out/a/up" + rest);
  EXPECT_TRUE(fs::is_empty(outside()));
}

TEST_P(OutputFolder, WhatIsNoFolderOrLiesElsewhere) {
  test::write_file(root() / "file", "");
  EXPECT_EQ(refusal(root() / "file/x.mp4"), "out/file/x.mp4: cannot be written: Not a directory");
  EXPECT_EQ(error_of(Fault::output, [&] { open_output_folder(root(), root() / "file", ops().open_beneath); }),
            "the folder " + (root() / "file").string() + " cannot be opened: Not a directory");
  EXPECT_EQ(refusal(outside() / "x.mp4"), "outside/x.mp4: the folder outside is not below out");
  EXPECT_EQ(refusal(root() / "../x.mp4"), "out/../x.mp4: the folder out/.. is not below out");
  EXPECT_TRUE(fs::is_empty(outside()));
}

TEST_P(OutputFolder, ALinkThatTakesTheFilesPlaceIsReplacedAndNotFollowed) {
  test::write_file(outside() / "x.mp4", "theirs");
  PartFile part(root() / "x.mp4", true, ops(), root());
  part.write(bytes("ours"));
  fs::create_symlink(outside() / "x.mp4", root() / "x.mp4");
  part.publish();
  EXPECT_EQ(read_text(outside() / "x.mp4"), "theirs");
  EXPECT_FALSE(fs::is_symlink(root() / "x.mp4"));
  EXPECT_EQ(read_text(root() / "x.mp4"), "ours");
}

bool exchange(const fs::path& a, const fs::path& b) {
  return renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

// While files are published in "out/d" and in new folders below it, and removed from "out/d/kept", "d" is now a folder
// and now a link to a folder outside.
TEST_P(OutputFolder, NothingGetsOutWhileFoldersAndLinksChangePlaces) {
  test::write_file(root() / "d/kept/ours", "");
  test::write_file(outside() / "kept/theirs", "");
  fs::create_directory_symlink(outside(), root() / "link");
  if (!exchange(root() / "d", root() / "link")) GTEST_SKIP() << "this file system cannot exchange two names";
  std::atomic<bool> done{false};
  std::thread swapper([&] {
    while (!done) exchange(root() / "d", root() / "link");
  });
  int published = 0;
  for (int i = 0; i < 2000; ++i) {
    const fs::path name = i % 2 == 0 ? "d/x.mp4" : "d/new" + std::to_string(i) + "/x.mp4";
    try {
      publish(root() / name, root());
      ++published;
    } catch (const Error& error) {
      EXPECT_EQ(error.fault(), Fault::output);
    }
    remove_output_folder(root(), root() / "d/kept", [](std::string_view) { return true; });
  }
  done = true;
  swapper.join();
  RecordProperty("published", published);
  std::vector<std::string> found;
  for (const auto& entry : fs::recursive_directory_iterator(outside())) found.push_back(entry.path().filename());
  EXPECT_THAT(found, testing::ElementsAre("kept", "theirs"));
}

TEST(RemoveOutputFolder, RemovesItsOwnAndNothingBehindALink) {
  const test::TempDir folder;
  const fs::path root = folder / "out", outside = folder / "outside";
  test::write_file(root / "kept/ours-1", "");
  test::write_file(root / "kept/theirs", "");
  test::write_file(root / "all/ours-2", "");
  test::write_file(outside / "ours-3", "");
  test::write_file(outside / "sub/ours-4", "");
  fs::create_directory_symlink(outside, root / "link");
  fs::create_directory_symlink(outside / "sub", root / "all/ours-link");
  const auto remove = [&](const fs::path& name) {
    remove_output_folder(root, root / name, [](std::string_view file) { return file.starts_with("ours"); });
  };
  for (const std::string name : {"kept", "all", "link", "link/sub", "missing", "missing/too"}) remove(name);
  EXPECT_FALSE(fs::exists(root / "kept/ours-1"));
  EXPECT_TRUE(fs::exists(root / "kept/theirs"));
  EXPECT_FALSE(fs::exists(root / "all"));
  EXPECT_TRUE(fs::exists(outside / "ours-3"));
  EXPECT_TRUE(fs::exists(outside / "sub/ours-4"));
  EXPECT_TRUE(fs::is_symlink(root / "link"));
}

}  // namespace
}  // namespace sora

// Whom we believe what a checkpoint's files should be.
#include "checkpoint/file_hashes.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempDir;
using test::write_file;

const std::string kOfHello = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";  // "hello\n"
const std::string kBlobOfHello = "ce013625030ba8dba906f756967f9e9ca394464a";

std::string names_and_hashes(const ExpectedFiles& expected) {
  std::string text = expected.source + ":";
  for (const ExpectedFile& file : expected.files) {
    text += fmt::format(" {}={}", file.name.string(), file.hash.substr(0, 4));
  }
  return text;
}

TEST(ExpectedFiles, OfASnapshotAreItsLinks) {
  const TempDir cache;
  const fs::path snapshot = cache / "snapshots/abc";
  fs::create_directories(snapshot / "vae");
  fs::create_symlink("../../../blobs/" + kOfHello, snapshot / "vae/x.safetensors");
  fs::create_symlink("../../blobs/" + kBlobOfHello, snapshot / "model_index.json");
  fs::create_symlink("../../blobs/" + kOfHello + ".incomplete", snapshot / "y.safetensors");
  write_file(snapshot / "SHA256SUMS", kOfHello + "  z\n");
  EXPECT_EQ(names_and_hashes(expected_files(snapshot)),
            "the Hugging Face cache: model_index.json=ce01 vae/x.safetensors=5891");
}

TEST(ExpectedFiles, OfAListOfSums) {
  const TempDir folder;
  write_file(folder / "SHA256SUMS", kOfHello + "  vae/x y.safetensors\n" + kOfHello + " *b\n");
  EXPECT_EQ(names_and_hashes(expected_files(folder.path())), "SHA256SUMS: vae/x y.safetensors=5891 b=5891");
}

TEST(ExpectedFiles, OfAListThatCannotBeRead) {
  const TempDir folder;
  const fs::path sums = folder / "SHA256SUMS";
  for (const std::string line : {"hello", "", kOfHello.c_str()}) {
    write_file(sums, kOfHello + "  a\n" + line + "\n");
    EXPECT_EQ(
        error_of(Fault::input, [&] { expected_files(folder.path()); }),
        sums.string() +
            ": line 2: expected 64 hexadecimal digits, two spaces and the name of a file in this folder, found \"" +
            line + "\"");
  }
  for (const std::string name : {"/etc/passwd", "../x", "a/../../x", ""}) {
    write_file(sums, kOfHello + "  " + name + "\n");
    EXPECT_NE(error_of(Fault::input, [&] { expected_files(folder.path()); }), "nothing was thrown") << name;
  }
}

TEST(ExpectedFiles, OfWhatTheDownloaderNotes) {
  const TempDir folder;
  const fs::path notes = folder / ".cache/huggingface/download";
  const std::string commit(40, 'a');
  write_file(notes / "vae/config.json.metadata", commit + "\n" + kBlobOfHello + "\n1700000000.0\n");
  write_file(notes / "README.md.metadata", commit + "\n\"weird\"\n1700000000.0\n");
  write_file(notes / "vae/config.json.lock", "");
  EXPECT_EQ(names_and_hashes(expected_files(folder.path())), "hf download: vae/config.json=ce01");
}

TEST(ExpectedFiles, OfAFolderOfWhichNothingIsKnown) {
  const TempDir folder;
  write_file(folder / "model_index.json", "{}");
  EXPECT_EQ(names_and_hashes(expected_files(folder.path())), ":");
}

TEST(HashLike, IsOfTheSameKindAndTellsWhatIsRead) {
  const TempDir folder;
  write_file(folder / "hello", "hello\n");
  std::int64_t read = 0;
  const auto count = [&](std::int64_t bytes) { read += bytes; };
  EXPECT_EQ(hash_like(std::string(64, '0'), folder / "hello", count), kOfHello);
  EXPECT_EQ(hash_like(std::string(40, '0'), folder / "hello", count), kBlobOfHello);
  EXPECT_EQ(read, 12);

  const std::string large(9'000'001, 'x');  // several pieces
  write_file(folder / "large", large);
  read = 0;
  EXPECT_EQ(hash_like(std::string(64, '0'), folder / "large", count), sha256_hex(large));
  EXPECT_EQ(read, 9'000'001);
  EXPECT_EQ(error_of(Fault::input, [&] { hash_like(kOfHello, folder.path(), count); }),
            folder.path().string() + ": is not a regular file");
}

}  // namespace
}  // namespace sora

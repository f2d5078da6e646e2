// Keys of an installation: made once, whole, and for their owner alone.
#include "provenance/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>

#include "provenance/read.h"
#include "provenance/signer.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using testing::StartsWith;

unsigned mode_of(const fs::path& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST(Keys, AreASetForTheirOwnerAlone) {
  const test::TempDir folder;
  const mode_t before = umask(0);
  const EnsuredKeys first = ensure_keys(folder / "a/keys");
  umask(before);
  EXPECT_TRUE(first.created);
  EXPECT_EQ(names_in(folder / "a"), std::set<std::string>{"keys"});
  EXPECT_EQ(names_in(folder / "a/keys"),
            (std::set<std::string>{"root.pem", "certificate.pem", "key.pem", "watermark.key", "audit.key"}));
  EXPECT_EQ(mode_of(folder / "a/keys"), 0700U);
  for (const auto& entry : fs::directory_iterator(folder / "a/keys")) EXPECT_EQ(mode_of(entry.path()), 0600U) << entry;

  const std::string key = test::read_text(first.files.key());
  EXPECT_FALSE(ensure_keys(folder / "a/keys").created);
  EXPECT_EQ(test::read_text(first.files.key()), key);
  EXPECT_NE(read_secret_key(first.files.watermark_key()), read_secret_key(first.files.audit_key()));
  EXPECT_NO_THROW(Signer(first.files.certificate(), first.files.key()));
}

TEST(Keys, AreNotReplacedByChance) {
  const test::TempDir folder;
  make_keys(folder / "keys", {});
  const std::string key = test::read_text(folder / "keys/key.pem");
  EXPECT_EQ(test::error_of(Fault::output, [&] { make_keys(folder / "keys", {}); }),
            (folder / "keys").string() + ": there are keys already; --renew makes new ones and puts these aside");
  EXPECT_EQ(test::read_text(folder / "keys/key.pem"), key);
}

TEST(Keys, ThatAreRenewedGoOnToBeTrusted) {
  const test::TempDir folder;
  const KeyFiles files = make_keys(folder / "keys", {});
  const std::string root = test::read_text(files.root()), key = test::read_text(files.key());
  const SecretKey watermark = read_secret_key(files.watermark_key()), audit = read_secret_key(files.audit_key());

  const RenewedKeys renewed = renew_keys(folder / "keys", {.algorithm = KeyAlgorithm::ed25519});
  EXPECT_TRUE(Signer(files.certificate(), files.key()).is_deterministic());
  EXPECT_EQ(read_secret_key(files.watermark_key()), watermark);
  EXPECT_EQ(read_secret_key(files.audit_key()), audit);
  EXPECT_THAT(test::read_text(files.root()), testing::EndsWith(root));
  EXPECT_THAT(renewed.retired.filename().string(), StartsWith("keys.retired-"));
  EXPECT_EQ(test::read_text(renewed.retired / "key.pem"), key);
  EXPECT_EQ(mode_of(renewed.retired), 0700U);
  EXPECT_EQ(names_in(folder.path()).size(), 2U);

  EXPECT_EQ(test::error_of(Fault::input, [&] { renew_keys(folder / "none", {}); }),
            (folder / "none").string() + ": there are no keys that could be renewed");
}

TEST(Keys, OfAllAlgorithmsSign) {
  const test::TempDir folder;
  const std::vector<std::uint8_t> message(1000, 7);
  const std::map<KeyAlgorithm, std::size_t> bytes{
      {KeyAlgorithm::es256, 64}, {KeyAlgorithm::es384, 96}, {KeyAlgorithm::ed25519, 64}};
  for (const auto& [algorithm, size] : bytes) {
    const KeyFiles files = make_keys(folder / std::to_string(static_cast<int>(algorithm)), {.algorithm = algorithm});
    const Signer signer(files.certificate(), files.key());
    EXPECT_EQ(signer.sign(message).size(), size);
    EXPECT_EQ(signer.sign(message) == signer.sign(message), signer.is_deterministic());
  }
}

TEST(Keys, AreEncryptedWhereThatIsAskedFor) {
  const test::TempDir folder;
  const KeyFiles files = make_keys(folder / "keys", {.passphrase = "open sesame"});
  EXPECT_THAT(test::read_text(files.key()), StartsWith("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
  EXPECT_NO_THROW(Signer(files.certificate(), files.key(), "open sesame"));
  EXPECT_EQ(test::error_of(Fault::input, [&] { Signer(files.certificate(), files.key()); }),
            files.key().string() + ": the key is encrypted; give the file of its passphrase with --passphrase-file");
  EXPECT_EQ(test::error_of(Fault::input, [&] { Signer(files.certificate(), files.key(), "open says me"); }),
            files.key().string() + ": the key cannot be decrypted with this passphrase");
}

TEST(Keys, WithMissingOrDamagedFilesAreErrors) {
  const test::TempDir folder;
  const KeyFiles files = ensure_keys(folder / "keys").files;
  fs::remove(files.audit_key());
  EXPECT_EQ(test::error_of(Fault::input, [&] { ensure_keys(folder / "keys"); }),
            files.audit_key().string() +
                ": is missing; bring it back, or move the folder away and a new set of keys is made");
  test::write_file(files.audit_key(), "short");
  EXPECT_EQ(test::error_of(Fault::input, [&] { read_secret_key(files.audit_key()); }),
            files.audit_key().string() + ": has 5 bytes, a key has 32");
  test::write_file(folder / "file", "");
  EXPECT_EQ(test::error_of(Fault::output, [&] { ensure_keys(folder / "file/keys"); }),
            (folder / "file").string() + ": the folder cannot be created: Not a directory");
}

TEST(Keys, OptionsHaveLimits) {
  const test::TempDir folder;
  const auto refusal = [&](const KeyOptions& options) {
    return test::error_of(Fault::usage, [&] { make_keys(folder / "keys", options); });
  };
  EXPECT_EQ(refusal({.name = ""}), "the owner's name has 0 characters, expected 1 to 64");
  EXPECT_EQ(refusal({.name = std::string(65, 'x')}), "the owner's name has 65 characters, expected 1 to 64");
  EXPECT_EQ(refusal({.name = "a\nb"}), "the owner's name a\\x0ab is not plain UTF-8 text");
  EXPECT_EQ(refusal({.name = "\xff"}), "the owner's name \\xff is not plain UTF-8 text");
  EXPECT_EQ(refusal({.years = 0}), "the certificates cannot hold for 0 years, expected 1 to 100");
  EXPECT_EQ(names_in(folder.path()), std::set<std::string>{});
  std::string letters;
  for (int i = 0; i < 64; ++i) letters += "ß";
  EXPECT_NO_THROW(make_keys(folder / "keys", {.name = letters, .years = 100}));
}

// Each child says with its exit code whether it made the set.
TEST(Keys, MadeByManyProcessesAtOnceAreOneSet) {
  const test::TempDir folder;
  constexpr int kProcesses = 8, kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    const fs::path keys = folder / std::to_string(round) / "keys";
    int gate[2];
    ASSERT_EQ(pipe(gate), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kProcesses; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        char go = 0;
        close(gate[1]);
        static_cast<void>(!read(gate[0], &go, 1));  // returns when the parent closes the other end
        try {
          const EnsuredKeys ensured = ensure_keys(keys);
          const Signer signer(ensured.files.certificate(), ensured.files.key());
          _exit(ensured.created ? 1 : 0);
        } catch (const std::exception&) {
          _exit(99);
        }
      }
      children.push_back(child);
    }
    close(gate[0]);
    close(gate[1]);
    int made = 0;
    for (const pid_t child : children) {
      int status = 0;
      waitpid(child, &status, 0);
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) <= 1) << status;
      made += WEXITSTATUS(status);
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(names_in(folder / std::to_string(round)), std::set<std::string>{"keys"});
  }
}

TEST(Keys, LieInTheUsersDataFolder) {
  const test::ScopedEnv data("XDG_DATA_HOME", "/data"), home("HOME", "/home/u");
  EXPECT_EQ(keys_folder(), "/data/sora-gen/keys");
  const test::ScopedEnv relative("XDG_DATA_HOME", "data");
  EXPECT_EQ(keys_folder(), "/home/u/.local/share/sora-gen/keys");
  const test::ScopedEnv nowhere("HOME", nullptr);
  EXPECT_EQ(test::error_of(Fault::usage, [] { keys_folder(); }),
            "keys and records have no place: neither XDG_DATA_HOME nor HOME is set to a whole path");
}

// Against Python's hmac: of b"\x00"*31 + b"\x01" and b"prompt\0a cat".
TEST(Keys, NameWithoutTelling) {
  SecretKey key{};
  key[31] = 1;
  EXPECT_EQ(prompt_hmac(key, "a cat"), "004e30c19571fa353c05c11d4cfa905ac401f89283bd1ce0734e36cc4ad55d1b");
  EXPECT_EQ(watermark_payload(key, "job"), 0x59bbf6dd8503ULL);
  EXPECT_EQ(watermark_key_id(key), "1aa28092ef6c266f");
  EXPECT_EQ(watermark_payload_digest(key, 0xabcULL),
            "4232afb198b8cb15624be231c2706a055b13d819f6402a24586d9f395d287443");
  SecretKey other = key;
  other[0] = 1;
  EXPECT_NE(prompt_hmac(other, "a cat"), prompt_hmac(key, "a cat"));
  EXPECT_NE(keyed_digest(key, "a", "bc"), keyed_digest(key, "ab", "c"));
}

}  // namespace
}  // namespace sora

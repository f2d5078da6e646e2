// sora-gen keygen and sora-gen audit verify, as a user calls them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "provenance/audit.h"
#include "provenance/signer.h"
#include "support/program.h"

namespace sora {
namespace {

using nlohmann::json;
using test::refusal;
using test::run;
namespace fs = std::filesystem;

class Keygen : public testing::Test {
 protected:
  test::RunResult keygen(test::Words words) {
    words.insert(words.begin(), "keygen");
    return run(words, options_);
  }

  test::TempDir home_;
  fs::path folder_ = home_ / "sora-gen/keys";
  test::RunOptions options_{.env = {{"XDG_DATA_HOME", home_.path()}}};
};

TEST_F(Keygen, SaysWhatItMade) {
  EXPECT_EQ(keygen({}).out, "keys in " + folder_.string() +
                                "\n"
                                "  root.pem         for those who are to recognise what is signed here\n"
                                "  certificate.pem  of sora-gen, for 10 years\n"
                                "  key.pem          not encrypted: who has it can sign in this name\n"
                                "  watermark.key    new\n"
                                "  audit.key        new\n");
  EXPECT_EQ(refusal(5, {"keygen"}, options_),
            "sora-gen: error: " + folder_.string() +
                ": there are keys already; --renew makes new ones and puts these aside\n");
  const test::RunResult renewed =
      keygen({"--renew", "--algorithm", "ed25519", "--name", "Some Film Company", "--years", "1", "--json"});
  EXPECT_EQ(renewed.exit_code, 0) << renewed.err;
  json result = json::parse(renewed.out);
  EXPECT_TRUE(fs::exists(fs::path(result["retired"].get<std::string>()) / "key.pem"));
  result.erase("retired");
  EXPECT_EQ(result, (json{{"exit", 0},
                          {"folder", folder_.string()},
                          {"algorithm", "ed25519"},
                          {"name", "Some Film Company"},
                          {"years", 1},
                          {"encrypted", false}}));
}

TEST_F(Keygen, EncryptsWithAPassphrase) {
  test::write_file(home_ / "passphrase", "open sesame\nnot this line\n");
  const fs::path folder = home_ / "elsewhere";
  const test::RunResult made = keygen({"--folder", folder, "--passphrase-file", home_ / "passphrase"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, testing::HasSubstr("\n  key.pem          encrypted\n"));
  EXPECT_NO_THROW(Signer(folder / "certificate.pem", folder / "key.pem", "open sesame"));
  test::write_file(home_ / "empty", "\n");
  EXPECT_EQ(refusal(4, {"keygen", "--passphrase-file", home_ / "empty"}, options_),
            "sora-gen: error: " + (home_ / "empty").string() + ": the first line is empty, expected a passphrase\n");
}

// A process without a terminal.
TEST_F(Keygen, AsksAtATerminalOnly) {
  const test::RunResult result = test::run_program({"setsid", "--wait", SORA_BINARY, "keygen", "--encrypt"}, options_);
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "sora-gen: error: there is no terminal to ask for the passphrase at; give its file with "
            "--passphrase-file\n");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(Keygen, RefusesWhatItCannotMake) {
  EXPECT_EQ(refusal(2, {"keygen", "--algorithm", "rsa"}, options_),
            "sora-gen: error: --algorithm rsa: expected one of es256, es384, ed25519\n");
  EXPECT_EQ(refusal(2, {"keygen", "--years", "0"}, options_),
            "sora-gen: error: --years 0: expected a whole number from 1 to 100\n");
  EXPECT_EQ(refusal(2, {"keygen", "--name", ""}, options_),
            "sora-gen: error: the owner's name has 0 characters, expected 1 to 64\n");
  EXPECT_FALSE(fs::exists(folder_));
}

TEST_F(Keygen, AuditVerifyNamesTheBrokenRecord) {
  const fs::path file = home_ / "sora-gen/audit.jsonl";
  ASSERT_EQ(keygen({}).exit_code, 0);
  {
    AuditLog log(file, read_secret_key(folder_ / "audit.key"));
    for (int i = 0; i < 3; ++i) log.append(OutputRecord{"job", "tiny", "/out/x.mp4", std::string(64, 'a')});
  }
  const test::RunResult whole = run({"audit", "verify"}, options_);
  EXPECT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(whole.out, "whole    " + file.string() + ": 3 records\n");
  std::string text = test::read_text(file);
  text[text.find("tiny")] = 'T';
  test::write_file(file, text + "torn");
  const test::RunResult broken = run({"audit", "verify", file}, options_);
  EXPECT_EQ(broken.exit_code, 7);
  EXPECT_EQ(broken.out, "BROKEN   " + file.string() +
                            ": line 1 was changed, or written with another key; 0 records before it are whole\n");
  const test::RunResult reported = run({"audit", "verify", "--json"}, options_);
  EXPECT_EQ(json::parse(reported.out), (json{{"exit", 7},
                                             {"file", file.string()},
                                             {"whole", false},
                                             {"records", 0},
                                             {"torn", 0},
                                             {"last_is_torn", false},
                                             {"line", 1},
                                             {"fault", "was changed, or written with another key"},
                                             {"with_key", true}}));
  const test::TempDir elsewhere;
  const test::RunResult keyless = run({"audit", "verify", file}, {.env = {{"XDG_DATA_HOME", elsewhere.path()}}});
  EXPECT_EQ(keyless.exit_code, 7);
  EXPECT_EQ(keyless.out,
            "BROKEN   " + file.string() +
                ": line 1 was changed: the next record has another digest of it; 1 records before it are whole\n"
                "note     without this installation's key, only the chain of digests was checked\n");
  EXPECT_EQ(refusal(2, {"audit"}, options_),
            "sora-gen: error: sora-gen audit: verify is missing; sora-gen audit verify [FILE] says whether the log is "
            "whole\n");
  EXPECT_EQ(refusal(4, {"audit", "verify", home_ / "none"}, options_),
            "sora-gen: error: " + (home_ / "none").string() + ": cannot be opened: No such file or directory\n");
}

}  // namespace
}  // namespace sora

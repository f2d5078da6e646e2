// Latents that are kept on disk come back as they were, or not at all.
#include "render/saved_latents.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "render/rng.h"
#include "support/errors.h"
#include "support/files.h"

namespace sora {
namespace {

namespace fs = std::filesystem;

class SavedLatentsTest : public testing::Test {
 protected:
  SavedLatents open(const std::string& identity = "a cat") const { return {folder(), identity}; }
  fs::path folder() const { return temp_ / "cat.mp4.latents"; }
  fs::path file(int index) const { return folder() / ("windows-000" + std::to_string(index) + ".safetensors"); }

  static SavedLatents::Part part(std::uint64_t seed) {
    Rng rng(seed), condition_rng(seed + 1);
    const Tensor latents = rng.normal({1, 2, 3, 4, 5});
    return {latents, rng.state(), condition_rng.state()};
  }

  static void expect_equal(const std::optional<SavedLatents::Part>& loaded, const SavedLatents::Part& saved) {
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(at::equal(loaded->latents, saved.latents));
    EXPECT_TRUE(at::equal(loaded->rng, saved.rng));
    EXPECT_TRUE(at::equal(loaded->condition_rng, saved.condition_rng));
  }

  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder())) all.insert(entry.path().filename().string());
    return all;
  }

  test::TempDir temp_;
};

TEST_F(SavedLatentsTest, ComeBackAsTheyWere) {
  const SavedLatents::Part first = part(1), second = part(2);
  EXPECT_FALSE(open().resumes());
  EXPECT_FALSE(fs::exists(folder()));  // nothing to keep yet
  open().save(0, first);
  open().save(1, second);
  EXPECT_EQ(names(), (std::set<std::string>{"plan.json", "windows-0000.safetensors", "windows-0001.safetensors"}));
  EXPECT_EQ(test::read_text(folder() / "plan.json"), "a cat");
  EXPECT_TRUE(open().resumes());
  expect_equal(open().load(0), first);
  expect_equal(open().load(1), second);
  EXPECT_FALSE(open().load(2));
}

TEST_F(SavedLatentsTest, GoOnWithTheSameNumbers) {
  Rng rng(3);
  rng.normal({7});
  open().save(0, {at::zeros({1}), rng.state(), rng.state()});
  const Tensor expected = rng.normal({100});
  Rng resumed(4);
  resumed.set_state(open().load(0)->rng);
  EXPECT_TRUE(at::equal(resumed.normal({100}), expected));
}

TEST_F(SavedLatentsTest, OfAnotherIdentityAreNotLoadedAndGoWithTheFirstSave) {
  open().save(0, part(1));
  open().save(1, part(2));
  SavedLatents dog = open("a dog");
  EXPECT_FALSE(dog.resumes());
  EXPECT_FALSE(dog.load(0));
  EXPECT_TRUE(open().load(1));  // a dog that fails before its first window costs no cat
  const SavedLatents::Part other = part(3);
  dog.save(0, other);
  EXPECT_EQ(names(), (std::set<std::string>{"plan.json", "windows-0000.safetensors"}));
  expect_equal(dog.load(0), other);
  EXPECT_FALSE(open().load(0));
}

TEST_F(SavedLatentsTest, AnyDamageIsSeen) {
  open().save(0, part(1));
  const std::string whole = test::read_text(file(0));
  for (std::size_t at = 0; at < whole.size(); at += 97) {
    std::string damaged = whole;
    damaged[at] ^= 4;
    test::write_file(file(0), damaged);
    EXPECT_FALSE(open().load(0)) << "byte " << at;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, whole.size() / 2, whole.size() - 1}) {
    test::write_file(file(0), whole.substr(0, size));
    EXPECT_FALSE(open().load(0)) << size << " bytes";
  }
  test::write_file(file(0), whole + "x");
  EXPECT_FALSE(open().load(0));
  test::write_file(file(0), whole);
  EXPECT_TRUE(open().load(0));
}

TEST_F(SavedLatentsTest, AreSafetensorsForOtherPrograms) {
  const SavedLatents::Part saved = part(1);
  open().save(0, saved);
  const std::string text = test::read_text(file(0));
  EXPECT_NE(text.find(R"("latents":{"data_offsets":[0,480],"dtype":"F32","shape":[1,2,3,4,5]})"), text.npos);
}

TEST_F(SavedLatentsTest, GoWithTheVideoAndLeaveWhatIsNotTheirs) {
  SavedLatents saved = open();
  saved.save(0, part(1));
  test::write_file(folder() / ".windows-0001.safetensors.part", "of a run that was killed");
  saved.remove();
  EXPECT_FALSE(fs::exists(folder()));
  saved.save(0, part(1));
  test::write_file(folder() / "notes.txt", "mine");
  saved.remove();
  EXPECT_EQ(names(), std::set<std::string>{"notes.txt"});
}

TEST_F(SavedLatentsTest, AFolderThatCannotBeMadeIsAnError) {
  test::write_file(temp_ / "file", "");
  SavedLatents saved(temp_ / "file" / "x.latents", "a cat");
  EXPECT_FALSE(saved.resumes());
  EXPECT_FALSE(saved.load(0));
  const std::string where = (temp_ / "file" / "x.latents").string();
  EXPECT_EQ(test::error_of(Fault::output, [&] { saved.save(0, part(1)); }),
            where + "/plan.json: cannot be written: Not a directory");
  saved.remove();
}

TEST_F(SavedLatentsTest, WithoutAFolderNothingIsKept) {
  SavedLatents nowhere;
  nowhere.save(0, part(1));
  EXPECT_FALSE(nowhere.resumes());
  EXPECT_FALSE(nowhere.load(0));
  nowhere.remove();
}

}  // namespace
}  // namespace sora

// Names made of fields: what they look like, what they can never be, and how many of the same name are told apart.
#include "base/name_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/slug.h"
#include "base/text.h"
#include "support/errors.h"

namespace sora {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using testing::ElementsAre;

NameFields fields(std::string prompt = "Two cats, boxing!") {
  return {.index = 7,
          .prompt = std::move(prompt),
          .seed = 42,
          .size = {832, 480},
          .frames = 81,
          .fps = {24000, 1001},
          .steps = 30,
          .model = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"};
}

std::string filled(const std::string& name, const NameFields& with = fields()) { return NameTemplate(name).fill(with); }
std::string with_prompt(const std::string& name, const std::string& prompt) { return filled(name, fields(prompt)); }

TEST(NameTemplate, FillsItsFields) {
  EXPECT_EQ(filled("out/{index:04}-{slug}-{seed}.mp4"), "out/0007-two-cats-boxing-42.mp4");
  EXPECT_EQ(filled("{width}x{height}-{frames}f-{fps}-{steps}-{model}.mp4"),
            "832x480-81f-23.976-30-Wan2.1-T2V-1.3B-Diffusers.mp4");
  EXPECT_EQ(filled("{index}/{slug}/%05d.png"), "7/two-cats-boxing/%05d.png");
  EXPECT_EQ(filled("{fps}.mp4", {.fps = {24, 1}}), "24.mp4");
  EXPECT_EQ(filled("{seed:09}.mp4", {.seed = 18446744073709551615u}), "18446744073709551615.mp4");
  EXPECT_EQ(filled("/{{a}}/{{{slug}}}.mp4"), "/{a}/{two-cats-boxing}.mp4");
  for (const std::string same : {"x.mp4", "/a//b/../x.mp4", "null:", "frames/%05d.png", ".hidden/-x.mp4"}) {
    EXPECT_EQ(filled(same), same);
    EXPECT_FALSE(NameTemplate(same).has_fields());
  }
  EXPECT_TRUE(NameTemplate("a/{slug}/b.mp4").has_fields());
}

TEST(NameTemplate, Errors) {
  const auto error = [](const std::string& name) { return error_of(Fault::usage, [&] { NameTemplate{name}; }); };
  const std::string all =
      "; the fields are index, slug, seed, width, height, frames, fps, steps, model, and braces themselves are written "
      "{{ and }}";
  EXPECT_EQ(error("{indx}.mp4"), "{indx}.mp4: unknown field {indx} (did you mean {index}?)" + all);
  EXPECT_EQ(error("a{}.mp4"), "a{}.mp4: unknown field {}" + all);
  EXPECT_EQ(error("{prompt\x1b}.mp4"), "{prompt\\x1b}.mp4: unknown field {prompt\\x1b}" + all);
  EXPECT_EQ(error("{ slug}.mp4"), "{ slug}.mp4: unknown field { slug} (did you mean {slug}?)" + all);
  EXPECT_EQ(error("{index"), "{index: a { is not closed; a brace itself is written {{");
  EXPECT_EQ(error("{index/x}.mp4"), "{index/x}.mp4: a { is not closed; a brace itself is written {{");
  EXPECT_EQ(error("index}.mp4"), "index}.mp4: a } without a {; a brace itself is written }}");
  EXPECT_EQ(error("{index:4}.mp4"), "{index:4}.mp4: {index:4}: leading zeros are written :01 to :09");
  EXPECT_EQ(error("{index:}.mp4"), "{index:}.mp4: {index:}: leading zeros are written :01 to :09");
  EXPECT_EQ(error("{slug:04}.mp4"), "{slug:04}.mp4: {slug:04}: this field takes no leading zeros");
  EXPECT_EQ(error("{slug}/../x.mp4"), "{slug}/../x.mp4: a .. after the first field would lead out of the folder");
  EXPECT_EQ(error("../{slug}.mp4"), "nothing was thrown");
}

TEST(NameTemplate, RootIsWhatTheUserWroteBeforeTheFirstField) {
  const auto root = [](const std::string& name) { return NameTemplate(name).root().string(); };
  EXPECT_EQ(root("out/{index}.mp4"), "out");
  EXPECT_EQ(root("out/all/{slug}/%05d.png"), "out/all");
  EXPECT_EQ(root("out/a-{slug}/x.mp4"), "out");
  EXPECT_EQ(root("{slug}/x.mp4"), ".");
  EXPECT_EQ(root("/{slug}.mp4"), "/");
  EXPECT_EQ(root("/a/{slug}.mp4"), "/a");
  EXPECT_EQ(root("../{{x}}/{slug}.mp4"), "../{x}");
  EXPECT_EQ(root("frames/%05d.png"), "frames");
  EXPECT_EQ(root("x.mp4"), ".");
}

TEST(NameTemplate, NothingLeadsOutOrHides) {
  for (const std::string prompt : {"../../etc/passwd", "/etc/passwd", "..", ".", "-rf *", "--help", ".hidden",
                                   "a/b\\c:d", "a\nb\tc\x1b[31m", "%05d %s", "x. ", "~root", "$(id)", "\xff\xfe\xc3"}) {
    const fs::path name = with_prompt("out/{slug}/{slug}.mp4", prompt);
    const std::string slug = slug_of(prompt);
    EXPECT_EQ(name, "out/" + slug + "/" + slug + ".mp4");
    EXPECT_THAT(slug, testing::MatchesRegex("[a-z0-9]+(-[a-z0-9]+)*")) << prompt;
    const std::string model = model_word(prompt);
    EXPECT_THAT(model, testing::MatchesRegex("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")) << prompt;
  }
}

TEST(NameTemplate, NamesThatWindowsReservesGetAnUnderscore) {
  EXPECT_EQ(with_prompt("{slug}.mp4", "Con"), "con_.mp4");
  EXPECT_EQ(with_prompt("{slug}.x.mp4", "nul"), "nul_.x.mp4");
  EXPECT_EQ(with_prompt("{slug}", "aux"), "aux_");
  EXPECT_EQ(with_prompt("{slug}{index}.mp4", "LPT"), "lpt7_.mp4");
  EXPECT_EQ(with_prompt("{slug}{index}.mp4", "com port"), "com-port7.mp4");
  EXPECT_EQ(with_prompt("{slug}.mp4", "console"), "console.mp4");
  EXPECT_EQ(filled("con/{slug}.mp4"), "con/two-cats-boxing.mp4");  // written by the user
}

TEST(NameTemplate, LongNamesAreShortenedInTheirTexts) {
  const std::string word(200, 'x');
  NameFields with = fields("\xe7\x8c\xab" + word);
  with.model = "models/" + word;
  const std::string name = filled("{slug}-{slug}-{model}-{model}-{seed}.mp4", with);
  EXPECT_LE(name.size(), 220u);
  EXPECT_GE(name.size(), 200u);
  EXPECT_THAT(name, testing::EndsWith("x-42.mp4"));
  std::string cats;
  for (int i = 0; i < 40; ++i) cats += "\xf0\xa0\x80\x80";  // a letter of four bytes
  const std::string twice = with_prompt("{slug}_{slug}.mp4", cats);
  EXPECT_LE(twice.size(), 220u);
  EXPECT_TRUE(is_utf8(twice));
  const std::string literal(230, 'a');
  EXPECT_EQ(filled(literal + ".mp4"), literal + ".mp4");  // what the user wrote is refused where it is too long
}

TEST(Slug, OfManyLanguages) {
  EXPECT_EQ(slug_of("  A cat -- in the SNOW (2nd take)  "), "a-cat-in-the-snow-2nd-take");
  EXPECT_EQ(slug_of("the dog's ball, the dog\xe2\x80\x99s bone"), "the-dogs-ball-the-dogs-bone");
  EXPECT_EQ(slug_of("Caf\xc3\xa9 \xc3\x85ngstr\xc3\xb6m, Stra\xc3\x9f"
                    "e, \xc3\x86on"),
            "cafe-angstrom-strasse-aeon");
  EXPECT_EQ(slug_of("cafe\xcc\x81"), "cafe");            // with a combining accent
  EXPECT_EQ(slug_of("\xef\xbc\xa1\xef\xbc\x92"), "a2");  // wide A, 2
  EXPECT_EQ(slug_of("\xd0\x9a\xd0\xbe\xd1\x82 \xd0\x81"), "\xd0\xba\xd0\xbe\xd1\x82-\xd1\x91");  // Cyrillic, lower case
  EXPECT_EQ(slug_of("\xe7\x8c\xab\xe3\x80\x81\xe7\x8a\xac\xe3\x80\x82"), "\xe7\x8c\xab-\xe7\x8a\xac");  // cat, dog.
  EXPECT_EQ(slug_of("cat \xf0\x9f\x90\xb1 dog"), "cat-dog");
  EXPECT_EQ(slug_of("a\xe2\x80\xae"
                    "b\xe2\x80\x8b"
                    "c"),
            "a-b-c");  // text that is turned round, a space without width
  for (const std::string nothing : {"", " ", "!!!", "\xf0\x9f\x90\xb1", "\xff\xff"})
    EXPECT_EQ(slug_of(nothing), "video");
}

TEST(Slug, IsCutBetweenLetters) {
  EXPECT_EQ(slug_of(std::string(100, 'a')), std::string(40, 'a'));
  EXPECT_EQ(slug_of("abc def", 4), "abc");
  EXPECT_EQ(slug_of("abc def", 5), "abc-d");
  EXPECT_EQ(slug_of("\xe7\x8c\xab\xe7\x8a\xac\xe9\xb3\xa5", 2), "\xe7\x8c\xab\xe7\x8a\xac");
}

TEST(ModelWord, IsTheLastPartOfAName) {
  EXPECT_EQ(model_word("Wan-AI/Wan2.1-T2V"), "Wan2.1-T2V");
  EXPECT_EQ(model_word("/models/tiny_world//"), "tiny_world");
  EXPECT_EQ(model_word("org/name@main"), "name-main");
  EXPECT_EQ(model_word("/"), "model");
  EXPECT_EQ(model_word(".."), "model");
}

TEST(Collisions, AreNumberedInOrder) {
  std::vector<fs::path> names{"a/x.mp4", "a/y.mp4", "a/x.mp4", "a/./X.mp4", "b/x.mp4", "a/x-2.mp4", "a/b/../x.mp4"};
  resolve_collisions(names);
  EXPECT_THAT(names,
              ElementsAre("a/x.mp4", "a/y.mp4", "a/x-3.mp4", "a/./X-4.mp4", "b/x.mp4", "a/x-2.mp4", "a/b/../x-5.mp4"));
  std::vector<fs::path> others{"null:", "null:", "md5:", "md5:", "f/%05d.png", "f/%05d.png", "x", "x"};
  resolve_collisions(others);
  EXPECT_THAT(others, ElementsAre("null:", "null:", "md5:", "md5:", "f/%05d.png", "f/%05d-2.png", "x", "x-2"));
}

TEST(Collisions, OfThousandsAreResolvedAtOnce) {
  std::vector<fs::path> names(100'000, "x.mp4");
  resolve_collisions(names);
  EXPECT_EQ(names.front(), "x.mp4");
  EXPECT_EQ(names.back(), "x-100000.mp4");
}

}  // namespace
}  // namespace sora

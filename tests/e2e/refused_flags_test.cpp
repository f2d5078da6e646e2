// Flags and values that are refused, each with its whole message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "support/program.h"

namespace sora {
namespace {

using test::refusal;
using test::Words;

struct Refused {
  Words words;
  std::string message;
};

// A flag's value that is not what is expected of it.
Refused bad_value(const std::string& flag, const std::string& value, const std::string& expected) {
  return {{"-p", "x", flag, value}, flag + " " + value + ": " + expected};
}

void PrintTo(const Refused& refused, std::ostream* out) { *out << testing::PrintToString(refused.words); }

class RefusedFlags : public testing::TestWithParam<Refused> {};

TEST_P(RefusedFlags, SayWhatIsWrong) {
  EXPECT_EQ(refusal(2, GetParam().words), "sora-gen: error: " + GetParam().message + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Words, RefusedFlags,
    testing::Values(
        Refused{{"--promt", "x"}, "unknown flag --promt; did you mean --prompt?"},
        Refused{{"--promt=x"}, "unknown flag --promt; did you mean --prompt?"},
        Refused{{"--promt="}, "unknown flag --promt; did you mean --prompt?"},
        Refused{{"--=x"}, "unknown flag --; --help lists all"},
        Refused{{"-p", "x", "--frobnicate"}, "unknown flag --frobnicate; --help lists all"},
        Refused{{"-p", "x", "--\x1b[31m"}, "unknown flag --\\x1b[31m; --help lists all"},
        Refused{{"-z"}, "unknown flag -z; --help lists all"},
        Refused{{"a cat"},
                "unexpected argument a cat; a value with spaces needs quotes, and a prompt goes after --prompt"},
        Refused{{"-p", "a", "cat"},
                "unexpected argument cat; a value with spaces needs quotes, and a prompt goes after --prompt"},
        Refused{{"inspct", "x"}, "unknown command inspct; did you mean inspect?"},
        Refused{{"-p", "x", "--", "--steps"},
                "unexpected argument --steps; a value with spaces needs quotes, and a prompt goes after --prompt"},
        Refused{{"--steps", "3"}, "no prompt: give --prompt TEXT, or --prompt - to read it from standard input"},
        Refused{{"--prompt"}, "--prompt: the value is missing"},
        Refused{{"-p", "x", "--steps"}, "--steps: the value is missing"},
        Refused{{"-qp"}, "--prompt: the value is missing"},
        Refused{
            {"--prompt", "--steps", "5"},
            "--prompt: the value is missing; --steps is a flag (write --prompt=--steps if it is meant as the value)"},
        Refused{{"-p", "-o", "x.mp4"},
                "--prompt: the value is missing; -o is a flag (write --prompt=-o if it is meant as the value)"},
        Refused{{"-p", "x", "-o=x.mp4"}, "-o=x.mp4: a short flag's value follows a space"},
        Refused{{"-p", "x", "--json=no"}, "--json takes no value, found --json=no"},
        Refused{{"-p", "x", "--steps", "3", "--steps=4"}, "--steps is given 2 times"},
        Refused{{"-p", "x", "-p", "y"}, "--prompt is given 2 times"},
        Refused{{"-p", "x", "--quiet", "--quiet"}, "--quiet is given 2 times"},
        Refused{{"-p", "x", "-qv"}, "--quiet and --verbose contradict each other"},
        Refused{{"inspect", "a", "b"}, "unexpected argument b; sora-gen inspect --help says what it takes"},
        Refused{{"inspect", "a", "--prompt", "b"}, "unknown flag --prompt; --help lists all"},
        Refused{{"doctor", "who"}, "unexpected argument who; sora-gen doctor --help says what it takes"}));

const std::string kSteps = "expected a whole number from 1 to 1000";
const std::string kSize = "expected WIDTHxHEIGHT in pixels, such as 832x480, each from 16 to 8192";
const std::string kFps = "expected a number above 0, at most 240, such as 24, 23.976 or 24000/1001";
const std::string kSeed = "expected a whole number from 0 to 18446744073709551615";

INSTANTIATE_TEST_SUITE_P(
    Values, RefusedFlags,
    testing::Values(
        bad_value("--steps", "0", kSteps), bad_value("--steps", "1001", kSteps), bad_value("--steps", "1e1", kSteps),
        bad_value("--steps", "3.0", kSteps), bad_value("--steps", "+3", kSteps), bad_value("--steps", " 3", kSteps),
        bad_value("--steps", "3 ", kSteps), bad_value("--steps", "-3", kSteps),
        bad_value("--steps", "99999999999999999999", kSteps),
        Refused{{"-p", "x", "--steps="}, "--steps \"\": " + kSteps},
        Refused{{"-p", "x", "--steps", ""}, "--steps \"\": " + kSteps},
        bad_value("--num-frames", "0", "expected a whole number from 1 to 100000"),
        bad_value("--num-frames", "100001", "expected a whole number from 1 to 100000"),
        bad_value("--seconds", "0", "expected a number above 0, at most 3600"),
        bad_value("--seconds", "-1", "expected a number above 0, at most 3600"),
        bad_value("--seconds", "3600.5", "expected a number above 0, at most 3600"),
        bad_value("--seconds", "nan", "expected a number above 0, at most 3600"),
        bad_value("--seconds", "5s", "expected a number above 0, at most 3600"),
        bad_value("--seconds", "1e400", "expected a number above 0, at most 3600"), bad_value("--size", "832", kSize),
        bad_value("--size", "832x", kSize), bad_value("--size", "832x480x3", kSize),
        bad_value("--size", "832x-480", kSize), bad_value("--size", "832 480", kSize),
        bad_value("--size", "8x480", kSize), bad_value("--size", "8208x480", kSize),
        Refused{{"-p", "x", "--size", "832", "480"},
                "unexpected argument 480; a value with spaces needs quotes, and a prompt goes after --prompt"},
        bad_value("--fps", "0", kFps), bad_value("--fps", "241", kFps), bad_value("--fps", "24/0", kFps),
        bad_value("--fps", "24/1/1", kFps), bad_value("--fps", "24.", kFps), bad_value("--fps", "2e1", kFps),
        bad_value("--guidance-scale", "inf", "expected a number from 0 to 100"),
        bad_value("--guidance-scale", "100.1", "expected a number from 0 to 100"),
        bad_value("--guidance-scale-2", "x", "expected a number from 0 to 100"), bad_value("--seed", "-1", kSeed),
        bad_value("--seed", "18446744073709551616", kSeed), bad_value("--seed", "0x10", kSeed),
        bad_value("--max-sequence-length", "7", "expected a whole number from 8 to 512"),
        bad_value("--crf", "52", "expected a whole number from 0 to 51"),
        bad_value("--threads", "0", "expected a whole number from 1 to 1024"),
        bad_value("--device", "gpu", "expected auto, cpu, cuda or cuda:N with N from 0 to 9"),
        bad_value("--device", "cuda:-1", "expected auto, cpu, cuda or cuda:N with N from 0 to 9"),
        bad_value("--dtype", "fp16", "expected one of auto, fp32, bf16"),
        bad_value("--progress", "bar", "expected one of auto, tty, json, none"),
        Refused{{"-p", "x", "--output="}, "--output \"\": expected a file name"},
        Refused{{"-p", "x", "--model", ""},
                "--model \"\": expected a folder or a hub id such as Wan-AI/Wan2.1-T2V-1.3B-Diffusers"}));

const std::string kGiven = "expected FILE@FRAME or FILE#FIRST-LAST@FRAME, such as cat.png@0 or clip.mp4#0-8@-9";
const std::string kScene = "expected SECONDS: PROMPT, such as \"2.5: the ball stops\"";

INSTANTIATE_TEST_SUITE_P(
    Media, RefusedFlags,
    testing::Values(
        bad_value("--given", "a.png", kGiven), bad_value("--given", "a.png@", kGiven),
        bad_value("--given", "a.png@1.5", kGiven), bad_value("--given", "@0", kGiven),
        bad_value("--given", "#0-3@0", kGiven), bad_value("--given", "a.mp4#7-3@0", kGiven),
        bad_value("--given", "a.mp4@99999999999", kGiven),
        Refused{{"-p", "x", "--image", ""}, "--image \"\": expected a file name"},
        Refused{{"-p", "x", "--image", "a.png", "--image", "b.png"}, "--image is given 2 times"},
        Refused{{"-p", "x", "--connect", "a.mp4"}, "--connect: a value is missing"},
        Refused{{"-p", "x", "--connect", "a.mp4", "--seed", "1"},
                "--connect: a value is missing; --seed is a flag (write ./--seed if it is a file)"},
        Refused{{"-p", "x", "--connect=a.mp4", "b.mp4"},
                "--connect takes two values, as in --connect A B; found --connect=a.mp4"},
        Refused{{"-p", "x", "--connect", "a", "b", "--connect", "c", "d"}, "--connect is given 2 times"},
        Refused{{"-p", "x", "--connect", "a", "b", "c"},
                "unexpected argument c; a value with spaces needs quotes, and a prompt goes after --prompt"},
        bad_value("--scene", "a cat", kScene),
        Refused{{"-p", "x", "--scene", "a: cat"}, "--scene a: expected a number above 0, at most 3600"},
        Refused{{"-p", "x", "--scene", "0: cat"}, "--scene 0: expected a number above 0, at most 3600"},
        Refused{{"-p", "x", "--scene", "1:  "}, "--scene at 1 s is empty"},
        bad_value("--resize", "fill", "expected one of crop, pad, stretch"),
        bad_value("--keep-given", "maybe", "expected one of auto, yes, no"),
        bad_value("--conditioning-scale", "1,,2",
                  "expected a number from 0 to 10, or several with commas between them"),
        Refused{{"-p", "x", "--conditioning-scale", "1,11"}, "--conditioning-scale 11: expected a number from 0 to 10"},
        bad_value("--strength", "0", "expected a number above 0, at most 1"),
        bad_value("--strength", "1.5", "expected a number above 0, at most 1"),
        Refused{{"-p", "x", "--strength", "0.5"},
                "--strength 0.5: says how much of --video is changed, and there is none"},
        Refused{{"-p", "x", "--window-frames", "32"},
                "--window-frames 32: a window is 1 + a multiple of 4 frames; nearest: 29, 33"},
        bad_value("--addnoise-condition", "101", "expected a number from 0 to 100"),
        Refused{{"-p", "x", "--ar-step", "5"},
                "--ar-step 5: this checkpoint (Wan 2.2 TI2V) cannot be sampled by diffusion forcing; "
                "these can: SkyReels-V2 DF"},
        Refused{{"-p", "x", "--reference-image", "a.png", "--reference-image", "b.png"},
                "--reference-image a.png: this checkpoint (Wan 2.2 TI2V) cannot take reference images; "
                "these can: Wan VACE"},
        Refused{{"-p", "x", "-m", test::data("models/wan21_t2v"), "--image", "a.png"},
                "--image a.png: this checkpoint (Wan) cannot start from given frames; these can: Wan "
                "2.1 I2V, Wan 2.1 FLF2V, Wan 2.2 I2V A14B, Wan 2.2 TI2V, Wan VACE, SkyReels-V2 I2V, SkyReels-V2 DF"}));

// What the planner refuses, through the program.
INSTANTIATE_TEST_SUITE_P(
    Plans, RefusedFlags,
    testing::Values(Refused{{"-p", ""}, "--prompt is empty"}, Refused{{"-p", " \t"}, "--prompt is empty"},
                    Refused{{"-p", "caf\xe9"}, "--prompt is not valid UTF-8: caf\\xe9"},
                    Refused{{"-p", "x", "--size", "130x128"},
                            "--size 130x128: width 130 is not a multiple of 16; nearest: 128x128, 144x128"},
                    Refused{{"-p", "x", "--seconds", "1", "--num-frames", "9"},
                            "--seconds 1 and --num-frames 9 both give the length; give one of them"},
                    Refused{{"-p", "x", "--poster", "-o", "md5:"},
                            "--poster: is a picture beside a video file such as x.mp4, and --output md5: is none"},
                    Refused{{"-p", "x", "--preset", "mediun"},
                            "--preset mediun: unknown (did you mean medium?); expected one of ultrafast, superfast, "
                            "veryfast, faster, fast, "
                            "medium, slow, slower, veryslow, placebo"}));

}  // namespace
}  // namespace sora

#include "families/registry.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "families/families.h"

namespace sora {
namespace {

constexpr Family kFamilies[] = {
    {"WanPipeline", "Wan 2.1 and 2.2, text to video", wan_traits},
};

template <class Class>
struct Known {
  std::string_view name;
  Class value;
};

constexpr Known<TextEncoderClass> kTextEncoders[] = {
    {"T5EncoderModel", TextEncoderClass::t5},
    {"UMT5EncoderModel", TextEncoderClass::umt5},
};

constexpr Known<DenoiserClass> kDenoisers[] = {
    {"WanTransformer3DModel", DenoiserClass::wan},
};

constexpr Known<VaeClass> kVaes[] = {
    {"AutoencoderKLWan", VaeClass::wan},
};

constexpr Known<SchedulerClass> kSchedulers[] = {
    {"FlowMatchEulerDiscreteScheduler", SchedulerClass::flow_match_euler},
    {"UniPCMultistepScheduler", SchedulerClass::unipc},
};

// Both names load the same tokenizer in the reference.
constexpr Known<bool> kTokenizers[] = {
    {"T5Tokenizer", true},
    {"T5TokenizerFast", true},
};

[[noreturn]] void fail_unknown(const Checkpoint& checkpoint, std::string_view what, const std::string& found,
                               const std::vector<std::string>& known) {
  const std::string file = (checkpoint.folder() / "model_index.json").string();
  const std::string guess = nearest(found, known);
  fail(Fault::input, "{}: {} is \"{}\"{}; supported: {}", file, what, printable(found),
       guess.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", guess), fmt::join(known, ", "));
}

template <class Class, std::size_t N>
Class look_up(const Checkpoint& checkpoint, std::string_view component, const Known<Class> (&table)[N]) {
  const std::string found = checkpoint.component_class(component);
  std::vector<std::string> names;
  for (const auto& known : table) {
    if (known.name == found) return known.value;
    names.emplace_back(known.name);
  }
  fail_unknown(checkpoint, fmt::format("the class of \"{}\"", component), found, names);
}

}  // namespace

std::span<const Family> families() { return kFamilies; }

TextEncoderClass text_encoder_class(const Checkpoint& checkpoint) {
  return look_up(checkpoint, "text_encoder", kTextEncoders);
}

DenoiserClass denoiser_class(const Checkpoint& checkpoint, std::string_view component) {
  return look_up(checkpoint, component, kDenoisers);
}

VaeClass vae_class(const Checkpoint& checkpoint) { return look_up(checkpoint, "vae", kVaes); }

SchedulerClass scheduler_class(const Checkpoint& checkpoint) { return look_up(checkpoint, "scheduler", kSchedulers); }

void require_known_tokenizer(const Checkpoint& checkpoint) { look_up(checkpoint, "tokenizer", kTokenizers); }

Traits read_traits(const Checkpoint& checkpoint) {
  std::vector<std::string> names;
  for (const Family& family : kFamilies) {
    if (family.pipeline == checkpoint.pipeline()) return family.traits(checkpoint);
    names.emplace_back(family.pipeline);
  }
  fail_unknown(checkpoint, "_class_name", checkpoint.pipeline(), names);
}

}  // namespace sora

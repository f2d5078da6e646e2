#include "jobs/encoded_jobs.h"

#include <ATen/ATen.h>

#include <set>

#include "base/interrupt.h"
#include "base/machine.h"
#include "jobs/given_pixels.h"
#include "jobs/stopwatch.h"
#include "text/prompt_cleaning.h"
#include "text/tokenizer.h"

namespace sora {
namespace {

// Of a batch's prompts so many tokens are encoded at a time: 300 MB of embeddings in the largest encoders (4096 numbers
// a token, in fp32), and hundreds of jobs, beside which loading the encoder again is nothing.
constexpr std::size_t kMostTokens = 16'384;

}  // namespace

void EncodedJobs::tokenize(std::span<const std::size_t> jobs, Progress& progress) {
  const Tokenizer tokenizer(checkpoint_);
  std::set<std::string> said;
  const auto prompt_of = [&](const std::string& text, const Plan& plan, std::string_view flag) -> Prompt {
    Tokenizer::Tokens tokens = tokenizer.encode(clean_prompt(text), plan.max_sequence_length);
    if (tokens.dropped > 0 && said.insert(text).second) {
      progress.note(fmt::format("{} has {} tokens more than the model reads ({}); its end is ignored", flag,
                                tokens.dropped, plan.max_sequence_length));
    }
    return {std::move(tokens.ids), plan.max_sequence_length};
  };
  std::size_t total = 0;
  for (const std::size_t job : jobs) {
    if (total > kMostTokens) return;
    const Plan& plan = plans_[job];
    std::vector<Prompt>& prompts = tokens_[job];
    for (const Scene& scene : plan.scenes) {
      prompts.push_back(prompt_of(scene.prompt, plan, prompts.empty() ? "--prompt" : "--scene"));
    }
    if (plan.guidance.on()) prompts.push_back(prompt_of(plan.negative_prompt, plan, "--negative-prompt"));
    for (const Prompt& prompt : prompts) {
      if (texts_.try_emplace(prompt).second) total += prompt.first.size();
    }
  }
}

void EncodedJobs::encode_texts(const TextEncoder& encoder, Progress& progress) {
  std::map<std::int64_t, std::vector<std::vector<std::int64_t>>> by_length;
  for (const auto& [prompt, none] : texts_) by_length[prompt.second].push_back(prompt.first);
  const auto total = static_cast<std::int64_t>(texts_.size());
  progress.update(Stage::encode_prompt, 0, total);
  for (const auto& [length, prompts] : by_length) {
    std::vector<TextEmbedding> embeddings = encoder.encode(prompts, length);
    for (std::size_t i = 0; i < prompts.size(); ++i) texts_[{prompts[i], length}] = std::move(embeddings[i]);
  }
  progress.update(Stage::encode_prompt, total, total);
}

void EncodedJobs::encode_images() {
  if (checkpoint_.component_class("image_encoder").empty()) return;
  const auto encoder = load_image_encoder(checkpoint_, target_.device);
  for (const auto& [job, none] : tokens_) {
    check_interrupted();
    try {
      const std::vector<Picture> pictures = read_originals(plans_[job]);
      std::vector<Frames> frames;
      for (const Picture& picture : pictures) frames.push_back(picture.frames());
      images_[job] = encoder->encode(frames);
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      failures_.emplace(job, error);
    }
  }
}

void EncodedJobs::encode(std::span<const std::size_t> jobs, StageTimes& seconds, Progress& progress) {
  tokens_.clear();
  texts_.clear();
  images_.clear();
  failures_.clear();
  Stopwatch watch;
  tokenize(jobs, progress);
  {
    const auto encoder = load_text_encoder(checkpoint_, target_, progress);
    seconds.load_text_encoder += watch.lap();
    encode_texts(*encoder, progress);
  }
  encode_images();
  return_free_memory();
  seconds.encode_prompt += watch.lap();
}

Contexts EncodedJobs::contexts(std::size_t job) const {
  const auto failure = failures_.find(job);
  if (failure != failures_.end()) throw failure->second;
  const Plan& plan = plans_[job];
  const auto image = images_.find(job);
  Contexts contexts;
  for (const Prompt& prompt : tokens_.at(job)) {
    contexts.scenes.push_back({.text = texts_.at(prompt),
                               .image = image == images_.end() ? Tensor() : image->second,
                               .control_scale = plan.conditioning_scale,
                               .fps = plan.fps.value(),
                               .causal_block = plan.sampling.forcing ? plan.sampling.forcing->block : 0});
  }
  if (plan.guidance.on()) {
    contexts.negative = std::move(contexts.scenes.back());
    contexts.scenes.pop_back();
  }
  return contexts;
}

}  // namespace sora

#include "plan/prompts.h"

namespace sora {

std::string prompts_of(const Plan& plan) {
  std::string text = plan.prompt;
  for (std::size_t i = 1; i < plan.scenes.size(); ++i) text += "\n" + plan.scenes[i].prompt;
  return text;
}

std::string prompts_of(const Request& request) {
  std::string text = request.prompt;
  for (const SceneWish& scene : request.scenes) text += "\n" + scene.prompt;
  return text;
}

}  // namespace sora

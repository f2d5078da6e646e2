// What the folder of a checkpoint shows of it: components from the headers of their weights, skills from its traits.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sora/checkpoint.h"
#include "sora/plan.h"

namespace sora {

struct Component {
  std::string name, class_name;
  std::int64_t parameters = 0, bytes = 0;
  std::set<std::string> types;  // on disk
  std::vector<std::string> files;
};

/// Throws Error{input} for a file of weights that is damaged.
std::vector<Component> read_components(const Checkpoint& checkpoint);

std::vector<std::string_view> skills_of(const Traits& traits);

}  // namespace sora

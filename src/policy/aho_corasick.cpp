#include "policy/aho_corasick.h"

#include <algorithm>
#include <deque>

namespace sora {

AhoCorasick::AhoCorasick(const std::vector<std::string>& patterns) : nodes_(1) {
  std::size_t letters = 1;
  for (const std::string& pattern : patterns) letters += pattern.size();
  nodes_.reserve(letters);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    std::int32_t node = 0;
    for (const char letter : patterns[i]) node = add_edge(node, letter);
    nodes_[node].pattern = static_cast<std::int32_t>(i);
  }
  link();
}

std::int32_t AhoCorasick::edge(std::int32_t node, char letter) const {
  if (node == 0) return first_[static_cast<unsigned char>(letter)];
  const auto& edges = nodes_[node].edges;
  const auto found = std::lower_bound(edges.begin(), edges.end(), letter,
                                      [](const auto& entry, char wanted) { return entry.first < wanted; });
  return found != edges.end() && found->first == letter ? found->second : 0;
}

std::int32_t AhoCorasick::add_edge(std::int32_t node, char letter) {
  if (const std::int32_t there = edge(node, letter); there != 0) return there;
  const auto added = static_cast<std::int32_t>(nodes_.size());
  nodes_.emplace_back();
  auto& edges = nodes_[node].edges;
  edges.insert(std::upper_bound(edges.begin(), edges.end(), std::pair(letter, added)), {letter, added});
  if (node == 0) first_[static_cast<unsigned char>(letter)] = added;
  return added;
}

std::int32_t AhoCorasick::next(std::int32_t state, char letter) const {
  while (true) {
    const std::int32_t to = edge(state, letter);
    if (to != 0 || state == 0) return to;
    state = nodes_[state].suffix;
  }
}

// Breadth first, so that what is shorter is linked already.
void AhoCorasick::link() {
  std::deque<std::int32_t> open{0};
  while (!open.empty()) {
    const std::int32_t node = open.front();
    open.pop_front();
    for (const auto& [letter, child] : nodes_[node].edges) {
      open.push_back(child);
      const std::int32_t suffix = node == 0 ? 0 : next(nodes_[node].suffix, letter);
      nodes_[child].suffix = suffix;
      nodes_[child].shorter = nodes_[suffix].pattern >= 0 ? suffix : nodes_[suffix].shorter;
    }
  }
}

}  // namespace sora

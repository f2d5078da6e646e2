// Finds all of many strings in a text in one pass: A. V. Aho and M. J. Corasick, "Efficient string matching" (1975).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sora {

class AhoCorasick {
 public:
  /// No pattern is empty, and none is there twice.
  explicit AhoCorasick(const std::vector<std::string>& patterns);

  /// Calls on_match(pattern's index, end of the match in `text`) for each match, in the order of their ends; of those
  /// with the same end, the longest first.
  template <class OnMatch>
  void find(std::string_view text, OnMatch&& on_match) const {
    std::int32_t state = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      state = next(state, text[i]);
      for (std::int32_t node = state; node != 0; node = nodes_[node].shorter) {
        if (nodes_[node].pattern >= 0) on_match(static_cast<std::size_t>(nodes_[node].pattern), i + 1);
      }
    }
  }

 private:
  struct Node {
    std::vector<std::pair<char, std::int32_t>> edges;  // sorted by letter
    std::int32_t suffix = 0;                           // the longest proper suffix that is a node
    std::int32_t shorter = 0;                          // the longest proper suffix that is a pattern
    std::int32_t pattern = -1;
  };

  std::int32_t edge(std::int32_t node, char letter) const;  // 0: none
  std::int32_t add_edge(std::int32_t node, char letter);
  std::int32_t next(std::int32_t state, char letter) const;
  void link();

  std::vector<Node> nodes_;
  std::array<std::int32_t, 256> first_{};  // the edges of the root
};

}  // namespace sora

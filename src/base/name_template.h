// Names of outputs with fields in braces: "out/{index:04}-{slug}-{seed}.mp4".
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sora/geometry.h"

namespace sora {

/// What fields are filled with.
struct NameFields {
  int index = 1;            ///< {index}: of the video in its batch
  std::string prompt = {};  ///< {slug}
  std::uint64_t seed = 0;
  PixelSize size = {};  ///< {width}, {height}
  int frames = 0;
  Rational fps = {};  ///< at most three decimals: 23.976
  int steps = 0;
  std::string model = {};  ///< hub id or folder; {model} is its last part
};

/// The name of a video in a batch whose user gave none.
inline constexpr const char* kBatchOutput = "{slug}-{seed}.mp4";

class NameTemplate {
 public:
  /// Throws Error{usage}, beginning with the name, for an unknown field or a lone brace. {{ and }} are braces.
  explicit NameTemplate(const std::filesystem::path& name);

  bool has_fields() const;
  /// The folders before the first field, as the user wrote them: nothing that a field puts in leads out of it. Without
  /// fields the output's own folder; "." for the working folder.
  std::filesystem::path root() const;
  /// No field makes a folder, a hidden file or an option, nor a name that Windows reserves. Texts are shortened where a
  /// name would otherwise leave no room for what is put around it while the video is made.
  std::filesystem::path fill(const NameFields& fields) const;

 private:
  /// Text as it is or, where `field` is not empty, what that field puts in.
  struct Piece {
    std::string text = {}, field = {};
    int digits = 0;  ///< at least so many, with zeros in front
  };
  using Component = std::vector<Piece>;  ///< what stands between two slashes

  static Component parse(std::string_view component, const std::string& name);
  static bool has_field(const Component& component);
  static std::string value_of(const Piece& piece, const NameFields& fields, std::size_t most_bytes);
  static std::string fill(const Component& component, const NameFields& fields);

  std::vector<Component> components_;
};

/// Where names are the same (also on file systems that do not tell capitals), the second and later ones get -2, -3 ...
/// before their extension. Only the names count and not what is on the disk, so that the same batch gets the same
/// names again. "null:" and "md5:" stay.
void resolve_collisions(std::vector<std::filesystem::path>& names);

}  // namespace sora

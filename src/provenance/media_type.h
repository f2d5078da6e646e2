// What kind of file something is, by its first bytes and in MIME's words: those that the C2PA library wants to be told.
#pragma once

#include <string>
#include <string_view>

namespace sora {

/// How many first bytes are enough.
inline constexpr std::size_t kMediaTypeBytes = 64;

/// "application/octet-stream" for what is not known.
std::string media_type_of(std::string_view first_bytes);
/// Whether files of this type can have a C2PA manifest in them that is read here.
bool can_have_manifest(std::string_view type);

}  // namespace sora

// Where the passphrase of a key comes from.
#pragma once

#include <filesystem>
#include <string>

namespace sora {

/// The first line of a file. Error{input} if it is empty.
std::string read_passphrase(const std::filesystem::path& file);

/// Asks at the terminal, without showing what is typed. Error{usage} where there is none, or for an empty answer.
std::string ask_passphrase(const std::string& question);

}  // namespace sora

// A call of one of diffusers' pipelines, recorded in tests/data/ref, as a command line of ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sora::test {

/// The flags of the run "<model>/<name>", but for --model, --output and where to compute. The images and clips that it
/// was given are written into `folder`.
std::vector<std::string> flags_of_run(const std::string& run, const std::filesystem::path& folder);

/// The bytes of a tensor that a run keeps.
std::vector<std::uint8_t> bytes_of_run(const std::string& run, const std::string& tensor);

}  // namespace sora::test

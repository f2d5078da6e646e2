// Wishes that contradict each other, whatever the checkpoint.
#pragma once

#include <string>

#include "sora/request.h"

namespace sora {

/// Error{usage} that names both flags.
void refuse_contradictions(const Request& request);

/// As the user wrote it: "--image cat.png", "--given clip.mp4#3-7@9". Printable.
std::string as_written(const Given& given);
/// "--extend clip.mp4"; printable.
std::string as_written(std::string_view flag, const std::filesystem::path& media);

}  // namespace sora

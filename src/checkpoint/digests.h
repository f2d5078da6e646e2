// SHA-256 of a checkpoint's files: which model it was, wherever it lies.
#pragma once

#include <map>
#include <string>

#include "sora/checkpoint.h"

namespace sora {

/// By names such as "transformer/diffusion_pytorch_model.safetensors". Files of the Hugging Face cache have their
/// digest as the name of their blob and are not read; others are, which takes a second or more for each GB
/// the first time: what came out is kept in the user's cache folder until a file changes.
std::map<std::string, std::string> digests_of(const Checkpoint& checkpoint);

}  // namespace sora

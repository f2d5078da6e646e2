// A frame checker that the user gives as a TorchScript file.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>

#include "jobs/frame_checker.h"
#include "sora/geometry.h"

namespace sora {

/// Its forward() takes frames as uint8 [1, H, W, 3] on `device` and returns a float tensor [n] of scores from 0 to 1,
/// one for each of the attribute `categories: List[str]`; without that, categories are numbered from 0. Here and in
/// check(), whatever is wrong with it is Error{input} that names the file.
std::unique_ptr<FrameChecker> load_frame_checker(const std::filesystem::path& file, at::Device device);

/// Shows it a grey frame: what fails at this size fails before hours are spent.
void try_frame_checker(FrameChecker& checker, const PixelSize& size);

}  // namespace sora

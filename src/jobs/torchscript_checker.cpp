#include "jobs/torchscript_checker.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <cstring>
#include <sstream>
#include <utility>

#include "base/files.h"
#include "base/sha256.h"
#include "base/text.h"
#include "jobs/memory.h"

namespace sora {
namespace {

constexpr std::int64_t kMostBytes = std::int64_t{16} << 30;
constexpr std::string_view kZipBegins = "PK\x03\x04";

// Of a failure inside a module the last line says what, those before it where; else the first line is enough.
std::string reason_of(const std::exception& error) {
  std::string text = words_of(error);
  text.erase(text.find_last_not_of(" \n") + 1);
  const bool traced = text.find("TorchScript interpreter") != text.npos;
  text = traced ? text.substr(text.rfind('\n') + 1) : text.substr(0, text.find('\n'));
  return printable(text, 300);
}

// Modules throw it as one error of many.
bool tells_of_memory(const std::string& reason) {
  return reason.find("out of memory") != reason.npos || reason.find("can't allocate memory") != reason.npos;
}

class TorchScriptChecker final : public FrameChecker {
 public:
  TorchScriptChecker(const std::filesystem::path& file, at::Device device)
      : shown_("the frame checker " + shown(file)), device_(device) {
    std::string bytes = read_file(file, kMostBytes, Fault::input);
    require(bytes.starts_with(kZipBegins), Fault::input,
            "{}: is no TorchScript module: it is no zip archive, which torch.jit.save() writes", shown_);
    sha256_ = sha256_hex(bytes);
    load(std::move(bytes));
    require(module_.find_method("forward").has_value(), Fault::input, "{}: the module has no forward()", shown_);
    read_categories();
    module_.eval();
  }

  std::vector<CategoryScore> check(const Frames& frame, double) override {
    const c10::InferenceMode no_gradients;
    const Tensor scores = call(frame).to(at::kCPU, at::kDouble);
    std::vector<CategoryScore> result;
    for (std::int64_t i = 0; i < scores.numel(); ++i) {
      const double score = scores[i].item<double>();
      std::string category = categories_.empty() ? std::to_string(i) : categories_[static_cast<std::size_t>(i)];
      require(score >= 0 && score <= 1, Fault::input, "{}: forward() gives category \"{}\" {:.3g}, expected 0 to 1",
              shown_, printable(category), score);
      result.push_back({std::move(category), score});
    }
    return result;
  }

  const std::string& sha256() const override { return sha256_; }

 private:
  using Tensor = at::Tensor;

  // The bytes that were hashed are those that are run.
  void load(std::string bytes) {
    try {
      std::istringstream in(std::move(bytes));
      module_ = torch::jit::load(in, device_, /*load_debug_files=*/false);
    } catch (const std::exception& error) {
      fail(Fault::input, "{}: LibTorch cannot load it as a TorchScript module: {}", shown_, reason_of(error));
    }
  }

  void read_categories() {
    if (!module_.hasattr("categories")) return;
    const c10::IValue names = module_.attr("categories");
    const std::string type = names.type()->repr_str();
    require(type == "List[str]", Fault::input, "{}: its attribute categories is {}, expected List[str]", shown_,
            printable(type));
    for (const c10::IValue& name : names.toListRef()) categories_.push_back(name.toStringRef());
    require(!categories_.empty(), Fault::input, "{}: its attribute categories is empty", shown_);
  }

  Tensor call(const Frames& frame) {
    // Of this thread. Else the first calls would be measured to optimise the later ones, which then round otherwise,
    // and on a GPU would need a compiler.
    torch::jit::setGraphExecutorOptimize(false);
    // A copy: a module may write into what it is given, and this frame is published.
    const Tensor rgb = at::empty({1, frame.height, frame.width, 3}, at::kByte);
    std::memcpy(rgb.mutable_data_ptr(), frame.rgb.data(), frame.rgb.size());
    c10::IValue result;
    try {
      result = module_.forward({rgb.to(device_)});
    } catch (const std::exception& error) {
      const std::string reason = reason_of(error);
      fail(tells_of_memory(reason) ? Fault::memory : Fault::input, "{}: forward() fails for a frame of {}x{}: {}",
           shown_, frame.width, frame.height, reason);
    }
    require(result.isTensor(), Fault::input, "{}: forward() returns {}, expected a float tensor [n] of scores", shown_,
            printable(result.type()->repr_str()));
    const Tensor scores = result.toTensor();
    require_scores(scores);
    return scores;
  }

  void require_scores(const Tensor& scores) const {
    const bool right = scores.defined() && scores.is_floating_point() && scores.dim() == 1 && scores.size(0) > 0;
    require(right, Fault::input, "{}: forward() returns a tensor of type {} and shape {}, expected float [n]", shown_,
            scores.defined() ? c10::toString(scores.scalar_type()) : "none", fmt::format("[{}]", shape_of(scores)));
    require(categories_.empty() || std::cmp_equal(scores.size(0), categories_.size()), Fault::input,
            "{}: forward() returns {} scores for {} categories", shown_, scores.size(0), categories_.size());
  }

  static std::string shape_of(const Tensor& tensor) {
    std::string text;
    if (!tensor.defined()) return text;
    for (const std::int64_t size : tensor.sizes()) text += fmt::format("{}{}", text.empty() ? "" : ", ", size);
    return text;
  }

  std::string shown_;
  at::Device device_;
  torch::jit::Module module_;
  std::string sha256_;
  std::vector<std::string> categories_;
};

}  // namespace

std::unique_ptr<FrameChecker> load_frame_checker(const std::filesystem::path& file, at::Device device) {
  return std::make_unique<TorchScriptChecker>(file, device);
}

void try_frame_checker(FrameChecker& checker, const PixelSize& size) {
  constexpr std::uint8_t kGrey = 128;
  const std::vector<std::uint8_t> rgb(std::size_t{3} * size.width * size.height, kGrey);
  checker.check({1, size.height, size.width, rgb}, 0);
}

}  // namespace sora

// The shipped checkpoint: beside the program when installed, in the source tree when built.
#include "cli/model_path.h"

#include "sora/checkpoint.h"
#include "sora/error.h"

namespace sora {

namespace fs = std::filesystem;

fs::path shipped_model() {
  std::error_code none;
  const fs::path program = fs::read_symlink("/proc/self/exe", none);
  const fs::path installed = program.parent_path().parent_path() / "share/sora-gen/models/tiny-world";
  const fs::path built = fs::path(SORA_MODELS_DIR) / "tiny-world";
  for (const fs::path& folder : {installed, built}) {
    if (fs::exists(folder / "model_index.json", none)) return folder;
  }
  fail(Fault::input, "the checkpoint that ships with sora-gen is neither at {} nor at {}; give --model",
       installed.string(), built.string());
}

fs::path model_folder(const std::string& name) { return name.empty() ? shipped_model() : find_checkpoint(name); }

}  // namespace sora

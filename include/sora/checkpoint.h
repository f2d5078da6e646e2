// A checkpoint in Hugging Face's diffusers layout, as it lies on disk: which components it has, their configs and their
// tensors' names. Nothing here reads a weight or knows LibTorch; see sora/weights.h for that.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sora/json_object.h"

namespace sora {

/// Element types that may lie in a checkpoint.
enum class StoredType { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean, f8_e4m3, f8_e5m2 };
std::string_view to_string(StoredType type);  ///< as in the safetensors header: "F32"
std::int64_t size_of(StoredType type);

/// One tensor in a safetensors file. `begin` and `end` are byte offsets from the start of the file.
struct StoredTensor {
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;
  std::int64_t begin = 0, end = 0;
};

/// The checked header of one safetensors file: offsets in the file, contiguous, no overlap, no hole, sizes that match.
struct SafetensorsHeader {
  std::filesystem::path file;
  std::int64_t file_size = 0;
  std::map<std::string, StoredTensor, std::less<>> tensors;
};
/// Parses a header from `bytes`: the first bytes of a file that is `file_size` long, enough of them to hold the header.
/// Throws Error{input}. Fuzzed.
SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::filesystem::path& file);
SafetensorsHeader read_safetensors_header(const std::filesystem::path& file);

/// The files that hold one component's weights: <base_name>.safetensors, or the shards that
/// <base_name>.safetensors.index.json names. Where neither is there and one variant is (<base_name>.fp16.safetensors),
/// that one.
std::vector<SafetensorsHeader> read_component_headers(const std::filesystem::path& folder, std::string_view base_name);

class Checkpoint {
 public:
  /// Opens a folder with a model_index.json. All files that its components need must be there: an incomplete folder is
  /// an Error{input} that lists the missing files and the `hf download` line that brings them.
  explicit Checkpoint(std::filesystem::path folder);

  const std::filesystem::path& folder() const { return folder_; }
  const std::string& pipeline() const { return pipeline_; }  ///< "WanPipeline"
  /// Class of a component, e.g. component_class("vae") == "AutoencoderKLWan"; empty if the index has null or no such
  /// entry.
  std::string component_class(std::string_view component) const;
  const std::map<std::string, std::string, std::less<>>& components() const { return components_; }
  /// The scalars of model_index.json (boundary_ratio, expand_timesteps ...). Read it once; finish() it.
  JsonObject settings() const;
  /// config.json (scheduler: scheduler_config.json) of a component. What says nothing of the model is already read:
  /// versions, dtype, and `_class_name`, which must be component_class().
  JsonObject config(std::string_view component) const;
  /// Path of a component's folder or, e.g. file("tokenizer", "spiece.model"), of a file in it. Error{input} if not
  /// there.
  std::filesystem::path file(std::string_view component, std::string_view name) const;
  /// Checked headers of a component's safetensors files. Pickle files (.bin, .pt, .pth, .ckpt) are never opened.
  std::vector<SafetensorsHeader> headers(std::string_view component) const;

 private:
  std::filesystem::path folder_;
  std::string pipeline_;
  std::map<std::string, std::string, std::less<>> components_;  // name -> class
  std::map<std::string, std::string, std::less<>> libraries_;   // name -> "diffusers", "transformers"
};

/// A model as the user names it: a folder, or a hub id ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", or with "@revision") whose
/// snapshot lies in the local Hugging Face cache: $HF_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or
/// ~/.cache/huggingface/hub. A revision is a branch, a tag or a commit. Never any network.
std::filesystem::path find_checkpoint(const std::string& name, const std::string& revision = "main");

}  // namespace sora

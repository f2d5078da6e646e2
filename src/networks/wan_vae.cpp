// AutoencoderKLWan: latents <-> pixels as a stream, whole pictures or tiles.
#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "networks/networks.h"
#include "networks/wan_vae_coders.h"
#include "networks/wan_vae_tiling.h"
#include "sora/error.h"

namespace sora {
namespace {

// Several latent frames a pass are faster as long as they are few pixels: the passes are then long enough for all
// threads. Beyond this many latent pixels a pass only takes more memory.
constexpr std::int64_t kLatentPixelsPerPass = 1024;

std::int64_t latent_frames_per_pass(const Extent& tile) {
  return std::max<std::int64_t>(1, kLatentPixelsPerPass / (tile.height * tile.width));
}

// [1, 3, T, H, W] <-> [T, H / p, W / p, 3 · p · p], with channels in the order colour, column, row within the patch.
Tensor patchify(const Tensor& pixels, std::int64_t p) {
  const std::int64_t frames = pixels.size(2), height = pixels.size(3) / p, width = pixels.size(4) / p;
  return pixels.reshape({3, frames, height, p, width, p})
      .permute({1, 2, 4, 0, 5, 3})
      .reshape({frames, height, width, 3 * p * p});
}

Tensor unpatchify(const Tensor& x, std::int64_t p) {
  const std::int64_t frames = x.size(0), height = x.size(1), width = x.size(2);
  return x.view({frames, height, width, 3, p, p})
      .permute({3, 0, 1, 5, 2, 4})
      .reshape({1, 3, frames, height * p, width * p})
      .contiguous();
}

Extent scaled(const Extent& extent, std::int64_t factor) { return {extent.height * factor, extent.width * factor}; }
Extent divided(const Extent& extent, std::int64_t factor) { return {extent.height / factor, extent.width / factor}; }
Extent extent_of(const PixelSize& size) { return {size.height, size.width}; }
bool is_larger(const Extent& a, const Extent& b) { return a.height > b.height || a.width > b.width; }

TileGrid grid_of(const Extent& input, const Extent& output, const Extent& tile, const Extent& stride,
                 const Extent& output_tile, const Extent& keep) {
  require(std::min({stride.height, stride.width, keep.height, keep.width}) >= 1 && !is_larger(stride, tile),
          Fault::usage,
          "a VAE tile stride of {}x{} cells in tiles of {}x{}: expected at least one cell, and no more than a tile",
          stride.width, stride.height, tile.width, tile.height);
  const Extent overlap{output_tile.height - keep.height, output_tile.width - keep.width};
  return {input, tile, stride, overlap, keep, output};
}

// A tile and what its stream remembers.
struct TileStream {
  std::int64_t row, column;
  Stream memory;
};

template <class Coder>
std::vector<TileStream> begin_streams(const TileGrid& grid, const Coder& coder, Scratch& scratch) {
  std::vector<TileStream> streams;
  for (std::int64_t row = 0; row < grid.rows(); ++row) {
    for (std::int64_t column = 0; column < grid.columns(); ++column) {
      streams.push_back({row, column, coder.begin_stream(scratch)});
    }
  }
  return streams;
}

// One piece of the video through every tile.
template <class Coder>
Tensor advance(const TileGrid& grid, const Coder& coder, const Tensor& piece, std::vector<TileStream>& streams) {
  std::vector<Tensor> tiles;
  for (TileStream& stream : streams) {
    tiles.push_back(coder(grid.cut(piece, stream.row, stream.column).contiguous(), stream.memory));
  }
  return grid.join(tiles);
}

class WanVae : public Vae {
 public:
  WanVae(const WanVaeConfig& config, const Weights& weights)
      : config_(config),
        decoder_(config, weights),
        encoder_(config, weights),
        mean_(at::tensor(config.latents_mean, at::kFloat)),
        inverse_std_(at::reciprocal(at::tensor(config.latents_std, at::kFloat))) {}

  Tensor encode(const Tensor& pixels, const std::optional<Tiling>& tiling) const override {
    require((pixels.size(2) - 1) % config_.scale_factor_temporal == 0, Fault::bug,
            "{} frames to encode: expected 1 + {}k", pixels.size(2), config_.scale_factor_temporal);
    require(pixels.size(3) % config_.scale_factor_spatial == 0 && pixels.size(4) % config_.scale_factor_spatial == 0,
            Fault::bug, "{}x{} pixels to encode: expected multiples of {}", pixels.size(4), pixels.size(3),
            config_.scale_factor_spatial);
    const Tensor x = patchify(pixels, config_.patch_size);
    const TileGrid grid = encoding_grid({x.size(1), x.size(2)}, tiling);
    Scratch scratch;
    std::vector<TileStream> streams = begin_streams(grid, encoder_, scratch);
    const std::int64_t per_pass =
        config_.scale_factor_temporal * latent_frames_per_pass(divided(grid.tile, encoder_cells_per_latent()));
    std::vector<Tensor> latents;
    for (std::int64_t first = 0; first < x.size(0);) {
      const std::int64_t count = first == 0 ? 1 : std::min(per_pass, x.size(0) - first);
      latents.push_back(advance(grid, encoder_, x.narrow(0, first, count), streams));
      first += count;
    }
    const Tensor normalized = (at::cat(latents) - mean_.to(x.device())) * inverse_std_.to(x.device());
    return normalized.permute({3, 0, 1, 2}).unsqueeze(0).contiguous();
  }

  std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>& tiling) const override {
    return std::make_unique<Decoding>(*this, tiling);
  }

 private:
  class Decoding final : public VideoDecoder {
   public:
    Decoding(const WanVae& vae, const std::optional<Tiling>& tiling) : vae_(vae), tiling_(tiling) {}

    void decode(const Tensor& latents, const PixelsFn& emit) override {
      const Tensor z = latents.squeeze(0).permute({1, 2, 3, 0}) / vae_.inverse_std_.to(latents.device()) +
                       vae_.mean_.to(latents.device());  // [T, h, w, C]
      if (!grid_) {
        grid_ = vae_.decoding_grid({z.size(1), z.size(2)}, tiling_);
        streams_ = begin_streams(*grid_, vae_.decoder_, scratch_);
      }
      const std::int64_t per_pass = latent_frames_per_pass(grid_->tile);
      for (std::int64_t first = 0; first < z.size(0); first += per_pass) {
        const Tensor piece = z.narrow(0, first, std::min(per_pass, z.size(0) - first));
        const Tensor pixels = advance(*grid_, vae_.decoder_, piece, streams_).clamp_(-1, 1);
        emit(unpatchify(pixels, vae_.config_.patch_size));
      }
    }

   private:
    const WanVae& vae_;
    std::optional<Tiling> tiling_;
    Scratch scratch_;
    std::optional<TileGrid> grid_;  // known with the first latents
    std::vector<TileStream> streams_;
  };

  std::int64_t encoder_cells_per_latent() const { return config_.scale_factor_spatial / config_.patch_size; }

  TileGrid decoding_grid(const Extent& latents, const std::optional<Tiling>& tiling) const {
    const std::int64_t ratio = config_.scale_factor_spatial, patch = config_.patch_size;
    const Extent output = scaled(latents, ratio / patch);
    if (!tiling || !is_larger(latents, divided(extent_of(tiling->tile), ratio))) {
      return {latents, latents, latents, {}, output, output};
    }
    const Extent tile = extent_of(tiling->tile), stride = extent_of(tiling->stride);
    return grid_of(latents, output, divided(tile, ratio), divided(stride, ratio), divided(tile, patch),
                   divided(stride, patch));
  }

  // The reference cuts the patchified picture by numbers meant for pixels; with patches, its tiles are larger than
  // asked.
  TileGrid encoding_grid(const Extent& cells, const std::optional<Tiling>& tiling) const {
    const Extent output = divided(cells, encoder_cells_per_latent());
    if (!tiling || !is_larger(scaled(cells, config_.patch_size), extent_of(tiling->tile))) {
      return {cells, cells, cells, {}, output, output};
    }
    const Extent tile = extent_of(tiling->tile), stride = extent_of(tiling->stride);
    return grid_of(cells, output, tile, stride, divided(tile, encoder_cells_per_latent()),
                   divided(stride, encoder_cells_per_latent()));
  }

  WanVaeConfig config_;
  WanVaeDecoder decoder_;
  WanVaeEncoder encoder_;
  Tensor mean_, inverse_std_;  // [z_dim]; the reference, too, divides by the reciprocal: the same rounding
};

}  // namespace

std::unique_ptr<Vae> make_wan_vae(const WanVaeConfig& config, const Weights& weights) {
  return std::make_unique<WanVae>(config, weights);
}

}  // namespace sora

// AutoencoderKLWan: latents <-> pixels as a stream, whole pictures or tiles.
#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/interrupt.h"
#include "networks/networks.h"
#include "networks/wan_vae_coders.h"
#include "networks/wan_vae_tiling.h"
#include "sora/error.h"

namespace sora {
namespace {

// Several latent frames a pass are faster as long as they are few pixels: the passes are then long enough for all
// threads. Beyond this many latent pixels a pass only takes more memory.
constexpr std::int64_t kLatentPixelsPerPass = 1024;

constexpr std::size_t kAllPasses = std::numeric_limits<std::size_t>::max();  // encoded, a video is small

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

/// One video on its way through a coder, tile by tile.
template <class Coder>
class TiledStream {
 public:
  /// Several tiles take so many passes one after the other, before it is the next tile's turn: what comes out waits for
  /// its neighbours meanwhile.
  TiledStream(const TileGrid& grid, const Coder& coder, std::size_t passes_a_tile)
      : grid_(grid), coder_(coder), passes_a_tile_(passes_a_tile) {
    for (std::int64_t row = 0; row < grid.rows(); ++row) {
      for (std::int64_t column = 0; column < grid.columns(); ++column) {
        tiles_.push_back({row, column, coder.begin_stream(scratch_)});
      }
    }
  }
  TiledStream(const TiledStream&) = delete;  // streams refer to the scratch
  TiledStream& operator=(const TiledStream&) = delete;

  const TileGrid& grid() const { return grid_; }

  /// The next pieces of the video, each in one pass; calls emit(...) with what becomes of each.
  template <class Emit>
  void run(const std::vector<Tensor>& pieces, Piece piece, const Emit& emit) {
    const std::size_t at_once = tiles_.size() == 1 ? 1 : passes_a_tile_;
    for (std::size_t first = 0; first < pieces.size(); first += at_once) {
      const std::span<const Tensor> passes = std::span(pieces).subspan(first, std::min(at_once, pieces.size() - first));
      const bool ends = piece == Piece::last && first + passes.size() == pieces.size();
      std::vector<std::vector<Tensor>> done(passes.size());  // the tiles of each pass
      for (Tile& tile : tiles_) run_tile(tile, passes, ends, done);
      for (std::vector<Tensor>& tiles : done) {
        emit(grid_.join(tiles));
        tiles.clear();
      }
    }
  }

 private:
  struct Tile {
    std::int64_t row, column;
    Stream stream;
  };

  // What a tile remembers is several times as large as its pixels; while other tiles have their turn it is on the host.
  void run_tile(Tile& tile, std::span<const Tensor> passes, bool ends, std::vector<std::vector<Tensor>>& done) {
    tile.stream.move_to(passes.front().device());
    for (std::size_t i = 0; i < passes.size(); ++i) {
      check_interrupted();
      if (ends && i + 1 == passes.size()) tile.stream.end();
      const Tensor out = coder_(grid_.cut(passes[i], tile.row, tile.column).contiguous(), tile.stream);
      // A tile that waits must not hold a piece of the scratch, which is larger.
      done[i].push_back(tiles_.size() == 1 ? out : out.clone());
    }
    if (tiles_.size() > 1) tile.stream.move_to(at::kCPU);
  }

  TileGrid grid_;
  const Coder& coder_;
  std::size_t passes_a_tile_;
  Scratch scratch_;
  std::vector<Tile> tiles_;
};

class WanVae : public Vae {
 public:
  WanVae(const WanVaeConfig& config, const Weights& weights)
      : config_(config),
        decoder_(config, weights),
        encoder_(config, weights),
        mean_(at::tensor(config.latents_mean, at::kFloat)),
        inverse_std_(at::reciprocal(at::tensor(config.latents_std, at::kFloat))) {}

  std::unique_ptr<VideoEncoder> begin_encoding(const std::optional<Tiling>& tiling) const override {
    return std::make_unique<Encoding>(*this, tiling);
  }

  std::unique_ptr<VideoDecoder> begin_decoding(const std::optional<Tiling>& tiling) const override {
    return std::make_unique<Decoding>(*this, tiling);
  }

 private:
  class Encoding final : public VideoEncoder {
   public:
    Encoding(const WanVae& vae, const std::optional<Tiling>& tiling) : vae_(vae), tiling_(tiling) {}

    Tensor encode(const Tensor& pixels, Piece piece) override {
      const bool begins = !stream_;
      vae_.require_encodable(pixels, begins ? 1 : 0);
      const Tensor x = patchify(pixels, vae_.config_.patch_size);
      if (begins) stream_.emplace(vae_.encoding_grid({x.size(1), x.size(2)}, tiling_), vae_.encoder_, kAllPasses);
      std::vector<Tensor> passes;
      if (begins) passes.push_back(x.narrow(0, 0, 1));
      const Extent latents = divided(stream_->grid().tile, vae_.encoder_cells_per_latent());
      const std::int64_t per_pass = vae_.config_.scale_factor_temporal * latent_frames_per_pass(latents);
      for (std::int64_t first = begins ? 1 : 0; first < x.size(0); first += per_pass) {
        passes.push_back(x.narrow(0, first, std::min(per_pass, x.size(0) - first)));
      }
      std::vector<Tensor> means;
      stream_->run(passes, piece, [&](const Tensor& mean) { means.push_back(mean.clone()); });
      const Tensor normalized = (at::cat(means) - vae_.mean_.to(x.device())) * vae_.inverse_std_.to(x.device());
      return normalized.permute({3, 0, 1, 2}).unsqueeze(0).contiguous();
    }

   private:
    const WanVae& vae_;
    std::optional<Tiling> tiling_;
    std::optional<TiledStream<WanVaeEncoder>> stream_;  // there with the first pixels
  };

  class Decoding final : public VideoDecoder {
   public:
    Decoding(const WanVae& vae, const std::optional<Tiling>& tiling) : vae_(vae), tiling_(tiling) {}

    void decode(const Tensor& latents, Piece piece, const PixelsFn& emit) override {
      const Tensor z = latents.squeeze(0).permute({1, 2, 3, 0}) / vae_.inverse_std_.to(latents.device()) +
                       vae_.mean_.to(latents.device());  // [T, h, w, C]
      if (!stream_) {
        const TileGrid grid = vae_.decoding_grid({z.size(1), z.size(2)}, tiling_);
        const std::int64_t passes = kLatentFramesATile / latent_frames_per_pass(grid.tile);
        stream_.emplace(grid, vae_.decoder_, static_cast<std::size_t>(std::max<std::int64_t>(1, passes)));
      }
      const std::int64_t per_pass = latent_frames_per_pass(stream_->grid().tile);
      stream_->run(z.split(per_pass), piece,
                   [&](Tensor pixels) { emit(unpatchify(pixels.clamp_(-1, 1), vae_.config_.patch_size)); });
    }

   private:
    const WanVae& vae_;
    std::optional<Tiling> tiling_;
    std::optional<TiledStream<WanVaeDecoder>> stream_;  // there with the first latents
  };

  void require_encodable(const Tensor& pixels, std::int64_t first_frames) const {
    require((pixels.size(2) - first_frames) % config_.scale_factor_temporal == 0, Fault::bug,
            "{} frames to encode: expected {}{}k", pixels.size(2), first_frames == 0 ? "" : "1 + ",
            config_.scale_factor_temporal);
    require(pixels.size(3) % config_.scale_factor_spatial == 0 && pixels.size(4) % config_.scale_factor_spatial == 0,
            Fault::bug, "{}x{} pixels to encode: expected multiples of {}", pixels.size(4), pixels.size(3),
            config_.scale_factor_spatial);
  }

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

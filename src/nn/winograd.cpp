// Winograd convolution. The unit of work is a tile: tile x tile pixels of one frame, or of two for a convolution over
// time. Its inputs are transformed (additions mostly), multiplied with transformed filters as one matrix product per
// transformed element, and transformed back.
#include "nn/winograd.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>

#include "nn/simd.h"

namespace sora {
namespace {

// Points of F(4, 3), with infinity: 9e-7 relative error on random data where the usual 0, ±1, ±2 have 2e-6.
constexpr float kNear = 0.625F, kFar = 1.5F;

// Transformed for small tiles a filter is 64/27 of its size, for large ones 144/27. Large tiles need little more than
// half of the multiplications, which pays where many pixels share a filter. Coarse levels have most of the weights and
// little of the work: making and reading their filters is what takes the time there.
constexpr std::int64_t kMostValuesForLargeTiles = 512 * 512;
constexpr std::int64_t kMostValuesPerPixelForLargeTiles = 32;

int tile_for(std::int64_t filter_values, std::int64_t pixels) {
  return filter_values > std::min(kMostValuesForLargeTiles, pixels * kMostValuesPerPixelForLargeTiles) ? 2 : 4;
}

constexpr int kTimeInputs = 4, kTimeOutputs = 2;

// The matrix product goes by blocks of this many tiles and output channels, which AVX2 can hold in its registers.
constexpr std::int64_t kProductRows = 6, kProductColumns = 2 * kLanes;
constexpr std::int64_t kTilesPerBlock = 8 * kProductRows;
constexpr std::int64_t kFiltersPerTask = 32;
// Keeps the elements of a tile from competing for the same lines of the cache.
constexpr std::int64_t kStagger = 16;

/// F(tile, 3) along one axis: of tile + 2 inputs d, and of tile + 2 products m to tile outputs y.
template <int tile>
struct Transform;

template <>
struct Transform<2> {
  static SORA_SIMD_INLINE void input(Vec (&d)[4]) {
    const Vec low = d[2] - d[0], sum = d[2] + d[1], difference = d[2] - d[1];
    d[3] -= d[1];
    d[0] = low;
    d[1] = sum;
    d[2] = difference;
  }
  static SORA_SIMD_INLINE void output(const Vec (&m)[4], Vec (&y)[2]) {
    y[0] = m[0] + m[1] + m[2];
    y[1] = m[1] - m[2] + m[3];
  }
};

template <>
struct Transform<4> {
  static constexpr float kNear2 = kNear * kNear, kFar2 = kFar * kFar;
  static SORA_SIMD_INLINE void input(Vec (&d)[6]) {
    const Vec near_even = d[4] - kFar2 * d[2], near_odd = kNear * (d[3] - kFar2 * d[1]);
    const Vec far_even = d[4] - kNear2 * d[2], far_odd = kFar * (d[3] - kNear2 * d[1]);
    d[0] = kNear2 * kFar2 * d[0] - (kNear2 + kFar2) * d[2] + d[4];
    d[5] = kNear2 * kFar2 * d[1] - (kNear2 + kFar2) * d[3] + d[5];
    d[1] = near_even + near_odd;
    d[2] = near_even - near_odd;
    d[3] = far_even + far_odd;
    d[4] = far_even - far_odd;
  }
  static SORA_SIMD_INLINE void output(const Vec (&m)[6], Vec (&y)[4]) {
    const Vec near_even = m[1] + m[2], near_odd = m[1] - m[2];
    const Vec far_even = m[3] + m[4], far_odd = m[3] - m[4];
    y[0] = m[0] + near_even + far_even;
    y[1] = kNear * near_odd + kFar * far_odd;
    y[2] = kNear2 * near_even + kFar2 * far_even;
    y[3] = kNear * kNear2 * near_odd + kFar * kFar2 * far_odd + m[5];
  }
};

// The rows that make a filter's transform: x -> [1, x, x²] / (product of the distances to the other points), and the
// highest coefficient for the point at infinity (Toom and Cook).
std::vector<std::array<double, 3>> filter_transform(const std::vector<double>& points) {
  std::vector<std::array<double, 3>> rows;
  for (const double x : points) {
    double scale = 1;
    for (const double other : points) {
      if (other != x) scale /= x - other;
    }
    rows.push_back({scale, scale * x, scale * x * x});
  }
  rows.push_back({0, 0, 1});
  return rows;
}

// [transformed elements, elements of the filter]: the transforms of both spatial axes and, if wanted, of time in one.
Tensor whole_filter_transform(int tile, bool in_time) {
  const auto space =
      filter_transform(tile == 4 ? std::vector<double>{0, kNear, -kNear, kFar, -kFar} : std::vector<double>{0, 1, -1});
  const auto time = in_time ? filter_transform({0, 1, -1}) : std::vector<std::array<double, 3>>{{1, 0, 0}};
  const auto side = static_cast<std::int64_t>(space.size()), frames = static_cast<std::int64_t>(time.size());
  const std::int64_t taps = in_time ? 27 : 9;
  Tensor matrix = at::empty({frames * side * side, taps}, at::kFloat);
  float* to = matrix.mutable_data_ptr<float>();
  for (const auto& t : time) {
    for (const auto& y : space) {
      for (const auto& x : space) {
        for (std::int64_t tap = 0; tap < taps; ++tap) {
          *to++ = static_cast<float>(t[tap / 9] * y[tap / 3 % 3] * x[tap % 3]);
        }
      }
    }
  }
  return matrix;
}

/// Where a tile's inputs are: [frames][tile + 2][tile + 2] pixels of `channels` values.
struct TileInput {
  const float* const* pixels;
  std::int64_t channels;
};
/// Where a tile's outputs go: [frames][tile][tile] offsets of pixels, negative for those beyond the border.
struct TileOutput {
  const std::int64_t* offsets;
  std::int64_t channels;
  const float* bias;
  const float* residual;  // or null
  float* out;
};

// F(2, 3) in time: a transformed frame is first + sign · second.
struct FramePair {
  int first, second;
  float sign;
};
constexpr FramePair kFramePairs[kTimeInputs] = {{2, 0, -1}, {2, 1, 1}, {2, 1, -1}, {3, 1, -1}};

template <int tile, bool in_time, class Lanes>
SORA_SIMD_INLINE void transform_input_lanes(const TileInput& from, std::int64_t c, int frame, const Lanes& lanes,
                                            float* to, std::int64_t stride) {
  constexpr int kSide = tile + 2;
  const FramePair pair = kFramePairs[frame];
  const float* const* first = from.pixels + (in_time ? pair.first * kSide * kSide : 0);
  const float* const* second = from.pixels + pair.second * kSide * kSide;
  Vec rows[kSide][kSide];
  for (int y = 0; y < kSide; ++y) {
    Vec d[kSide];
    for (int x = 0; x < kSide; ++x) {
      lanes.load(d[x], first[y * kSide + x] + c);
      if constexpr (in_time) {
        Vec other;
        lanes.load(other, second[y * kSide + x] + c);
        d[x] += pair.sign * other;
      }
    }
    Transform<tile>::input(d);
    for (int x = 0; x < kSide; ++x) rows[y][x] = d[x];
  }
  for (int x = 0; x < kSide; ++x) {
    Vec d[kSide];
    for (int y = 0; y < kSide; ++y) d[y] = rows[y][x];
    Transform<tile>::input(d);
    for (int y = 0; y < kSide; ++y) lanes.store(d[y], to + (y * kSide + x) * stride + c);
  }
}

// to: the elements of one transformed frame, `stride` apart.
template <int tile, bool in_time>
SORA_SIMD_INLINE void transform_input(const TileInput& from, int frame, float* to, std::int64_t stride) {
  for_lanes(from.channels, [&](std::int64_t c, const auto& lanes) SORA_SIMD_LAMBDA {
    transform_input_lanes<tile, in_time>(from, c, frame, lanes, to, stride);
  });
}

// from: the elements of one transformed frame or of kTimeInputs, `stride` apart.
template <int tile, bool in_time, class Lanes>
SORA_SIMD_INLINE void transform_output_lanes(const float* from, std::int64_t stride, std::int64_t c, const Lanes& lanes,
                                             const TileOutput& to) {
  constexpr int kSide = tile + 2;
  const std::int64_t next_frame = kSide * kSide * stride;
  Vec bias;
  lanes.load(bias, to.bias + c);
  for (int frame = 0; frame < (in_time ? kTimeOutputs : 1); ++frame) {
    // F(2, 3) backwards: m0 + m1 + m2 for the first frame, m1 - m2 + m3 for the second.
    const std::int64_t own_frame = frame == 0 ? 0 : 3 * next_frame;
    const float sign = frame == 0 ? 1.0F : -1.0F;
    Vec rows[kSide][tile];
    for (int y = 0; y < kSide; ++y) {
      Vec m[kSide], sums[tile];
      for (int x = 0; x < kSide; ++x) {
        const float* element = from + (y * kSide + x) * stride + c;
        lanes.load(m[x], element + own_frame);
        if constexpr (in_time) {
          Vec m1, m2;
          lanes.load(m1, element + next_frame);
          lanes.load(m2, element + 2 * next_frame);
          m[x] += m1 + sign * m2;
        }
      }
      Transform<tile>::output(m, sums);
      for (int x = 0; x < tile; ++x) rows[y][x] = sums[x];
    }
    const std::int64_t* offsets = to.offsets + frame * tile * tile;
    for (int x = 0; x < tile; ++x) {
      Vec m[kSide], sums[tile];
      for (int y = 0; y < kSide; ++y) m[y] = rows[y][x];
      Transform<tile>::output(m, sums);
      for (int y = 0; y < tile; ++y) {
        const std::int64_t offset = offsets[y * tile + x];
        if (offset < 0) continue;
        sums[y] += bias;
        if (to.residual != nullptr) {
          Vec residual;
          lanes.load(residual, to.residual + offset + c);
          sums[y] += residual;
        }
        lanes.store(sums[y], to.out + offset + c);
      }
    }
  }
}

template <int tile, bool in_time>
SORA_SIMD_INLINE void transform_output(const float* from, std::int64_t stride, const TileOutput& to) {
  for_lanes(to.channels, [&](std::int64_t c, const auto& lanes)
                             SORA_SIMD_LAMBDA { transform_output_lanes<tile, in_time>(from, stride, c, lanes, to); });
}

/// A convolution's filters: weight [out, in, taps].
struct Filters {
  const float* weight;
  std::int64_t out, in, taps;
};

// For kProductColumns output channels from `column` on and the input channel c: every transformed element into
// to [elements, ..., 16], `stride` apart. Output channels that do not exist get zeros.
SORA_SIMD_CLONES void transform_filter(const Filters& filters, std::int64_t column, std::int64_t c,
                                       const Tensor& transform, float* to, std::int64_t stride) {
  constexpr std::int64_t kMostTaps = 27;
  const AllLanes lanes;
  float values[kMostTaps][kProductColumns] = {};
  for (std::int64_t k = column; k < std::min(column + kProductColumns, filters.out); ++k) {
    const float* from = filters.weight + (k * filters.in + c) * filters.taps;
    for (std::int64_t tap = 0; tap < filters.taps; ++tap) values[tap][k - column] = from[tap];
  }
  const float* factors = transform.const_data_ptr<float>();
  for (std::int64_t e = 0; e < transform.size(0); ++e, to += stride) {
    Vec low{}, high{};
    for (std::int64_t tap = 0; tap < filters.taps; ++tap) {
      Vec v;
      lanes.load(v, values[tap]);
      low += *factors * v;
      lanes.load(v, values[tap] + kLanes);
      high += *factors++ * v;
    }
    lanes.store(low, to);
    lanes.store(high, to + kLanes);
  }
}

struct Product {
  std::int64_t rows, in, out;  // rows: a multiple of kProductRows, out: of kProductColumns
};

// products [rows, out] = inputs [rows, in] · filters [out / 16, in, 16].
SORA_SIMD_CLONES void multiply(const Product& size, const float* inputs, const float* filters, float* products) {
  const AllLanes lanes;
  for (std::int64_t column = 0; column < size.out; column += kProductColumns) {
    for (std::int64_t row = 0; row < size.rows; row += kProductRows) {
      const float* input = inputs + row * size.in;
      const float* filter = filters + column * size.in;
      Vec sums[kProductRows][2] = {};
      for (std::int64_t c = 0; c < size.in; ++c, ++input, filter += kProductColumns) {
        Vec low, high;
        lanes.load(low, filter);
        lanes.load(high, filter + kLanes);
        for (std::int64_t i = 0; i < kProductRows; ++i) {
          sums[i][0] += input[i * size.in] * low;
          sums[i][1] += input[i * size.in] * high;
        }
      }
      float* product = products + row * size.out + column;
      for (std::int64_t i = 0; i < kProductRows; ++i, product += size.out) {
        lanes.store(sums[i][0], product);
        lanes.store(sums[i][1], product + kLanes);
      }
    }
  }
}

using InputFn = void (*)(const TileInput&, int frame, float* to, std::int64_t stride);
using OutputFn = void (*)(const float* from, std::int64_t stride, const TileOutput&);

SORA_SIMD_CLONES void input_4_time(const TileInput& from, int frame, float* to, std::int64_t stride) {
  transform_input<4, true>(from, frame, to, stride);
}
SORA_SIMD_CLONES void input_4(const TileInput& from, int frame, float* to, std::int64_t stride) {
  transform_input<4, false>(from, frame, to, stride);
}
SORA_SIMD_CLONES void input_2_time(const TileInput& from, int frame, float* to, std::int64_t stride) {
  transform_input<2, true>(from, frame, to, stride);
}
SORA_SIMD_CLONES void input_2(const TileInput& from, int frame, float* to, std::int64_t stride) {
  transform_input<2, false>(from, frame, to, stride);
}
SORA_SIMD_CLONES void output_4_time(const float* from, std::int64_t stride, const TileOutput& to) {
  transform_output<4, true>(from, stride, to);
}
SORA_SIMD_CLONES void output_4(const float* from, std::int64_t stride, const TileOutput& to) {
  transform_output<4, false>(from, stride, to);
}
SORA_SIMD_CLONES void output_2_time(const float* from, std::int64_t stride, const TileOutput& to) {
  transform_output<2, true>(from, stride, to);
}
SORA_SIMD_CLONES void output_2(const float* from, std::int64_t stride, const TileOutput& to) {
  transform_output<2, false>(from, stride, to);
}

// How the output falls into tiles, and which pixels a tile reads and writes.
class TileMap {
 public:
  TileMap(const WinogradConv::Input& input, std::int64_t frames, int tile, bool in_time)
      : input_(input),
        frames_(frames),
        tile_(tile),
        pair_(in_time ? kTimeOutputs : 1),
        frames_read_(in_time ? kTimeInputs : 1),
        rows_((input.height + tile - 1) / tile),
        columns_((input.width + tile - 1) / tile) {}

  std::int64_t tiles() const { return (frames_ + pair_ - 1) / pair_ * rows_ * columns_; }

  int inputs_per_tile() const { return frames_read_ * (tile_ + 2) * (tile_ + 2); }

  void find_inputs(std::int64_t index, std::int64_t channels, const float* zeros, const float** pixels) const {
    const auto [t0, y0, x0] = origin(index);
    const int halve = input_.doubled ? 1 : 0;
    const std::int64_t row_size = (input_.width >> halve) * channels;
    for (std::int64_t t = t0; t < t0 + frames_read_; ++t) {
      const bool has_frame = t < static_cast<std::int64_t>(input_.frames.size());
      for (std::int64_t y = y0 - 1; y <= y0 + tile_; ++y) {
        const float* row =
            has_frame && y >= 0 && y < input_.height ? input_.frames[t] + (y >> halve) * row_size : nullptr;
        for (std::int64_t x = x0 - 1; x <= x0 + tile_; ++x) {
          *pixels++ = row != nullptr && x >= 0 && x < input_.width ? row + (x >> halve) * channels : zeros;
        }
      }
    }
  }

  void find_outputs(std::int64_t index, std::int64_t channels, std::vector<std::int64_t>& offsets) const {
    const auto [t0, y0, x0] = origin(index);
    offsets.clear();
    for (std::int64_t t = t0; t < t0 + pair_; ++t) {
      for (std::int64_t y = y0; y < y0 + tile_; ++y) {
        for (std::int64_t x = x0; x < x0 + tile_; ++x) {
          const bool inside = t < frames_ && y < input_.height && x < input_.width;
          offsets.push_back(inside ? ((t * input_.height + y) * input_.width + x) * channels : -1);
        }
      }
    }
  }

 private:
  std::array<std::int64_t, 3> origin(std::int64_t index) const {
    return {index / (rows_ * columns_) * pair_, index / columns_ % rows_ * tile_, index % columns_ * tile_};
  }

  const WinogradConv::Input& input_;
  std::int64_t frames_;
  int tile_, pair_, frames_read_;
  std::int64_t rows_, columns_;
};

std::int64_t rounded_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

WinogradConv::WinogradConv(const Tensor& weight, const Tensor& bias, std::int64_t pixels)
    : in_(weight.size(1)),
      out_(weight.size(0)),
      tile_(tile_for(in_ * out_, pixels)),
      in_time_(weight.dim() == 5),
      bias_(bias) {
  const Tensor transform = whole_filter_transform(tile_, in_time_);
  const Tensor contiguous = weight.contiguous();
  const Filters filters{contiguous.const_data_ptr<float>(), out_, in_, transform.size(1)};
  const std::int64_t columns = (out_ + kProductColumns - 1) / kProductColumns;
  filters_ = empty_in_large_pages({transform.size(0), columns, in_, kProductColumns}, weight);
  float* const to = filters_.mutable_data_ptr<float>();
  at::parallel_for(0, columns * in_, kFiltersPerTask, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      transform_filter(filters, i / in_ * kProductColumns, i % in_, transform, to + i * kProductColumns,
                       filters_.stride(0));
    }
  });
}

void WinogradConv::operator()(const Input& input, const Tensor& residual, Tensor& out, Scratch& scratch) const {
  const InputFn transform_in = tile_ == 4 ? (in_time_ ? input_4_time : input_4) : (in_time_ ? input_2_time : input_2);
  const OutputFn transform_out =
      tile_ == 4 ? (in_time_ ? output_4_time : output_4) : (in_time_ ? output_2_time : output_2);
  const TileMap map(input, out.size(0), tile_, in_time_);
  const std::int64_t tiles = map.tiles(), threads = at::get_num_threads();
  const std::int64_t blocks = rounded_up((tiles + kTilesPerBlock - 1) / kTilesPerBlock, threads);
  const std::int64_t block_tiles = (tiles + blocks - 1) / blocks;

  const std::int64_t frames = in_time_ ? kTimeInputs : 1, elements = filters_.size(0) / frames;
  const Product product{rounded_up(block_tiles, kProductRows), in_, rounded_up(out_, kProductColumns)};
  const std::int64_t input_stride = product.rows * product.in + kStagger;
  const std::int64_t product_stride = product.rows * product.out + kStagger;
  // Rows beyond a block's last tile are multiplied, too; what comes of them is not used.
  const Tensor buffers = scratch.empty({threads, elements * (input_stride + frames * product_stride)}, out);
  const Tensor zeros = at::zeros({in_}, out.options());
  const float* const filters = filters_.const_data_ptr<float>();
  const TileOutput whole_output{nullptr, out_, bias_.const_data_ptr<float>(),
                                residual.defined() ? residual.const_data_ptr<float>() : nullptr,
                                out.mutable_data_ptr<float>()};

  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    float* const inputs = buffers.mutable_data_ptr<float>() + at::get_thread_num() * buffers.stride(0);
    float* const products = inputs + elements * input_stride;
    std::vector<const float*> pixels(block_tiles * map.inputs_per_tile());
    std::vector<std::int64_t> offsets;
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t first = block * block_tiles, count = std::min(tiles - first, block_tiles);
      for (std::int64_t i = 0; i < count; ++i) {
        map.find_inputs(first + i, in_, zeros.const_data_ptr<float>(), &pixels[i * map.inputs_per_tile()]);
      }
      for (int frame = 0; frame < frames && count > 0; ++frame) {
        for (std::int64_t i = 0; i < count; ++i) {
          transform_in({&pixels[i * map.inputs_per_tile()], in_}, frame, inputs + i * in_, input_stride);
        }
        for (std::int64_t e = 0; e < elements; ++e) {
          const std::int64_t element = frame * elements + e;
          multiply(product, inputs + e * input_stride, filters + element * filters_.stride(0),
                   products + element * product_stride);
        }
      }
      for (std::int64_t i = 0; i < count; ++i) {
        map.find_outputs(first + i, out_, offsets);
        TileOutput to = whole_output;
        to.offsets = offsets.data();
        transform_out(products + i * product.out, product_stride, to);
      }
    }
  });
}

}  // namespace sora

// Two denoisers of one schedule (WanPipeline with a boundary_ratio), of which only the one in use is in memory.
#include <ATen/ATen.h>

#include <utility>

#include "networks/networks.h"
#include "sora/error.h"

namespace sora {
namespace {

class ExpertPair final : public Denoiser {
 public:
  ExpertPair(DenoiserLoader high, DenoiserLoader low, double boundary, at::ScalarType dtype)
      : high_(std::move(high)), low_(std::move(low)), boundary_(boundary), dtype_(dtype) {
    load(true);
  }

  at::ScalarType dtype() const override { return dtype_; }

  PredictFn bind(const Context& context) override {
    return [this, context, bound = PredictFn(), made_by = 0](const Tensor& latents, const Tensor& timesteps) mutable {
      const bool high = timesteps.max().item<double>() >= boundary_;
      if (made_by != loads_) bound = nullptr;  // its expert is gone; so should be the keys and values it made
      if (high != is_high_) load(high);
      if (made_by != loads_) {
        bound = expert_->bind(context);
        made_by = loads_;
      }
      return bound(latents, timesteps);
    };
  }

 private:
  void load(bool high) {
    expert_.reset();  // first, so that there is never memory for two
    expert_ = high ? high_() : low_();
    is_high_ = high;
    ++loads_;
  }

  DenoiserLoader high_, low_;
  double boundary_;
  at::ScalarType dtype_;
  std::unique_ptr<Denoiser> expert_;
  bool is_high_ = true;
  int loads_ = 0;  // tells a bound function whether the expert that made it is still there
};

}  // namespace

std::unique_ptr<Denoiser> make_expert_pair(DenoiserLoader high, DenoiserLoader low, double boundary,
                                           at::ScalarType dtype) {
  return std::make_unique<ExpertPair>(std::move(high), std::move(low), boundary, dtype);
}

}  // namespace sora

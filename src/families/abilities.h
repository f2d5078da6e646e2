// What each kind of checkpoint takes besides a prompt, in one table: traits are granted from it, and refusals name its
// rows.
#pragma once

#include <string_view>

#include "sora/plan.h"

namespace sora {

struct Abilities {
  std::string_view name;  ///< of the checkpoints, for people
  GivenSupport given;
  bool video_to_video;
  Continuation continuation;
};

inline constexpr Abilities kWanTextToVideo{"Wan T2V", GivenSupport::nothing, true, Continuation::blended};
inline constexpr Abilities kWanImageToVideo{"Wan 2.1 I2V", GivenSupport::first_frame, false, Continuation::none};
inline constexpr Abilities kWanFirstAndLast{"Wan 2.1 FLF2V", GivenSupport::first_and_last_frame, false,
                                            Continuation::none};
inline constexpr Abilities kWanTwoExpertImage{"Wan 2.2 I2V A14B", GivenSupport::first_frame_maybe_last, false,
                                              Continuation::none};
inline constexpr Abilities kWanCleanFrames{"Wan 2.2 TI2V", GivenSupport::latent_frames, true,
                                           Continuation::clean_prefix};
inline constexpr Abilities kWanVace{"Wan VACE", GivenSupport::pixels, false, Continuation::blended};
inline constexpr Abilities kSkyReelsTextToVideo{"SkyReels-V2 T2V", GivenSupport::nothing, true, Continuation::blended};
inline constexpr Abilities kSkyReelsImageToVideo{"SkyReels-V2 I2V", GivenSupport::first_frame, false,
                                                 Continuation::none};
inline constexpr Abilities kSkyReelsForcing{"SkyReels-V2 DF", GivenSupport::leading_frames_maybe_last, false,
                                            Continuation::forcing};

/// Sets what the checkpoint can do, and who can do the rest.
void grant(const Abilities& abilities, Traits& traits);

}  // namespace sora

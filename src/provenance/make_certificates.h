// A signing certificate of this installation's own, with the two above it.
#pragma once

#include <string>

#include "provenance/keys.h"

namespace sora {

/// All PEM.
struct MadeCertificates {
  std::string root;
  std::string chain;  ///< the signing certificate, then the issuing CA's
  std::string key;    ///< of the signing certificate
};

MadeCertificates make_certificates(const KeyOptions& options);

}  // namespace sora

// Why a signing certificate would be refused, by name: the C2PA library has one message for most faults.
#pragma once

#include <string>
#include <string_view>

#include "provenance/signer.h"

namespace sora {

/// Throws Error{input} with the first fault of a chain in PEM, the signing certificate first, and of `key`, which has
/// to be the first certificate's. The files' names are for messages. Returns the algorithm that the key signs with.
SigningAlgorithm check_certificates(std::string_view pem, const std::string& file, evp_pkey_st* key,
                                    const std::string& key_file);

/// Error{input} unless `pem` has at least one certificate in it, and all that it has can be read.
void require_certificates(std::string_view pem, const std::string& file);

}  // namespace sora

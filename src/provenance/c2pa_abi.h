// The part of the C interface of libc2pa_c.so 0.91 that is used here. The wheel that brings the library has no header.
//
// Every pointer that a function returns or fills in goes back through free(), streams through release_stream().
// Functions marked "takes" own that argument from then on, whether they succeed or not. Failure is nullptr or a
// negative number.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sora {

struct C2paBuilder;
struct C2paReader;
struct C2paSigner;
struct C2paSettings;
struct C2paContextBuilder;
struct C2paContext;
struct C2paStream;

extern "C" {
// Bytes, the new position, or 0; -1 is failure. `whence` is 0 from the start, 1 from here, 2 from the end.
using C2paRead = std::intptr_t (*)(void* self, std::uint8_t* into, std::intptr_t room);
using C2paSeek = std::intptr_t (*)(void* self, std::intptr_t by, int whence);
using C2paWrite = std::intptr_t (*)(void* self, const std::uint8_t* from, std::intptr_t bytes);
using C2paFlush = std::intptr_t (*)(void* self);
// The signature's length, at most `room`; -1 is failure.
using C2paSign = std::intptr_t (*)(const void* self, const std::uint8_t* data, std::size_t bytes, std::uint8_t* out,
                                   std::size_t room);
}

/// The functions by their names without c2pa_.
struct C2paFunctions {
  char* (*version)();
  char* (*error)();  ///< of this thread's last failure, "Kind: text"; stays after it has been read
  int (*free)(const void* pointer);

  C2paStream* (*create_stream)(void* self, C2paRead, C2paSeek, C2paWrite, C2paFlush);
  void (*release_stream)(C2paStream*);

  C2paSettings* (*settings_new)();
  int (*settings_update_from_string)(C2paSettings*, const char* text, const char* format);
  C2paContextBuilder* (*context_builder_new)();
  int (*context_builder_set_settings)(C2paContextBuilder*, C2paSettings*);
  C2paContext* (*context_builder_build)(C2paContextBuilder*);  ///< takes the builder

  C2paSigner* (*signer_create)(const void* self, C2paSign, int algorithm, const char* certificates, const char* tsa);

  C2paBuilder* (*builder_from_context)(C2paContext*);
  C2paBuilder* (*builder_with_definition)(C2paBuilder*, const char* json);  ///< takes the builder
  int (*builder_add_resource)(C2paBuilder*, const char* identifier, C2paStream*);
  int (*builder_add_ingredient_from_stream)(C2paBuilder*, const char* json, const char* type, C2paStream*);
  std::int64_t (*builder_sign)(C2paBuilder*, const char* type, C2paStream* from, C2paStream* to, C2paSigner*,
                               const std::uint8_t** manifest);

  C2paReader* (*reader_from_context)(C2paContext*);
  C2paReader* (*reader_with_stream)(C2paReader*, const char* type, C2paStream*);  ///< takes the reader
  char* (*reader_json)(C2paReader*);
  char* (*reader_crjson)(C2paReader*);
};

}  // namespace sora

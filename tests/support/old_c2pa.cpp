// Stands for a C2PA library of another version.
#include <cstdlib>
#include <cstring>

extern "C" {
char* c2pa_version() { return strdup("c2pa-c-ffi/0.90.0 c2pa-rs/0.90.0"); }
int c2pa_free(const void* pointer) {
  std::free(const_cast<void*>(pointer));
  return 0;
}
}

// Stands for a C2PA library whose process a file ends.
#include <cstdlib>

extern "C" {
char* c2pa_version() { std::abort(); }
int c2pa_free(const void*) { return 0; }
}

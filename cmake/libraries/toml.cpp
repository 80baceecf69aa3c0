// toml++'s compiled half, from its own header, so that it can be linked into programs: Debian
// packages it as a shared library only. Used with SMTPGATE_STATIC_LIBRARIES. Nothing of ours.
#define TOML_IMPLEMENTATION
#include <toml++/toml.h>

// Memory that serves the next message; see the header.
#include "postoffice/kept_memory.h"

#include <malloc.h>

namespace smtpgate::postoffice {

void keep_freed_memory() {
  constexpr int mebibyte = 1 << 20;
  // Refused values leave the library's own, which only cost time.
  (void)::mallopt(M_TRIM_THRESHOLD, mebibyte);
  (void)::mallopt(M_MMAP_THRESHOLD, mebibyte);
  (void)::mallopt(M_TOP_PAD, mebibyte / 4);
}

}  // namespace smtpgate::postoffice

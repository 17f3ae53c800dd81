#include "status.h"

const char *fe_status_text(fe_status status) {
  switch (status) {
    case FE_OK: return "done";
    case FE_ENOMEM: return "out of memory";
    case FE_EINTR: return "interrupted";
    case FE_ENOCONV: return "no convergence within the allowed iterations";
    case FE_ESINGULAR: return "singular system";
    case FE_EINVAL: return "invalid argument";
  }
  return "unknown status";
}

#include "os/core_dumps.h"

#include <sys/prctl.h>

#include <cerrno>
#include <system_error>

namespace webhook {

void forbid_core_dumps() {
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    throw std::system_error(errno, std::generic_category(), "prctl(PR_SET_DUMPABLE)");
  }
}

}  // namespace webhook

#pragma once

namespace webhook {

/// Keeps the memory of this process, and with it private keys, out of core dumps, and from other
/// processes of the same user. The files of /proc/self belong to root from then on: no part that
/// writes to its own files there, as `doctor` does to its children's, may call this before.
void forbid_core_dumps();

}  // namespace webhook

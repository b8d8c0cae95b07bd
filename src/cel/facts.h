#pragma once

#include <string>
#include <string_view>

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

/// PodFacts, in CEL. `profile` is an expression for the bytes of the profile.
///
/// The pod is the API server's own encoding of it: without null members, each of the type that it
/// has to have, and with paths that hold no "..", or else it is refused after us.
Variables to_facts(const Sandbox& sandbox, const std::string& profile);

/// The place of the node that `m`, a mount, shows of `v`, a hostPath: clean, each name followed by
/// a slash.
std::string to_mounted_place();

/// The JSON pointer of annotation `key`.
std::string to_annotation_pointer(std::string_view key);

}  // namespace webhook

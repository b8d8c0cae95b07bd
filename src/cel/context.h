#pragma once

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

/// TargetContext, in CEL: after `target` and `hasLegacyAppArmor`.
void add_context_facts(Variables& to, const Sandbox& sandbox);

}  // namespace webhook

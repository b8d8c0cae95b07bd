#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

/// The annotation by which the mutating policy tells the validating one that a pod is denied, and
/// why: "REASON: WHY". A pod that has it is refused, and none is stored with it.
inline constexpr std::string_view kDeniedMark = "code-executor-webhook/denied";

/// What holds of a pod that is not refused with `reason` for its mark.
struct MarkValidation {
  std::string expression;
  std::string_view reason;
};

/// One for each status that a denial has.
std::vector<MarkValidation> to_mark_validations();

/// Of a marked pod: what the mark says, in CEL; where it says nothing, kMarkMessage has to do.
std::string to_mark_words();
inline constexpr std::string_view kMarkMessage = "the code-executor cannot be sandboxed";

/// What the patch needs beside the facts.
void add_patch_variables(Variables& to, const Sandbox& sandbox);

/// The patch, in CEL: of a sandboxed pod what to_sandbox_patch() makes, of one that becomes
/// privileged what to_privileged_patch() makes, of a denied one the mark.
std::string to_mutation(const Sandbox& sandbox);

}  // namespace webhook

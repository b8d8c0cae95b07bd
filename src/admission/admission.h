#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "admission/decision.h"
#include "admission/messages.h"
#include "admission/sandbox.h"
#include "base/json_parser.h"
#include "base/json_patch.h"
#include "base/result.h"

namespace webhook {

/// A review and its answer: what to send, and what to count and to log.
struct Reviewed {
  std::string uid;  ///< This, `ns` and `name` are for the log: at most kMaxLoggedText bytes each.
  std::string ns;
  std::string name;
  bool dry_run = false;

  Outcome outcome = Outcome::kUnchanged;
  Reason reason = Reason::kNotAPodCreate;
  JsonPatch patch;
  std::vector<std::string> warnings;  ///< Each one line of at most kMaxWarningLength characters.
  std::string message;                ///< Why it is denied; empty if it is not.

  std::string wire;  ///< The AdmissionReview to answer with, as JSON.
};

/// How much of the caller's text a line of the log may hold.
inline constexpr std::size_t kMaxLoggedText = 256;

/// Answers the AdmissionReview in `body`: the whole webhook but for its socket. Pure.
/// Error: what parse_review refuses; there is no uid to answer to.
Result<Reviewed> review(JsonParser& parser, std::string_view body, const Sandbox& sandbox,
                        const ClusterState& cluster);

}  // namespace webhook

#pragma once

#include <string_view>

namespace webhook {

/// The trace's id in a `traceparent` header (W3C Trace Context), 32 lower-case hex digits; empty
/// for what is none.
std::string_view to_trace_id(std::string_view traceparent);

}  // namespace webhook

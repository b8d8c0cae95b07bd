#pragma once

#include <string>
#include <string_view>

namespace webhook {

/// A metav1.Status of a failure, as JSON: what Kubernetes clients expect of an HTTP error `code`.
std::string to_status(int code, std::string_view message);

}  // namespace webhook

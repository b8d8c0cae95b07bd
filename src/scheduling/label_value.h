#pragma once

#include <string_view>

namespace webhook {

/// True for the value of a label as Kubernetes takes it: empty, or up to 63 letters, digits, '-',
/// '_' and '.', the first and the last a letter or digit (k8s.io/apimachinery pkg/util/validation
/// IsValidLabelValue).
bool is_label_value(std::string_view text);

}  // namespace webhook

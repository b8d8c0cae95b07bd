#pragma once

#include <string_view>

namespace webhook {

/// True for a DNS label of RFC 1123 as Kubernetes takes it, such as the name of a namespace, of a
/// Service or of a container: 1 to 63 of a-z, 0-9 and, inside, '-'.
bool is_dns_label(std::string_view text);

/// True for a DNS subdomain as Kubernetes takes it, such as the name of a ConfigMap or a Secret:
/// up to 253, parts like labels with dots between them. As there, a part may have more than 63
/// (k8s.io/apimachinery pkg/util/validation IsDNS1123Subdomain).
bool is_dns_subdomain(std::string_view text);

}  // namespace webhook

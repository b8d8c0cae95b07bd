#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "admission/sandbox.h"
#include "base/result.h"

namespace webhook {

/// The longest expression that API servers take, in code points: k8s.io/apiserver
/// pkg/cel/environment, by cel-go's default.
inline constexpr std::size_t kMaxExpression = 100'000;

/// The oldest release that serves mutating policies as admissionregistration.k8s.io/v1.
inline constexpr KubeVersion kOldestPolicyVersion{1, 36};

/// The name of the mutating policy, and of its binding.
inline constexpr const char* kPolicyName = "code-executor-webhook";

struct PolicyOptions {
  /// The MutatingWebhookConfiguration of manifests/base: its rules and selectors are the policies'.
  nlohmann::ordered_json webhook_configuration;
  /// Set: the profile comes from a ConfigMap in this namespace, which is among what is made.
  std::optional<std::string> param_namespace;
};

/// The decision for `sandbox` as objects of the API: a mutating policy, the validating one that
/// denies what it marked, one that warns, and the binding of each.
/// Error: the configuration asks for what a policy cannot do.
Result<std::vector<nlohmann::ordered_json>> to_policies(const Sandbox& sandbox,
                                                        const PolicyOptions& options);

}  // namespace webhook

#include "scheduling/node_verdict.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace webhook {
namespace {

// What stands in the release of a kernel whose number says too little.
//
// RHEL 9.4 and later, CentOS Stream 9, RHEL CoreOS of OpenShift 4.16 and later, and what is built
// from them: "shmem: support idmapped mounts for tmpfs" in 5.14 (RHEL-23900, merge request 3766 of
// gitlab.com/redhat/centos-stream/src/kernel/centos-stream-9). Earlier releases of 9 have the same
// mark, hence not good either. Version 10 has 6.12, and is here for kernels of its kin.
constexpr std::array<std::string_view, 2> kBackports{".el9", ".el10"};

std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::string_view label_of(const ClusterNode& node, std::string_view key) {
  const auto label = std::find_if(node.labels.begin(), node.labels.end(),
                                  [&](const auto& each) { return each.first == key; });
  return label == node.labels.end() ? std::string_view() : label->second;
}

/// What the runtime says of `handler`; none where it says nothing.
std::optional<bool> has_user_namespaces(const ClusterNode& node,
                                        const std::optional<std::string>& handler) {
  if (!handler) return std::nullopt;
  const auto& all = node.runtime_handlers;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == *handler; });
  return found == all.end() ? std::nullopt : found->user_namespaces;
}

/// The oldest release that would do, of a runtime that is older; null where it is not known to be.
/// One that tells of any handler is judged by that: it is new enough to be asked.
const OldestRuntime* find_missed_runtime(const ClusterNode& node) {
  constexpr std::string_view kSeparator = "://";
  const std::string_view runtime = node.runtime_version;
  const std::size_t end = runtime.find(kSeparator);
  if (!node.runtime_handlers.empty() || end == std::string_view::npos) return nullptr;
  const OldestRuntime* oldest = find_oldest_runtime(runtime.substr(0, end));
  const auto version = parse_kube_version(runtime.substr(end + kSeparator.size()));
  return oldest != nullptr && version && *version < oldest->version ? oldest : nullptr;
}

NodeVerdict bad(std::string why) { return {NodeState::kBad, std::move(why)}; }

}  // namespace

const OldestRuntime* find_oldest_runtime(std::string_view name) {
  const auto* found = std::find_if(kOldestRuntimes.begin(), kOldestRuntimes.end(),
                                   [&](const OldestRuntime& each) { return each.name == name; });
  return found == kOldestRuntimes.end() ? nullptr : found;
}

std::string to_string(KernelVersion version) {
  return std::to_string(version.major) + '.' + std::to_string(version.minor);
}

std::optional<KernelVersion> parse_kernel_version(std::string_view release) {
  const auto major = take_number(release);
  if (!major || !release.starts_with('.')) return std::nullopt;
  release.remove_prefix(1);
  const auto minor = take_number(release);
  if (!minor) return std::nullopt;
  return KernelVersion{*major, *minor};
}

bool may_be_backported(std::string_view release) {
  return std::any_of(kBackports.begin(), kBackports.end(), [&](std::string_view mark) {
    return release.find(mark) != std::string_view::npos;
  });
}

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::kGood: return "good";
    case NodeState::kBad: return "bad";
    case NodeState::kUnknown: break;
  }
  return "unknown";
}

NodeVerdict judge(const ClusterNode& node, const std::optional<std::string>& handler) {
  const std::string_view label = label_of(node, kSandboxLabel);
  if (label == "true") return {NodeState::kGood, {}};
  if (label == "false") return bad(std::string(kSandboxLabel) + " is \"false\"");

  const auto kubelet = parse_kube_version(node.kubelet_version);
  if (kubelet && *kubelet < kOldestKubelet) {
    return bad("kubelet " + node.kubelet_version + " is older than " + to_string(kOldestKubelet));
  }
  const auto user_namespaces = has_user_namespaces(node, handler);
  if (user_namespaces == false) {
    return bad((node.runtime_version.empty() ? "its runtime" : node.runtime_version) +
               " has no user namespaces");
  }
  if (const OldestRuntime* oldest = find_missed_runtime(node)) {
    return bad(node.runtime_version + " is older than " + std::string(oldest->words));
  }
  const auto kernel = parse_kernel_version(node.kernel_version);
  if (kernel && *kernel < kOldestKernel && !may_be_backported(node.kernel_version)) {
    return bad("kernel " + node.kernel_version + " is older than " + to_string(kOldestKernel));
  }
  const bool is_good = kubelet && user_namespaces == true && kernel && *kernel >= kOldestKernel;
  return {is_good ? NodeState::kGood : NodeState::kUnknown, {}};
}

}  // namespace webhook

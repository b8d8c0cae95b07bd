#include "cel/final_state.h"

#include <vector>

#include "admission/sandbox.h"
#include "cel/literal.h"
#include "cel/mutation.h"

namespace webhook {
namespace {

struct Replacement {
  std::string_view from;
  std::string to;
};

/// A regular expression of RE2 for `name`, a template, with any digest.
std::string to_pattern(std::string_view name) {
  std::string pattern;
  while (!name.empty()) {
    if (name.starts_with(kDigestPlaceholder)) {
      pattern += "[0-9a-f]{64}";
      name.remove_prefix(kDigestPlaceholder.size());
      continue;
    }
    const char c = name.front();
    const bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '/';
    // Bytes of UTF-8 stand for themselves, what RE2 may take for an operator in brackets or
    // escaped.
    const bool is_ascii = static_cast<unsigned char>(c) < 0x80;
    pattern.append(is_word || !is_ascii ? "" : "\\").append(1, c);
    name.remove_prefix(1);
  }
  return pattern;
}

/// The CEL of a regular expression that takes `known`, and `name` besides.
std::string also(std::string_view known, std::string_view name) {
  return to_cel_string("^(" + std::string(known) + '|' + to_pattern(name) + ")$");
}

std::string to_image_end(const std::string& image) {
  const std::size_t digest = image.rfind('@');
  return digest == std::string::npos ? image : image.substr(digest);
}

std::vector<Replacement> to_replacements(const Policy& policy) {
  const Policy defaults;
  std::vector<Replacement> all;
  if (policy.container_name != defaults.container_name) {
    all.push_back(
        {"c.name == 'code-executor'", "c.name == " + to_cel_string(policy.container_name)});
  }
  if (policy.localhost_profile != defaults.localhost_profile) {
    constexpr std::string_view kKnown = "profiles/nsjail-seccomp(-[0-9a-f]{64})?[.]json";
    all.push_back({"'^profiles/nsjail-seccomp(-[0-9a-f]{64})?[.]json$'",
                   also(kKnown, policy.localhost_profile)});
    all.push_back(
        {"string('profiles/nsjail-seccomp-' + digest + '.json')",
         "string(" + to_cel_string(policy.localhost_profile) + ".replace('{sha256}', digest))"});
  }
  if (policy.config_map_name != defaults.config_map_name) {
    all.push_back({"'^code-executor-seccomp(-[0-9a-f]{64})?$'",
                   also("code-executor-seccomp(-[0-9a-f]{64})?", policy.config_map_name)});
  }
  if (policy.kubelet_seccomp_dir != defaults.kubelet_seccomp_dir) {
    all.push_back({"'/var/lib/kubelet/seccomp'", to_cel_string(policy.kubelet_seccomp_dir)});
  }
  if (policy.installer_image != defaults.installer_image) {
    all.push_back({"'@sha256:b3255e7dfbcd10cb367af0d409747d511aeb66dfac98cf30e97e87e4207dd76f'",
                   to_cel_string(to_image_end(policy.installer_image))});
  }
  return all;
}

/// The validations that refuse what the mutating policy marked, before all others. Of several
/// policies that refuse a pod an API server lets any one speak: whichever it is, it says why.
std::string to_marked() {
  std::string text = "\n  validations:\n    # What the mutating policy decided.\n";
  for (const MarkValidation& each : to_mark_validations()) {
    text += "    - expression: >-\n        !variables.isNew || (" + each.expression +
            ")\n      reason: " + std::string(each.reason) + "\n      message: >-\n        " +
            std::string(kMarkMessage) + "\n      messageExpression: >-\n        " +
            to_mark_words() + '\n';
  }
  return text;
}

}  // namespace

Result<std::string> to_final_state(std::string_view manifest, const Policy& policy) {
  std::vector<Replacement> all = to_replacements(policy);
  all.push_back({"\n  validations:\n", to_marked()});
  for (const auto& [from, to] : all) {
    if (manifest.find(from) == std::string_view::npos) {
      return Error{"the final-state policy has no " + std::string(from) + " to be replaced"};
    }
  }
  // In one pass: what takes a place may hold what another one is found by.
  std::string text;
  while (true) {
    std::size_t place = std::string_view::npos;
    const Replacement* first = nullptr;
    for (const Replacement& each : all) {
      const std::size_t found = manifest.find(each.from);
      if (found >= place) continue;
      place = found;
      first = &each;
    }
    if (first == nullptr) return text.append(manifest);
    text.append(manifest.substr(0, place)).append(first->to);
    manifest.remove_prefix(place + first->from.size());
  }
}

}  // namespace webhook

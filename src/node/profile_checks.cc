#include "node/profile_checks.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

namespace webhook {
namespace {

using enum CheckStatus;

constexpr std::size_t kDigestLength = 64;
constexpr std::string_view kExtension = ".json";

/// What the name says of the content: the digest of "profiles/nsjail-seccomp-<digest>.json".
std::string digest_in_name(const std::string& path) {
  const auto length = kDigestLength + kExtension.size();
  if (path.size() <= length || path[path.size() - length - 1] != '-') return {};
  const std::string digest = path.substr(path.size() - length, kDigestLength);
  const bool is_hex = digest.find_first_not_of("0123456789abcdef") == std::string::npos;
  return is_hex ? digest : std::string();
}

/// What makes a profile one that pods must not run under; empty if nothing does.
std::string wrong_with(const ProfileFile& file) {
  if (file.error == EFBIG) return "is larger than any profile";
  if (file.error != 0) return {};  // not known
  if (!file.is_regular) return "is no regular file";
  if (!file.is_roots) return "is not root's alone to write";
  const std::string digest = digest_in_name(file.path);
  if (!digest.empty() && digest != file.sha256) return "has sha256 " + file.sha256;
  return {};
}

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
  return joined;
}

}  // namespace

NodeCheck check_profile_files(const NodeFacts& facts) {
  constexpr const char* kId = "profile-files";
  std::vector<std::string> profiles;
  std::vector<std::string> wrong;
  std::vector<std::string> unreadable;
  std::vector<std::string> stale;
  for (const ProfileFile& file : facts.profile_files) {
    (file.is_stale_temporary ? stale : profiles).push_back(file.path);
    if (file.is_stale_temporary) continue;
    if (const std::string why = wrong_with(file); !why.empty()) {
      wrong.push_back(file.path + ' ' + why);
    } else if (file.error != 0) {
      unreadable.push_back(file.path + ": " + std::generic_category().message(file.error));
    }
  }
  const std::string found = "profiles: " + std::to_string(profiles.size()) +
                            ", stale temporary files: " + std::to_string(stale.size());
  if (!wrong.empty()) {
    return {kId, kFail, found,
            join(wrong) + ": pods may run under another profile than theirs: remove it, and " +
                "restart the pods that name it, whose install-seccomp brings the right one"};
  }
  if (!unreadable.empty()) {
    return {kId, kWarn, found, join(unreadable) + ": whether it is what it says is not known"};
  }
  if (!stale.empty()) {
    return {kId, kWarn, found, "left by installers that were killed; remove them: " + join(stale)};
  }
  if (profiles.empty()) return {kId, kPass, found, "no code-executor pod was here yet"};
  return {kId, kPass, found,
          "each is what its name says; remove those that no pod names: " + join(profiles)};
}

}  // namespace webhook

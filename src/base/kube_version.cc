#include "base/kube_version.h"

#include <charconv>
#include <optional>

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

using Json = nlohmann::json;

/// Takes a run of digits off the front of `text`. Three digits are plenty: a longer run is no
/// release.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || length > 3 || number < 0 || text.front() == '-') return std::nullopt;
  text.remove_prefix(length);
  return number;
}

/// The whole of `text` as a number, with the "+" that providers used to append ("33+").
std::optional<int> parse_component(std::string_view text) {
  const auto number = take_number(text);
  if (!text.empty() && text != "+") return std::nullopt;
  return number;
}

/// A member of the version that is a string, or empty. Other types are as good as absent: the next
/// source of the version is asked instead.
std::string string_at(const Json& info, const char* key) {
  const auto member = info.find(key);
  return member != info.end() && member->is_string() ? member->get<std::string>() : std::string();
}

std::optional<KubeVersion> parse_pair(const Json& info, const char* major, const char* minor) {
  const auto parsed_major = parse_component(string_at(info, major));
  const auto parsed_minor = parse_component(string_at(info, minor));
  if (!parsed_major || !parsed_minor || *parsed_major == 0) return std::nullopt;
  return KubeVersion{*parsed_major, *parsed_minor};
}

}  // namespace

std::string to_string(KubeVersion version) {
  return std::to_string(version.major) + '.' + std::to_string(version.minor);
}

Result<KubeVersion> parse_kube_version(std::string_view text) {
  const std::string_view whole = text;
  const auto refuse = [&] {
    return Error{"not a Kubernetes version: '" + std::string(whole.substr(0, 64)) +
                 "' (expected v<major>.<minor>, such as v1.34.3)"};
  };
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto major = take_number(text);
  if (!major || *major == 0 || !text.starts_with('.')) return refuse();
  text.remove_prefix(1);
  const auto minor = take_number(text);
  if (!minor) return refuse();
  // "1.33", "1.33+", "1.33.2...", "1.33-eks": what follows the minor version must set it off.
  if (!text.empty() && std::string_view(".+-").find(text.front()) == std::string_view::npos) {
    return refuse();
  }
  return KubeVersion{*major, *minor};
}

Result<ClusterVersion> parse_version_info(std::string_view body) {
  const Json info = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!info.is_object()) return Error{"/version: not a JSON object (expected version.Info)"};

  ClusterVersion cluster{.version = {}, .git_version = string_at(info, "gitVersion")};
  auto version = parse_pair(info, "emulationMajor", "emulationMinor");
  if (!version) version = parse_pair(info, "major", "minor");
  if (!version) {
    const auto from_git = parse_kube_version(cluster.git_version);
    if (!from_git) {
      return Error{
          "/version: neither major and minor nor gitVersion tell a version (expected major "
          "\"1\", minor \"34\")"};
    }
    version = *from_git;
  }
  cluster.version = *version;
  if (cluster.git_version.empty()) cluster.git_version = 'v' + to_string(cluster.version);
  return cluster;
}

}  // namespace webhook

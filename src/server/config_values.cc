#include "server/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <regex>

#include "admission/policy.h"
#include "admission/sandbox.h"
#include "base/path.h"

namespace webhook {
namespace {

/// What a digest looks like, to check names that are made with one.
const std::string kAnyDigest(64, 'a');

/// Names of files hold 255 bytes; the installer's temporary file needs some of them.
constexpr std::size_t kMaxComponent = 240;

/// Both paths together, and what containers put before them, are one path of the kernel's: 4096.
constexpr std::size_t kMaxPath = 1024;

/// Longest of a value that is quoted.
constexpr std::size_t kMaxQuoted = 256;

std::string in_quotes(const std::string& value) {
  if (value.size() <= kMaxQuoted) return '\'' + value + '\'';
  return '\'' + value.substr(0, kMaxQuoted) + "...'";
}

/// What is wrong with a path, clean and relative, that a shell, a kubelet and a person read alike.
std::optional<std::string> find_fault_of_components(std::string_view path) {
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view component = path.substr(begin, end - begin);
    if (component.empty() || component == "." || component == "..") return "";
    if (component.size() > kMaxComponent) {
      return "has a component of " + std::to_string(component.size()) +
             " bytes (expected at most " + std::to_string(kMaxComponent) + ')';
    }
    begin = end + 1;
  }
  return std::nullopt;
}

std::optional<std::string> find_fault_of_text(std::string_view path) {
  const bool is_visible =
      std::all_of(path.begin(), path.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_visible) return "has a space or is not printable (expected visible ASCII)";
  if (path.size() > kMaxPath) {
    return "has " + std::to_string(path.size()) + " bytes (expected at most " +
           std::to_string(kMaxPath) + ')';
  }
  return std::nullopt;
}

/// The grammar of github.com/distribution/reference.
const std::regex& image_grammar() {
  static const std::string kComponent = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
  static const std::string kLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
  static const std::string kHost =
      "(?:" + kLabel + "(?:[.]" + kLabel + ")*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?";
  static const std::regex kGrammar(
      "(?:" + kHost + "/)?" + kComponent + "(?:/" + kComponent +
          ")*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
          "(?:@(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128}))?",
      std::regex::optimize);
  return kGrammar;
}

/// The name of an image without tag and digest.
std::string_view to_repository(std::string_view image) {
  const std::string_view tagged = image.substr(0, image.find('@'));
  const std::size_t colon = tagged.rfind(':');
  const bool is_port =
      colon != std::string_view::npos && tagged.find('/', colon) != std::string_view::npos;
  return is_port ? tagged : tagged.substr(0, colon);
}

struct Unit {
  std::string_view suffix;
  int decimal;  ///< Power of ten,
  int binary;   ///< and of two.
};

constexpr std::array kUnits = {
    Unit{"n", -9, 0},  Unit{"u", -6, 0},  Unit{"m", -3, 0},  Unit{"", 0, 0},
    Unit{"k", 3, 0},   Unit{"M", 6, 0},   Unit{"G", 9, 0},   Unit{"T", 12, 0},
    Unit{"P", 15, 0},  Unit{"E", 18, 0},  Unit{"Ki", 0, 10}, Unit{"Mi", 0, 20},
    Unit{"Gi", 0, 30}, Unit{"Ti", 0, 40}, Unit{"Pi", 0, 50}, Unit{"Ei", 0, 60}};

std::optional<Unit> to_unit(std::string_view suffix) {
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                  [&](const Unit& each) { return each.suffix == suffix; });
  if (unit != kUnits.end()) return *unit;
  if (!suffix.starts_with('e') && !suffix.starts_with('E')) return std::nullopt;
  suffix.remove_prefix(1);
  if (suffix.starts_with('+')) suffix.remove_prefix(1);
  int exponent = 0;
  const char* last = suffix.data() + suffix.size();
  const auto [end, error] = std::from_chars(suffix.data(), last, exponent);
  if (error != std::errc() || end != last || exponent < -18 || exponent > 18) return std::nullopt;
  return Unit{"", exponent, 0};
}

}  // namespace

std::optional<std::string> find_fault_of_profile_path(const std::string& path) {
  const std::string made = with_digest(path, kAnyDigest);
  if (auto fault = find_fault_of_text(made)) return fault;
  if (made.find_first_of("{}") != std::string::npos) {
    return in_quotes(path) + " (expected no other placeholder than {sha256})";
  }
  auto fault = find_fault_of_components(made);
  if (fault && fault->empty()) {
    return in_quotes(path) + " (expected a relative path of a file without ..)";
  }
  return fault;
}

std::optional<std::string> find_fault_of_seccomp_dir(const std::string& path) {
  if (auto fault = find_fault_of_text(path)) return fault;
  const bool is_absolute = path.starts_with('/');
  auto fault = find_fault_of_components(std::string_view(path).substr(is_absolute ? 1 : 0));
  if (fault && !fault->empty()) return fault;
  // The kubelet looks nowhere else: its root may be anywhere, the last name is fixed.
  const bool is_named = path.ends_with("/seccomp") && path != "/seccomp";
  const bool is_kernels =
      is_at_or_below(path, "/dev") || is_at_or_below(path, "/proc") || is_at_or_below(path, "/sys");
  if (is_absolute && !fault && is_named && !is_kernels) return std::nullopt;
  return in_quotes(path) +
         " (expected <kubelet root>/seccomp, such as /var/lib/kubelet/seccomp: absolute, without "
         "..)";
}

std::optional<std::string> find_fault_of_image(const std::string& image) {
  // Names of repositories hold 255 bytes; the grammar below walks the text by recursion.
  constexpr std::size_t kMaxImage = 255 + 1 + 128 + 1 + 135;
  constexpr std::size_t kMaxRepository = 255;
  const std::string_view repository = to_repository(image);
  const bool is_id = repository.size() == 64 &&
                     repository.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  if (image.size() <= kMaxImage && repository.size() <= kMaxRepository && !is_id &&
      std::regex_match(image, image_grammar())) {
    return std::nullopt;
  }
  return in_quotes(image) +
         " (expected the reference of an image, such as busybox:1.37.0@sha256:<64 hex digits>)";
}

std::optional<std::string> find_fault_of_app_armor(const std::string& profile) {
  constexpr std::string_view kLocal = "Localhost/";
  constexpr std::size_t kMaxName = 4095;  // as API servers have it
  if (profile.empty() || profile == "Unconfined" || profile == "RuntimeDefault") return {};
  if (profile.starts_with(kLocal)) {
    const std::string_view name = std::string_view(profile).substr(kLocal.size());
    const bool is_visible =
        std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (is_visible && !name.empty() && name.size() <= kMaxName) return {};
  }
  return in_quotes(profile) + " (expected Unconfined, RuntimeDefault, Localhost/<name> or \"\")";
}

std::optional<Nanos> to_nanos(std::string_view quantity) {
  if (quantity.starts_with('+')) quantity.remove_prefix(1);
  const std::size_t size = std::min(quantity.find_first_not_of("0123456789."), quantity.size());
  const std::string_view number = quantity.substr(0, size);
  const auto unit = to_unit(quantity.substr(size));
  const std::size_t point = std::min(number.find('.'), number.size());
  const bool is_number = number.find_first_of("0123456789") != std::string_view::npos &&
                         number.find('.', point + 1) == std::string_view::npos;
  if (!unit || !is_number) return std::nullopt;

  Nanos value = 0;
  int exponent = 9 + unit->decimal;
  for (std::size_t i = 0; i < number.size(); ++i) {
    if (number[i] == '.') continue;
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
    value += number[i] - '0';
    if (i > point) --exponent;
  }
  if (__builtin_mul_overflow(value, Nanos{1} << unit->binary, &value)) return std::nullopt;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
  }
  for (; exponent < 0; ++exponent) {
    if (value % 10 != 0) return std::nullopt;
    value /= 10;
  }
  constexpr Nanos kMost = (Nanos{1} << 63) * 1'000'000'000;
  return value < kMost ? std::optional(value) : std::nullopt;
}

}  // namespace webhook

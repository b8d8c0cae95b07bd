#include "yaml/section.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "yaml/error.h"

namespace webhook {
namespace {

std::string join(std::initializer_list<std::string_view> words) {
  std::string joined;
  for (const std::string_view word : words) joined.append(joined.empty() ? "" : ", ").append(word);
  return joined;
}

std::string to_text(std::chrono::milliseconds time) {
  const auto count = time.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + 's' : std::to_string(count) + "ms";
}

/// A scalar without quotes and tags, which YAML may read as null, a boolean or a number.
bool is_plain(const YAML::Node& node) { return node.Tag() == "?"; }

}  // namespace

YamlSection::YamlSection(const YAML::Node& node, std::string file, std::string path,
                         std::initializer_list<std::string_view> known)
    : node_(node), file_(std::move(file)), path_(std::move(path)) {
  if (!node_ || node_.IsNull()) return;
  if (!node_.IsMap()) {
    fail_at(node_.Mark(), (path_.empty() ? "the document" : path_) + ": not a mapping (expected " +
                              join(known) + ')');
  }
  for (const auto& member : node_) {
    if (!member.first.IsScalar()) fail_at(member.first.Mark(), "key is not a word");
    const std::string& key = member.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail_at(member.first.Mark(),
              "unknown key '" + name_of(key) + "' (known: " + join(known) + ')');
    }
  }
}

YamlSection YamlSection::section(std::string_view key,
                                 std::initializer_list<std::string_view> known) const {
  return {find(key), file_, name_of(key), known};
}

bool YamlSection::is_empty(std::string_view key) const {
  const YAML::Node node = find(key);
  return node && node.IsMap() && node.size() == 0;
}

void YamlSection::read(std::string_view key, std::string& value) const {
  if (const YAML::Node node = find(key)) value = scalar(key, node, "a string");
}

void YamlSection::read(std::string_view key, bool& value) const {
  const YAML::Node node = find(key);
  if (!node) return;
  const std::string word = scalar(key, node, "true or false");
  if (word != "true" && word != "false") fail(key, "'" + word + "' (expected true or false)");
  value = word == "true";
}

void YamlSection::read(std::string_view key, std::vector<std::string>& value) const {
  const YAML::Node node = find(key);
  if (!node) return;
  if (!node.IsSequence()) fail(key, "not a list (expected a list of strings)");
  value.clear();
  for (const auto& element : node) value.push_back(scalar(key, element, "a list of strings"));
}

void YamlSection::read(std::string_view key, std::map<std::string, std::string>& value) const {
  const YAML::Node node = find(key);
  if (!node) return;
  if (!node.IsMap()) fail(key, "not a mapping (expected names and strings)");
  value.clear();
  for (const auto& member : node) {
    value[scalar(key, member.first, "names and strings")] =
        scalar(key, member.second, "names and strings");
  }
}

void YamlSection::read(std::string_view key, std::size_t& value, std::size_t least,
                       std::size_t most) const {
  const YAML::Node node = find(key);
  if (!node) return;
  const std::string range = std::to_string(least) + " to " + std::to_string(most);
  const std::string word = scalar(key, node, "a whole number from " + range);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size() || number < least || number > most) {
    fail(key, "'" + word + "' (expected a whole number from " + range + ')');
  }
  value = number;
}

void YamlSection::read(std::string_view key, std::chrono::milliseconds& value,
                       std::chrono::milliseconds least, std::chrono::milliseconds most) const {
  const YAML::Node node = find(key);
  if (!node) return;
  const std::string expected = "a duration from " + to_text(least) + " to " + to_text(most);
  const std::string word = scalar(key, node, expected);
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(word.data() + word.size() - end));
  const std::int64_t scale = unit == "ms"  ? 1
                             : unit == "s" ? 1'000
                             : unit == "m" ? 60'000
                             : unit == "h" ? 3'600'000
                                           : 0;
  const std::chrono::milliseconds time(number * scale);
  if (error != std::errc() || scale == 0 || time < least || time > most) {
    fail(key, "'" + word + "' (expected " + expected + ')');
  }
  value = time;
}

void YamlSection::fail(std::string_view key, const std::string& what) const {
  const YAML::Node node = find(key);
  fail_at(node ? node.Mark() : node_.Mark(), name_of(key) + ": " + what);
}

YAML::Node YamlSection::find(std::string_view key) const {
  if (!node_ || !node_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  return node_[std::string(key)];
}

std::string YamlSection::name_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

void YamlSection::fail_at(const YAML::Mark& mark, const std::string& what) const {
  throw YamlError(file_, mark, what);
}

std::string YamlSection::scalar(std::string_view key, const YAML::Node& node,
                                std::string_view expected) const {
  const bool is_null =
      node.IsNull() || (node.IsScalar() && is_plain(node) && node.Scalar().empty());
  if (!node.IsScalar() || is_null) {
    const char* what = is_null ? "empty" : node.IsMap() ? "a mapping" : "a list";
    fail_at(node.Mark(),
            name_of(key) + ": is " + what + " (expected " + std::string(expected) + ')');
  }
  return node.Scalar();
}

}  // namespace webhook

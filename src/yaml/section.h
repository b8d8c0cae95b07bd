#pragma once

#include <yaml-cpp/yaml.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace webhook {

/// A mapping of the configuration file, from load_yaml(), that knows its place. Each read takes a
/// key that may be absent, in which case the value stays as it is. Throws YamlError, with line and
/// column.
class YamlSection {
 public:
  /// `known` are all the keys that the mapping may have; another one is an error.
  YamlSection(const YAML::Node& node, std::string file, std::string path,
              std::initializer_list<std::string_view> known);

  /// The mapping under `key`; an empty one if absent.
  [[nodiscard]] YamlSection section(std::string_view key,
                                    std::initializer_list<std::string_view> known) const;

  /// True for a mapping under `key` that is there, and has no members.
  [[nodiscard]] bool is_empty(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return find(key).IsDefined(); }

  void read(std::string_view key, std::string& value) const;
  void read(std::string_view key, bool& value) const;
  void read(std::string_view key, std::vector<std::string>& value) const;
  void read(std::string_view key, std::map<std::string, std::string>& value) const;
  /// A whole number from `least` to `most`.
  void read(std::string_view key, std::size_t& value, std::size_t least, std::size_t most) const;
  /// "500ms", "60s", "2m", "1h", from `least` to `most`.
  void read(std::string_view key, std::chrono::milliseconds& value, std::chrono::milliseconds least,
            std::chrono::milliseconds most) const;
  /// One of the words that `choices` names.
  template <class T>
  void read(std::string_view key, T& value,
            std::initializer_list<std::pair<std::string_view, T>> choices) const {
    std::string word;
    const YAML::Node node = find(key);
    if (!node) return;
    read(key, word);
    std::string words;
    for (const auto& [choice, meaning] : choices) {
      if (word == choice) {
        value = meaning;
        return;
      }
      words.append(words.empty() ? "" : ", ").append(choice);
    }
    fail(key, "'" + word + "' (expected one of " + words + ')');
  }

  /// Says that the value of `key` is wrong.
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;

 private:
  [[nodiscard]] YAML::Node find(std::string_view key) const;
  [[nodiscard]] std::string name_of(std::string_view key) const;
  [[noreturn]] void fail_at(const YAML::Mark& mark, const std::string& what) const;
  [[nodiscard]] std::string scalar(std::string_view key, const YAML::Node& node,
                                   std::string_view expected) const;

  YAML::Node node_;
  std::string file_;
  std::string path_;  ///< "server.tls", or empty at the top.
};

}  // namespace webhook

#include "cli/validators.h"

#include <algorithm>
#include <charconv>

#include <CLI/CLI.hpp>

#include "base/dns_name.h"

namespace webhook {
namespace {

constexpr const char* kChoices = "choices";

bool is_one_of(std::string_view text, const std::vector<std::string>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// `choices` are part of the validator, so that the tree of options has them.
void add_check(CLI::Option& option, const std::function<bool(std::string_view)>& is_right,
               const std::string& expected, const std::vector<std::string>& choices = {}) {
  CLI::Validator validator(
      [=](const std::string& text) {
        return is_right(text) ? std::string() : '\'' + text + "' (expected " + expected + ')';
      },
      choices.empty() ? "" : '{' + CLI::detail::join(choices, ",") + '}', kChoices);
  option.check(validator);
}

}  // namespace

void expect_one_of(CLI::Option& option, const std::vector<std::string>& words) {
  const auto is_right = [words](std::string_view text) { return is_one_of(text, words); };
  add_check(option, is_right, join_choices(words), words);
}

void expect_some_of(CLI::Option& option, const std::vector<std::string>& words) {
  const auto is_right = [words](std::string_view text) {
    const auto parts = split_at_commas(text);
    return !parts.empty() && std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
      return is_one_of(part, words);
    });
  };
  add_check(option, is_right, join_choices(words) + ", with commas between them", words);
}

void expect_number(CLI::Option& option, int least, int most) {
  const auto is_right = [=](std::string_view text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_number = error == std::errc() && end == text.data() + text.size();
    return is_number && number >= least && number <= most;
  };
  expect(option, is_right,
         "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

void expect(CLI::Option& option, const std::function<bool(std::string_view)>& is_right,
            const std::string& expected) {
  add_check(option, is_right, expected);
}

void expect_namespace(CLI::Option& option) {
  expect(option, is_dns_label, "a DNS label, such as my-namespace");
}

std::vector<std::string> choices_of(CLI::Option& option) {
  for (int i = 0;; ++i) {
    try {
      const std::string text = option.get_validator(i)->get_description();
      if (text.size() > 2 && text.front() == '{' && text.back() == '}') {
        return split_at_commas(std::string_view(text).substr(1, text.size() - 2));
      }
    } catch (const CLI::OptionNotFound&) {  // the only way to ask how many there are
      return {};
    }
  }
}

std::string join_choices(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text.append(i == 0 ? "" : i + 1 == words.size() ? " or " : ", ").append(words[i]);
  }
  return text;
}

std::vector<std::string> split_at_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

}  // namespace webhook

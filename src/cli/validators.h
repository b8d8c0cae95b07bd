#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): CLI11 names it
namespace CLI {
class Option;
}  // namespace CLI

namespace webhook {

// What the values of an option must be. Each refuses another as "'VALUE' (expected ...)".

/// One of `words`, which completions and man pages name.
void expect_one_of(CLI::Option& option, const std::vector<std::string>& words);

/// Words of `words` with commas between them.
void expect_some_of(CLI::Option& option, const std::vector<std::string>& words);

/// A whole number from `least` to `most`.
void expect_number(CLI::Option& option, int least, int most);

/// What `is_right` says is right; `expected` describes that.
void expect(CLI::Option& option, const std::function<bool(std::string_view)>& is_right,
            const std::string& expected);

/// The name of a namespace.
void expect_namespace(CLI::Option& option);

/// What expect_one_of() or expect_some_of() was told of `option`; empty for others.
std::vector<std::string> choices_of(CLI::Option& option);

/// "yaml, json or diff".
std::string join_choices(const std::vector<std::string>& words);

/// The parts of `text` between commas, empty ones left out.
std::vector<std::string> split_at_commas(std::string_view text);

}  // namespace webhook

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "yaml/manifest.h"
#include "yaml/scalar.h"

namespace webhook {
namespace {

/// True for a word that every reader takes for a string. Readers differ on words that begin with a
/// digit, so a plain word begins with a letter, "/" or "_".
bool is_plain(const std::string& text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !(is_letter(text.front()) || text.front() == '/' || text.front() == '_')) {
    return false;
  }
  const bool is_simple = std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') ||
           std::string_view("_-./:@+=,").find(c) != std::string_view::npos;
  });
  const auto value = resolve_scalar(text);
  return is_simple && text.back() != ':' && value && value->is_string();
}

/// True for text that a literal block keeps: several lines, of printable ASCII.
bool is_literal(const std::string& text) {
  const bool is_printable = std::all_of(text.begin(), text.end(),
                                        [](char c) { return c == '\n' || (c >= ' ' && c <= '~'); });
  return is_printable && text.find('\n') < text.size() - 1 && text.front() != ' ' &&
         text.front() != '\n' && text.find(" \n") == std::string::npos && text.back() != ' ';
}

/// JSON that is YAML too: with escapes for the characters that YAML takes for line breaks, or
/// refuses as unprintable. They stand in strings only.
std::string escape(std::string_view json) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kEscapes{{
      {"\x7F", "\\u007F"},
      {"\xE2\x80\xA8", "\\u2028"},
      {"\xE2\x80\xA9", "\\u2029"},
      {"\xEF\xBB\xBF", "\\uFEFF"},
      {"\xEF\xBF\xBE", "\\uFFFE"},
      {"\xEF\xBF\xBF", "\\uFFFF"},
  }};
  std::string escaped;
  escaped.reserve(json.size());
  while (!json.empty()) {
    const auto second = json.size() > 1 ? static_cast<unsigned char>(json[1]) : 0U;
    const auto* const found =
        std::find_if(kEscapes.begin(), kEscapes.end(),
                     [json](const auto& row) { return json.starts_with(row.first); });
    if (found != kEscapes.end()) {
      escaped += found->second;
      json.remove_prefix(found->first.size());
    } else if (json.front() == '\xC2' && second >= 0x80 && second < 0xA0) {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      escaped.append("\\u00").append(1, kHex[second >> 4U]).append(1, kHex[second & 15U]);
      json.remove_prefix(2);
    } else {
      escaped += json.front();
      json.remove_prefix(1);
    }
  }
  return escaped;
}

/// A JSON string is a double-quoted YAML scalar.
std::string to_quoted(const std::string& text) { return escape(Document(text).dump()); }

class Writer {
 public:
  std::string write(const Document& document) {
    write_value(document, 0, "");
    return std::move(out_);
  }

 private:
  /// Writes `value` behind what is on the line already; `gap` goes before a value on that line.
  void write_value(const Document& value, std::size_t indent, std::string_view gap) {
    if (value.is_object() && !value.empty()) {
      write_members(value, indent, !gap.empty());
    } else if (value.is_array() && !value.empty()) {
      write_elements(value, indent, !gap.empty());
    } else if (value.is_string()) {
      out_ += gap;
      write_string(value.get_ref<const std::string&>(), indent);
    } else {
      out_.append(gap).append(value.dump()).append("\n");
    }
  }

  void write_members(const Document& object, std::size_t indent, bool on_new_line) {
    bool is_first = true;
    if (on_new_line) out_ += '\n';
    for (const auto& [key, value] : object.items()) {
      if (!is_first || on_new_line) out_.append(indent, ' ');
      is_first = false;
      const bool is_long = write_key(key, indent);
      // As kubectl prints them, the elements of a list stand below their key.
      const bool is_list = value.is_array() && !value.empty();
      write_value(value, is_list && !is_long ? indent : indent + 2, " ");
    }
  }

  /// True for a key that is too long for `key: value`, which YAML allows up to 1,024 characters.
  bool write_key(const std::string& key, std::size_t indent) {
    constexpr std::size_t kLongest = 128;  // as Go's library prints them
    const std::string word = is_plain(key) ? key : to_quoted(key);
    const bool is_long = word.size() > kLongest;
    if (is_long) {
      out_.append("? ").append(word).append("\n").append(indent, ' ').append(":");
    } else {
      out_.append(word).append(":");
    }
    return is_long;
  }

  void write_elements(const Document& list, std::size_t indent, bool on_new_line) {
    bool is_first = true;
    if (on_new_line) out_ += '\n';
    for (const Document& element : list) {
      if (!is_first || on_new_line) out_.append(indent, ' ');
      is_first = false;
      out_ += "- ";
      // The first member of an object, or element of a list, stands on the dash's line.
      write_value(element, indent + 2, "");
    }
  }

  void write_string(const std::string& text, std::size_t indent) {
    if (is_plain(text)) {
      out_.append(text).append("\n");
      return;
    }
    if (!is_literal(text)) {
      out_.append(to_quoted(text)).append("\n");
      return;
    }
    const bool ends_line = text.back() == '\n';
    const bool ends_lines = text.ends_with("\n\n");
    out_ += ends_lines ? "|+\n" : ends_line ? "|\n" : "|-\n";
    std::string_view rest = text;
    if (ends_line) rest.remove_suffix(1);
    for (;;) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      if (!line.empty()) out_.append(std::max<std::size_t>(indent, 2), ' ').append(line);
      out_ += '\n';
      if (line.size() == rest.size()) break;
      rest.remove_prefix(line.size() + 1);
    }
  }

  std::string out_;
};

}  // namespace

std::string to_yaml(const Document& document) { return Writer().write(document); }

std::string to_json(const Document& document) { return escape(document.dump(2)) + '\n'; }

}  // namespace webhook

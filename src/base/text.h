#pragma once

#include <string>
#include <string_view>

namespace webhook {

// ASCII only, whatever the locale: for the words of protocols.

/// `text` without the `blanks` at its beginning and end.
std::string_view trim(std::string_view text, std::string_view blanks = " \t\r\n");

/// "Content-Type" is "content-type".
std::string to_lower(std::string_view text);

/// True where to_lower() makes both the same.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// `text` in printable ASCII, at most `limit` characters of it, so that it can stand in one line.
std::string to_printable(std::string_view text, std::size_t limit);

/// `text` for the query of a URL: what RFC 3986, 2.3 does not call unreserved is encoded.
std::string percent_encoded(std::string_view text);

}  // namespace webhook

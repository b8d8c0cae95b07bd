#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

/// RFC 4648, section 4: the standard alphabet, padded.
std::string to_base64(std::string_view bytes);

/// The same, behind what `to` holds.
void append_base64(std::string& to, std::string_view bytes);

/// What to_base64() made `text` of. Nothing where it cannot have.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace webhook

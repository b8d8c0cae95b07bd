#pragma once

#include <optional>
#include <string>

namespace webhook {

/// `text` with the pairs of escapes by which JSON names characters beyond U+FFFF ("\ud83d\ude00",
/// as Python writes them) taken for those characters: YAML has no such pairs. All else keeps its
/// line and column. None where there is none, and for what is not one JSON value throughout, a half
/// of a pair among it: that is YAML, or refused.
std::optional<std::string> with_pairs_decoded(const std::string& text);

}  // namespace webhook

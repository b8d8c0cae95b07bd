#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "node/facts.h"

namespace webhook {

/// The whole text as a number, if it was read and is one.
std::optional<std::uint64_t> number_of(const Reading& reading);

/// For people: the text, "absent", or why it could not be read.
std::string described(const Reading& reading);

}  // namespace webhook

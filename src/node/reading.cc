#include "node/reading.h"

#include <cerrno>
#include <charconv>
#include <system_error>

namespace webhook {

std::optional<std::uint64_t> number_of(const Reading& reading) {
  std::uint64_t number = 0;
  const char* const end = reading.text.data() + reading.text.size();
  const auto [rest, error] = std::from_chars(reading.text.data(), end, number);
  if (reading.error != 0 || error != std::errc() || rest != end) return std::nullopt;
  return number;
}

std::string described(const Reading& reading) {
  if (reading.error == 0) return reading.text;
  return reading.error == ENOENT ? "absent" : std::generic_category().message(reading.error);
}

}  // namespace webhook

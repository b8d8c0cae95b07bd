#include "os/file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace webhook {

std::string read_file(const std::string& file) {
  const auto fail = [&]() -> std::string {
    throw std::runtime_error(file + ": cannot be read: " + std::generic_category().message(errno));
  };
  struct Close {
    void operator()(std::FILE* stream) const { (void)std::fclose(stream); }
  };
  const std::unique_ptr<std::FILE, Close> stream(std::fopen(file.c_str(), "rbe"));
  if (!stream) return fail();
  std::string bytes;
  std::array<char, 4096> chunk{};
  while (const std::size_t length = std::fread(chunk.data(), 1, chunk.size(), stream.get())) {
    bytes.append(chunk.data(), length);
  }
  // A directory opens, and only then cannot be read.
  return std::ferror(stream.get()) != 0 ? fail() : bytes;
}

}  // namespace webhook

#include "os/file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace webhook {
namespace {

Error cannot_read(const std::string& name) {
  return Error{name + ": cannot be read: " + std::generic_category().message(errno)};
}

Result<std::string> read_all(std::FILE* stream, const std::string& name) {
  std::string bytes;
  std::array<char, 4096> chunk{};
  while (const std::size_t length = std::fread(chunk.data(), 1, chunk.size(), stream)) {
    bytes.append(chunk.data(), length);
  }
  // A directory opens, and only then cannot be read.
  if (std::ferror(stream) != 0) return cannot_read(name);
  return bytes;
}

std::string value_or_throw(Result<std::string> bytes) {
  if (!bytes) throw std::runtime_error(bytes.error().message);
  return std::move(*bytes);
}

}  // namespace

Result<std::string> try_read_file(const std::string& file) {
  struct Close {
    void operator()(std::FILE* stream) const { (void)std::fclose(stream); }
  };
  const std::unique_ptr<std::FILE, Close> stream(std::fopen(file.c_str(), "rbe"));
  if (!stream) return cannot_read(file);
  return read_all(stream.get(), file);
}

std::string read_file(const std::string& file) { return value_or_throw(try_read_file(file)); }

std::string read_standard_input() { return value_or_throw(read_all(stdin, "standard input")); }

}  // namespace webhook

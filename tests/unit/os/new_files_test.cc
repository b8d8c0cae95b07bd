#include "os/new_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <map>
#include <stdexcept>

#include "os/file.h"
#include "support/temporary_directory.h"

namespace webhook {
namespace {

std::string message_of(const std::filesystem::path& directory, const std::vector<NewFile>& files,
                       bool overwrite) {
  try {
    write_new_files(directory, files, overwrite);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "written";
}

std::map<std::string, std::string> content_of(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files[entry.path().filename()] = entry.is_directory() ? "/" : read_to_end(entry.path());
  }
  return files;
}

mode_t mode_of(const std::filesystem::path& file) {
  struct stat status {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

TEST_CASE("write_new_files makes the directory, and keeps secrets to their owner") {
  const TemporaryDirectory home;
  const auto directory = home.path() / "new";
  const mode_t before = umask(022);
  write_new_files(directory, {{"tls.crt", "certificate", false}, {"tls.key", "key", true}}, false);
  umask(before);
  CHECK(mode_of(directory) == 0700);
  CHECK(mode_of(directory / "tls.crt") == 0644);
  CHECK(mode_of(directory / "tls.key") == 0600);
  CHECK((content_of(directory) ==
         std::map<std::string, std::string>{{"tls.crt", "certificate"}, {"tls.key", "key"}}));
}

TEST_CASE("what exists is replaced on request only, and never in part") {
  const TemporaryDirectory home;
  const auto existing = home.write("b", "old");
  CHECK(message_of(home.path(), {{"a", "new"}, {"b", "new"}}, false) ==
        existing.string() + ": exists (use --force)");
  CHECK((content_of(home.path()) == std::map<std::string, std::string>{{"b", "old"}}));

  CHECK(message_of(home.path(), {{"a", "new"}, {"b", "new", true}}, true) == "written");
  CHECK(
      (content_of(home.path()) == std::map<std::string, std::string>{{"a", "new"}, {"b", "new"}}));
  CHECK(mode_of(existing) == 0600);  // whatever it was
}

TEST_CASE("where a file cannot be written, none is, and no draft stays") {
  const TemporaryDirectory home;
  std::filesystem::create_directory(home.path() / "b");
  CHECK(message_of(home.path(), {{"no/such/directory", ""}}, true)
            .ends_with(": No such file or directory"));
  CHECK(message_of(home.path(), {{"a", ""}, {"b", ""}}, false) ==
        (home.path() / "b").string() + ": exists (use --force)");
  CHECK((content_of(home.path()) == std::map<std::string, std::string>{{"b", "/"}}));
  CHECK(message_of(home.path() / "x/y", {{"a", ""}}, false) ==
        (home.path() / "x/y").string() + ": No such file or directory");
}

}  // namespace
}  // namespace webhook

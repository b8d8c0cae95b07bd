#include "cli/manifest_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <stdexcept>

#include "support/temporary_directory.h"

namespace webhook {
namespace {

using Names = std::vector<std::string>;

std::string message_of(const Names& named, bool is_recursive) {
  try {
    (void)find_manifests(named, is_recursive);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("files are read as they are named, whatever their names") {
  TemporaryDirectory folder;
  const std::string file = folder.write("values.txt", "");
  CHECK(find_manifests({file, "-", "/nowhere", file}, false) == Names{file, "-", "/nowhere", file});
  CHECK(message_of({"-", "-"}, false) ==
        "-: is there twice (expected once: standard input has one end)");
}

TEST_CASE("of a folder all manifests below it are read, by name") {
  TemporaryDirectory folder;
  const std::string root = folder.path();
  for (const char* name :
       {"b.yaml", "a/z.yml", "a/a.json", "a.yaml", "README.md", "c/values.YAML"}) {
    (void)folder.write(name, "");
  }
  std::filesystem::create_directory_symlink(root, folder.path() / "c/loop.yaml");
  std::filesystem::create_symlink(root + "/README.md", folder.path() / "link.yaml");
  CHECK(find_manifests({"first", root}, true) == Names{"first", root + "/a/a.json",
                                                       root + "/a/z.yml", root + "/a.yaml",
                                                       root + "/b.yaml", root + "/link.yaml"});
  CHECK(message_of({root}, false) ==
        root + ": is a folder (expected a file, or -R for all below it)");
  CHECK(message_of({root + "/c"}, true) ==
        root + "/c: has no manifest (expected *.yaml, *.yml or *.json)");
}

TEST_CASE("a URL is refused as one") {
  CHECK(refuse_url("https://example.com/x.yaml") ==
        "'https://example.com/x.yaml' is a URL, which is not fetched (expected a file, or - behind "
        "`curl -fsSL URL |`)");
  CHECK_FALSE(refuse_url("http://example.com/x.yaml").empty());
  for (const char* file : {"-", "x.yaml", "https/x.yaml", "./http:"})
    CHECK(refuse_url(file).empty());
}

}  // namespace webhook

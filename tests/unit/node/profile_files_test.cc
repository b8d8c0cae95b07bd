#include "node/profile_files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "support/temporary_directory.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

// Of "abc": FIPS 180-2.
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::vector<std::string> paths(const std::vector<ProfileFile>& files) {
  std::vector<std::string> all;
  for (const ProfileFile& file : files) all.push_back(file.path);
  return all;
}

void age(const fs::path& file, std::chrono::minutes by) {
  fs::last_write_time(file, fs::file_time_type::clock::now() - by);
}

TEST_CASE("find_profile_files finds our names only, and says what is in the files") {
  const TemporaryDirectory root;
  for (const char* const name :
       {"profiles/nsjail-seccomp-b.json", "profiles/nsjail-seccomp.json", "nsjail-seccomp-a.json",
        "profiles/other.json", "profiles/nsjail-seccomp.txt", "profiles/nsjail-seccomp \n.json",
        "a/b/c/d/nsjail-seccomp-deep.json", "a/b/c/d/e/nsjail-seccomp-deeper.json"}) {
    (void)root.write(name, "abc");
  }
  const auto files = find_profile_files(root.path());
  CHECK(paths(files) ==
        std::vector<std::string>{"a/b/c/d/nsjail-seccomp-deep.json", "nsjail-seccomp-a.json",
                                 "profiles/nsjail-seccomp-b.json", "profiles/nsjail-seccomp.json"});
  for (const ProfileFile& file : files) {
    CHECK(file.is_regular);
    CHECK(file.is_roots == (geteuid() == 0 && getegid() == 0));
    CHECK_FALSE(file.is_stale_temporary);
    CHECK(file.sha256 == kAbc);
    CHECK(file.error == 0);
  }
}

TEST_CASE("find_profile_files counts temporary files that are older than ten minutes") {
  const TemporaryDirectory root;
  age(root.write("profiles/.install-seccomp.abcDEF", ""), std::chrono::minutes(11));
  age(root.write("profiles/nsjail-seccomp.json.abcDEF", ""), std::chrono::minutes(11));
  age(root.write("profiles/.install-seccomp.young1", ""), std::chrono::minutes(9));
  age(root.write("profiles/.install-seccomp.longer-name", ""), std::chrono::minutes(11));
  const auto files = find_profile_files(root.path());
  CHECK(paths(files) == std::vector<std::string>{"profiles/.install-seccomp.abcDEF",
                                                 "profiles/nsjail-seccomp.json.abcDEF"});
  for (const ProfileFile& file : files) CHECK(file.is_stale_temporary);
}

TEST_CASE("find_profile_files follows no link, and waits for no FIFO") {
  const TemporaryDirectory root;
  const TemporaryDirectory elsewhere;
  (void)elsewhere.write("nsjail-seccomp-a.json", "abc");
  fs::create_directory_symlink(elsewhere.path(), root.path() / "linked");
  fs::create_symlink(elsewhere.path() / "nsjail-seccomp-a.json",
                     root.path() / "nsjail-seccomp-link.json");
  REQUIRE(mkfifo((root.path() / "nsjail-seccomp-fifo.json").c_str(), 0644) == 0);
  const auto files = find_profile_files(root.path());
  CHECK(paths(files) ==
        std::vector<std::string>{"nsjail-seccomp-fifo.json", "nsjail-seccomp-link.json"});
  for (const ProfileFile& file : files) {
    CHECK_FALSE(file.is_regular);
    CHECK(file.sha256.empty());
  }
}

TEST_CASE("find_profile_files reads no more than a profile can have, and sees who may write") {
  const TemporaryDirectory root;
  (void)root.write("nsjail-seccomp-a.json", std::string((1U << 20U) + 1, ' '));
  fs::permissions(root.write("nsjail-seccomp-b.json", "abc"), fs::perms(0664));
  const auto files = find_profile_files(root.path());
  REQUIRE(files.size() == 2);
  CHECK(files[0].error == EFBIG);
  CHECK(files[0].sha256.empty());
  CHECK_FALSE(files[1].is_roots);
  CHECK(find_profile_files(root.path() / "absent").empty());
}

}  // namespace
}  // namespace webhook

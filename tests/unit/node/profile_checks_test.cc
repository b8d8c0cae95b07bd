#include "node/profile_checks.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace webhook {
namespace {

using enum CheckStatus;

TEST_CASE("profile-files: each is what its name says, and root's") {
  const std::string digest(64, 'a');
  const std::string other(64, 'b');
  const std::string name = "profiles/nsjail-seccomp-" + digest + ".json";
  const ProfileFile right{.path = name, .is_regular = true, .is_roots = true, .sha256 = digest};
  const ProfileFile unnamed{.path = "profiles/nsjail-seccomp.json",
                            .is_regular = true,
                            .is_roots = true,
                            .sha256 = other};
  const ProfileFile stale{.path = "profiles/.install-seccomp.abcdef", .is_stale_temporary = true};
  const auto with = [&](auto change) {
    ProfileFile file = right;
    change(file);
    return file;
  };
  const auto changed = with([&](ProfileFile& file) { file.sha256 = other; });
  const auto link = with([](ProfileFile& file) { file.is_regular = false; });
  const auto others = with([](ProfileFile& file) { file.is_roots = false; });
  const auto large = with([](ProfileFile& file) { file.error = EFBIG; });
  const auto unreadable = with([](ProfileFile& file) { file.error = EACCES; });
  struct Row {
    std::vector<ProfileFile> files;
    CheckStatus want;
    std::string found;
    std::string meaning;  // a part of it
  };
  const std::string one = "profiles: 1, stale temporary files: 0";
  for (const Row& row : std::vector<Row>{
           {{}, kPass, "profiles: 0, stale temporary files: 0", "yet"},
           {{right}, kPass, one, "no pod names: " + name},
           {{right, unnamed},
            kPass,
            "profiles: 2, stale temporary files: 0",
            name + ", profiles/nsjail-seccomp.json"},
           {{changed}, kFail, one, name + " has sha256 " + other + ": pods may run"},
           {{link}, kFail, one, name + " is no regular file"},
           {{others}, kFail, one, name + " is not root's alone to write"},
           {{large}, kFail, one, name + " is larger than any profile"},
           {{right, changed, stale}, kFail, "profiles: 2, stale temporary files: 1", other},
           {{unreadable}, kWarn, one, name + ": Permission denied"},
           {{right, stale},
            kWarn,
            "profiles: 1, stale temporary files: 1",
            "remove them: profiles/.install-seccomp.abcdef"}}) {
    NodeFacts facts;
    facts.profile_files = row.files;
    const NodeCheck check = check_profile_files(facts);
    CAPTURE(row.meaning);
    CAPTURE(check.meaning);
    CHECK(to_string(check.status) == to_string(row.want));
    CHECK(check.found == row.found);
    CHECK(check.meaning.find(row.meaning) != std::string::npos);
  }
}

TEST_CASE("profile-files: a name that only looks like a digest's says nothing") {
  const std::string sha256(64, 'b');
  for (const std::string& name :
       {"nsjail-seccomp-" + std::string(63, 'a') + ".json",
        "nsjail-seccomp-" + std::string(64, 'A') + ".json",
        "nsjail-seccomp" + std::string(64, 'a') + ".json", std::string("nsjail-seccomp.json")}) {
    NodeFacts facts;
    facts.profile_files = {{.path = name, .is_regular = true, .is_roots = true, .sha256 = sha256}};
    CAPTURE(name);
    CHECK(check_profile_files(facts).status == kPass);
  }
}

}  // namespace
}  // namespace webhook

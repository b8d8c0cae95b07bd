#include "node/kubelet_process.h"

#include <cstddef>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace webhook {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFlag = "--root-dir";
constexpr const char* kDefaultRoot = "/var/lib/kubelet";

/// The words of a process: each ends with a NUL.
std::vector<std::string> words_of(const fs::path& process) {
  std::ifstream file(process / "cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}

std::string root_of(const std::vector<std::string>& words) {
  std::string root = kDefaultRoot;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == kFlag && i + 1 < words.size()) root = words[i + 1];
    if (word.starts_with(std::string(kFlag) + '=')) root = word.substr(kFlag.size() + 1);
  }
  // As the configuration names it: without "." or a slash at its end.
  const fs::path clean = fs::path(root).lexically_normal();
  return (clean.has_filename() ? clean : clean.parent_path()).string();
}

/// The pid namespace of a process; empty if that may not be seen.
fs::path namespace_of(const fs::path& process) {
  std::error_code error;
  return fs::read_symlink(process / "ns/pid", error);
}

/// A process of the node itself: one in a container, as `kind` has kubelets, is of another node.
bool is_of_node(const fs::path& entry, const fs::path& node) {
  const bool is_process =
      entry.filename().string().find_first_not_of("0123456789") == std::string::npos;
  return is_process && namespace_of(entry) == node;
}

}  // namespace

std::string find_kubelet_root(const fs::path& proc) {
  const fs::path node = namespace_of(proc / "1");
  std::error_code error;
  for (fs::directory_iterator each(proc, error), end; !error && each != end;
       each.increment(error)) {
    if (!is_of_node(each->path(), node)) continue;
    const std::vector<std::string> words = words_of(each->path());
    if (!words.empty() && fs::path(words[0]).filename() == "kubelet") return root_of(words);
  }
  return {};
}

}  // namespace webhook

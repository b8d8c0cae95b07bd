#include "cli/manifest_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>

namespace webhook {
namespace {

namespace fs = std::filesystem;

bool is_manifest(const fs::path& file) {
  constexpr std::array kExtensions{".yaml", ".yml", ".json"};
  const std::string extension = file.extension();
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

/// Adds the manifests below `folder`. As kubectl, it does not follow symbolic links to folders.
void add_below(const fs::path& folder, std::vector<std::string>& to) {
  std::vector<fs::directory_entry> entries;
  std::copy(fs::directory_iterator(folder), fs::directory_iterator(), std::back_inserter(entries));
  std::sort(entries.begin(), entries.end());
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_directory() && !entry.is_symlink()) {
      add_below(entry.path(), to);
    } else if (is_manifest(entry.path()) && entry.is_regular_file()) {
      to.push_back(entry.path());
    }
  }
}

}  // namespace

std::vector<std::string> find_manifests(const std::vector<std::string>& named, bool is_recursive) {
  if (std::count(named.begin(), named.end(), "-") > 1) {
    throw std::runtime_error("-: is there twice (expected once: standard input has one end)");
  }
  std::vector<std::string> files;
  for (const std::string& name : named) {
    std::error_code unknown;  // read_input() says what is wrong with it
    if (name == "-" || !fs::is_directory(name, unknown)) {
      files.push_back(name);
      continue;
    }
    if (!is_recursive) {
      throw std::runtime_error(name + ": is a folder (expected a file, or -R for all below it)");
    }
    const std::size_t before = files.size();
    add_below(name, files);
    if (files.size() == before) {
      throw std::runtime_error(name + ": has no manifest (expected *.yaml, *.yml or *.json)");
    }
  }
  return files;
}

std::string refuse_url(const std::string& named) {
  if (!named.starts_with("http://") && !named.starts_with("https://")) return {};
  return "'" + named +
         "' is a URL, which is not fetched (expected a file, or - behind `curl -fsSL URL |`)";
}

std::string to_emptiness(const std::string& file, const std::string& text, bool has_lists) {
  const bool is_blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
  const char* what = is_blank    ? ": is empty"
                     : has_lists ? ": has no object, only a List without items"
                                 : ": has no object, only comments";
  return file + what +
         (file != "-" ? " (expected manifests)"
          : has_lists ? " (expected manifests; did the command before the pipe find nothing?)"
                      : " (expected manifests; did the command before the pipe fail?)");
}

}  // namespace webhook

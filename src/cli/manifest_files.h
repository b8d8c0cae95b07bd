#pragma once

#include <string>
#include <vector>

namespace webhook {

/// The files that `named` (-f) stands for, in that order, as kubectl has it: a file by itself,
/// whatever its name; a folder, with -R, for the *.yaml, *.yml and *.json at any depth below it, by
/// name. "-" is standard input. Throws std::runtime_error "FOLDER: is a folder (expected -R ...)".
std::vector<std::string> find_manifests(const std::vector<std::string>& named, bool is_recursive);

/// Why `named` is no file: it is a URL, and the network is not touched. Empty for anything else.
std::string refuse_url(const std::string& named);

/// What is said of a file that has no object: of its `text`, and of Lists without items.
std::string to_emptiness(const std::string& file, const std::string& text, bool has_lists);

}  // namespace webhook

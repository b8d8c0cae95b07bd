#pragma once

#include <filesystem>
#include <vector>

#include "node/facts.h"

namespace webhook {

/// The profiles of code-executor pods, and what killed installers left, in and below the kubelet's
/// seccomp directory: by their names, in their order. Follows no link, and opens regular files
/// only; temporary files younger than ten minutes do not count. None where the directory is not
/// there or cannot be read.
std::vector<ProfileFile> find_profile_files(const std::filesystem::path& seccomp_dir);

}  // namespace webhook

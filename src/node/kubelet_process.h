#pragma once

#include <filesystem>
#include <string>

namespace webhook {

/// The directory of the kubelet that runs, by its command line below `proc`: what --root-dir says,
/// or the kubelet's default. Empty where no process is a kubelet, or none can be seen.
std::string find_kubelet_root(const std::filesystem::path& proc);

}  // namespace webhook

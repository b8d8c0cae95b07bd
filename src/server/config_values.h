#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace webhook {

// What may stand in the configuration: each says what is wrong with a value, and what would be
// right, as a message goes on after "key: ".

/// Of the template of the profile's path below the kubelet's seccomp directory.
std::optional<std::string> find_fault_of_profile_path(const std::string& path);

/// Of the kubelet's seccomp directory, <kubelet root>/seccomp.
std::optional<std::string> find_fault_of_seccomp_dir(const std::string& path);

/// Of the reference of an image, as registry clients take it.
std::optional<std::string> find_fault_of_image(const std::string& image);

/// Of an AppArmor setting: Unconfined, RuntimeDefault, Localhost/<name>, or none.
std::optional<std::string> find_fault_of_app_armor(const std::string& profile);

/// A Kubernetes quantity that is not negative, in units of 10^-9: "10m", "0.5", "16Mi", "1e3".
/// None if it is no quantity, finer than that, or beyond what Kubernetes can count, 2^63.
__extension__ using Nanos = __int128;
std::optional<Nanos> to_nanos(std::string_view quantity);

}  // namespace webhook

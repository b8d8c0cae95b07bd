#include "node/probe.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <sstream>
#include <utility>
#include <vector>

#include "base/text.h"
#include "node/cri_client.h"
#include "node/kubelet_process.h"
#include "node/profile_files.h"
#include "node/trials.h"
#include "os/file_descriptor.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

Reading read_all(const FileDescriptor& fd) {
  if (fd.get() < 0) return {"", errno};
  Reading reading;
  std::array<char, 4096> chunk{};
  ssize_t length = 0;
  while ((length = read(fd.get(), chunk.data(), chunk.size())) > 0) {
    reading.text.append(chunk.data(), static_cast<std::size_t>(length));
  }
  if (length < 0) return {"", errno};
  reading.text = std::string(trim(reading.text));
  return reading;
}

Reading read_kernel_file(const fs::path& file) {
  return read_all(FileDescriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC)));
}

Reading read_selinux_label(const fs::path& file) {
  std::array<char, 256> label{};
  const ssize_t length = getxattr(file.c_str(), "security.selinux", label.data(), label.size() - 1);
  if (length < 0) return {"", errno};
  return {label.data(), 0};  // The kernel counts a NUL at its end.
}

/// A file of one of the kernel's own file systems, which no container has. It is attached nowhere.
Reading read_detached(const char* filesystem, const char* file) {
  const FileDescriptor context(fsopen(filesystem, FSOPEN_CLOEXEC));
  if (context.get() < 0 || fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return {"", errno};
  }
  const FileDescriptor mount(fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY));
  if (mount.get() < 0) return {"", errno};
  return read_all(FileDescriptor(openat(mount.get(), file, O_RDONLY | O_CLOEXEC)));
}

/// What a container's /sys lacks. Of the kernel that runs, so not for another root.
void read_security_filesystems(NodeFacts& facts) {
  const auto read = [](Reading& reading, const char* filesystem, const char* file) {
    if (reading.error != ENOENT) return;
    if (Reading detached = read_detached(filesystem, file); detached.error == 0) {
      reading = std::move(detached);
    }
  };
  read(facts.selinux_enforce, "selinuxfs", "enforce");
  read(facts.apparmor_profiles, "securityfs", "apparmor/profiles");
}

/// `directory`, or its parent, which the kubelet made and pods make `directory` in; or nothing. One
/// that may not be looked at counts as there: trying it tells why.
std::string first_that_is_there(const fs::path& directory) {
  for (const fs::path& each : {directory, directory.parent_path()}) {
    std::error_code error;
    if (fs::is_directory(each, error) || error == std::errc::permission_denied) {
      return each.string();
    }
  }
  return {};
}

/// The value of a line "Key:\tvalue" of /proc/self/status.
std::string status_of_self(const std::string& key) {
  std::istringstream lines(read_kernel_file("/proc/self/status").text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  }
  return {};
}

/// The one line that maps all ids to themselves.
bool is_in_host_user_namespace() {
  std::istringstream map(read_kernel_file("/proc/self/uid_map").text);
  std::uint64_t inside = 1;
  std::uint64_t outside = 1;
  std::uint64_t count = 0;
  return map >> inside >> outside >> count && inside == 0 && outside == 0 && count == UINT32_MAX;
}

/// Runtimes refuse unshare(2) to containers without SYS_ADMIN.
bool is_confined() {
  const std::string capabilities = status_of_self("CapEff");
  const auto effective = std::strtoull(capabilities.c_str(), nullptr, 16);
  return status_of_self("Seccomp") == "2" && (effective & (1ULL << CAP_SYS_ADMIN)) == 0;
}

/// A runtime answers within milliseconds; one that is busy starting pods may take a second.
constexpr std::chrono::seconds kRuntimeTime{3};
/// Where containerd, CRI-O, k3s and cri-dockerd have their sockets, and the kubelet looks for them.
constexpr std::array kRuntimeEndpoints{"/run/containerd/containerd.sock", "/run/crio/crio.sock",
                                       "/run/k3s/containerd/containerd.sock",
                                       "/run/cri-dockerd.sock"};

/// The first runtime that is there is the node's: none has two.
void ask_runtime(NodeFacts& facts, const NodeProbeOptions& options) {
  std::vector<std::string> endpoints(kRuntimeEndpoints.begin(), kRuntimeEndpoints.end());
  if (!options.runtime_endpoint.empty()) endpoints = {options.runtime_endpoint};
  for (const std::string& endpoint : endpoints) {
    const fs::path socket = options.host_root / fs::path(endpoint).relative_path();
    std::error_code error;
    if (options.runtime_endpoint.empty() && !fs::is_socket(socket, error)) continue;
    facts.runtime_endpoint = endpoint;
    auto runtime = ask_container_runtime(socket, kRuntimeTime);
    if (!runtime) {
      facts.runtime_failure = runtime.error().message;
    } else {
      facts.runtime = std::move(*runtime);
    }
    return;
  }
}

}  // namespace

NodeFacts probe_node(const NodeProbeOptions& options) {
  const fs::path& root = options.host_root;
  const fs::path sysctl = root / "proc/sys";
  const fs::path seccomp_dir = root / fs::path(options.kubelet_seccomp_dir).relative_path();
  std::error_code ignored;

  NodeFacts facts;
  facts.app_armor_profile = options.app_armor_profile;
  facts.kernel_release = read_kernel_file(sysctl / "kernel/osrelease").text;
  facts.is_in_host_user_namespace = is_in_host_user_namespace();
  facts.is_confined = is_confined();
  facts.idmap_tmpfs = try_idmap_tmpfs();
  facts.kubelet_dir = options.kubelet_seccomp_dir;
  facts.idmap_kubelet_on = first_that_is_there(seccomp_dir);
  if (!facts.idmap_kubelet_on.empty()) {
    facts.idmap_kubelet = try_idmap(facts.idmap_kubelet_on);
    facts.selinux_label = read_selinux_label(facts.idmap_kubelet_on);
  }
  facts.kubelet_root = find_kubelet_root(root / "proc");
  ask_runtime(facts, options);
  facts.user_namespace = try_user_namespace();
  facts.max_user_namespaces = read_kernel_file(sysctl / "user/max_user_namespaces");
  facts.unprivileged_userns_clone = read_kernel_file(sysctl / "kernel/unprivileged_userns_clone");
  facts.apparmor_restricts_userns =
      read_kernel_file(sysctl / "kernel/apparmor_restrict_unprivileged_userns");
  facts.apparmor_enabled = read_kernel_file(root / "sys/module/apparmor/parameters/enabled");
  facts.apparmor_profiles = read_kernel_file(root / "sys/kernel/security/apparmor/profiles");
  facts.filesystems = read_kernel_file(root / "proc/filesystems");
  facts.selinux_enforce = read_kernel_file(root / "sys/fs/selinux/enforce");
  facts.seccomp_actions = read_kernel_file(sysctl / "kernel/seccomp/actions_avail");
  facts.has_cgroup_v2 = fs::exists(root / "sys/fs/cgroup/cgroup.controllers", ignored);
  facts.has_cgroup_v1 = fs::exists(root / "sys/fs/cgroup/memory", ignored) ||
                        fs::exists(root / "sys/fs/cgroup/unified", ignored);
  facts.profile_files = find_profile_files(seccomp_dir);
  if (root == "/") read_security_filesystems(facts);
  return facts;
}

}  // namespace webhook

#include "node/trials.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "os/file_descriptor.h"

namespace webhook {
namespace {

/// Maps the ids 0 to 65535 of a pod to some ids of the host; any would do.
constexpr std::string_view kIdMap = "0 100000 65536\n";

/// Set in the exit status of a child beside the errno, all of which are below 128 here.
constexpr int kSecondStep = 0x80;

Attempt refused(std::string step) { return {std::move(step), errno}; }

/// A child of this process, which ends with its owner.
class Child {
 public:
  /// Runs `work` in it, and exits with what that returns.
  template <class Work>
  explicit Child(Work work) : pid_(fork()) {
    if (pid_ < 0) {
      throw std::runtime_error("fork: " + std::generic_category().message(errno));
    }
    if (pid_ == 0) {
      (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
      _exit(work());
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (is_reaped_) return;
    (void)kill(pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// Waits until it exits, or, with WUNTRACED, stops; its status as of waitpid(2).
  int wait(int options) {
    int status = 0;
    while (waitpid(pid_, &status, options) < 0) {
      if (errno != EINTR) {
        throw std::runtime_error("waitpid: " + std::generic_category().message(errno));
      }
    }
    is_reaped_ = !WIFSTOPPED(status);
    return status;
  }

 private:
  pid_t pid_;
  bool is_reaped_ = false;
};

int drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return static_cast<int>(syscall(SYS_capset, &header, none.data()));
}

/// In a child: 0, or the errno, with kSecondStep if the namespace was made and is of no use.
int use_user_namespace() {
  if (drop_capabilities() != 0 || unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0) return errno;
  // nsjail's first step inside. The name is of the child's own UTS namespace.
  constexpr std::string_view kName = "NSJAIL";
  return sethostname(kName.data(), kName.size()) == 0 ? 0 : errno | kSecondStep;
}

Attempt write_map(const std::string& file) {
  const FileDescriptor map(open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (map.get() < 0 || write(map.get(), kIdMap.data(), kIdMap.size()) < 0) return refused(file);
  return {};
}

/// Id-maps `mount`, which is attached nowhere, to the user namespace of `child`.
Attempt map_mount(const FileDescriptor& mount, const Child& child) {
  const std::string proc = "/proc/" + std::to_string(child.pid());
  for (const char* const map : {"uid_map", "gid_map"}) {
    if (Attempt attempt = write_map(proc + '/' + map); attempt.error != 0) {
      attempt.step = map;
      return attempt;
    }
  }
  const FileDescriptor users(open((proc + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (users.get() < 0) return refused("ns/user");
  mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<__u64>(users.get());
  if (mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0) {
    return refused("mount_setattr");
  }
  return {};
}

/// Id-maps `mount`, which is attached nowhere.
Attempt try_idmap_of(const FileDescriptor& mount) {
  // Holds a new user namespace until it is killed.
  Child child([] {
    if (unshare(CLONE_NEWUSER) != 0) return errno;
    (void)raise(SIGSTOP);
    return 0;
  });
  const int status = child.wait(WUNTRACED);
  if (WIFEXITED(status)) return {"unshare", WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return {"unshare", ECHILD};
  return map_mount(mount, child);
}

}  // namespace

Attempt try_idmap_tmpfs() {
  const FileDescriptor context(fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (context.get() < 0) return refused("fsopen");
  if (fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    return refused("fsconfig");
  }
  const FileDescriptor mount(fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (mount.get() < 0) return refused("fsmount");
  return try_idmap_of(mount);
}

Attempt try_idmap(const std::filesystem::path& directory) {
  const FileDescriptor mount(
      open_tree(AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
  if (mount.get() < 0) return refused("open_tree");
  return try_idmap_of(mount);
}

Attempt try_user_namespace() {
  Child child([] { return use_user_namespace(); });
  const int status = child.wait(0);
  // A seccomp filter may kill rather than refuse.
  if (!WIFEXITED(status)) return {"unshare", EPERM};
  const int code = WEXITSTATUS(status);
  if (code == 0) return {};
  return {(code & kSecondStep) != 0 ? "sethostname in it" : "unshare", code & ~kSecondStep};
}

}  // namespace webhook

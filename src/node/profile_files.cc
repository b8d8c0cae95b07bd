#include "node/profile_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <string_view>
#include <system_error>

#include "os/file_descriptor.h"
#include "tls/openssl.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

/// `sandbox.seccomp.localhostProfile` may name directories of its own; one deeper is not ours.
constexpr int kMaxDepth = 4;
/// No profile is larger: a ConfigMap holds no more.
constexpr std::size_t kMaxBytes = 1U << 20U;
constexpr std::size_t kTemporarySuffix = 6;  // mktemp's XXXXXX

bool is_printable_name(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char each) {
    return (each >= '0' && each <= '9') || (each >= 'A' && each <= 'Z') ||
           (each >= 'a' && each <= 'z') || each == '.' || each == '_' || each == '-';
  });
}

bool is_profile(std::string_view name) {
  return name.starts_with("nsjail-seccomp") && name.ends_with(".json") && is_printable_name(name);
}

/// Of install_seccomp.sh, and of release 0.1.0, which put its suffix behind the profile's name.
bool is_temporary(std::string_view name) {
  constexpr std::string_view kPrefix = ".install-seccomp.";
  if (!is_printable_name(name) || name.size() <= kTemporarySuffix) return false;
  if (name.starts_with(kPrefix)) return name.size() == kPrefix.size() + kTemporarySuffix;
  const auto suffix = name.size() - kTemporarySuffix;
  return name[suffix - 1] == '.' && is_profile(name.substr(0, suffix - 1));
}

/// Its sha256, or why it has none.
void read_content(const fs::path& path, ProfileFile& file) {
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) {
    file.error = errno;
    return;
  }
  std::string bytes;
  std::array<char, 4096> chunk{};
  ssize_t length = 0;
  while (bytes.size() <= kMaxBytes && (length = read(fd.get(), chunk.data(), chunk.size())) > 0) {
    bytes.append(chunk.data(), static_cast<std::size_t>(length));
  }
  if (length < 0) {
    file.error = errno;
  } else if (bytes.size() > kMaxBytes) {
    file.error = EFBIG;
  } else {
    file.sha256 = sha256_hex(bytes);
  }
}

/// No installer takes that long: it looks at a temporary file in the same way.
bool is_stale(const fs::path& path) {
  constexpr std::time_t kSeconds = 600;
  struct stat status {};
  return lstat(path.c_str(), &status) == 0 && std::time(nullptr) - status.st_mtime > kSeconds;
}

ProfileFile describe(const fs::path& path, const fs::path& seccomp_dir) {
  ProfileFile file{.path = path.lexically_relative(seccomp_dir).string()};
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) {
    file.error = errno;
    return file;
  }
  file.is_regular = S_ISREG(status.st_mode);
  file.is_roots =
      status.st_uid == 0 && status.st_gid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
  if (file.is_regular) read_content(path, file);
  return file;
}

}  // namespace

std::vector<ProfileFile> find_profile_files(const fs::path& seccomp_dir) {
  std::vector<ProfileFile> files;
  std::error_code error;
  fs::recursive_directory_iterator each(seccomp_dir, fs::directory_options::skip_permission_denied,
                                        error);
  for (; !error && each != fs::recursive_directory_iterator(); each.increment(error)) {
    if (each.depth() >= kMaxDepth) each.disable_recursion_pending();
    const std::string name = each->path().filename().string();
    if (is_profile(name)) {
      files.push_back(describe(each->path(), seccomp_dir));
    } else if (is_temporary(name) && is_stale(each->path())) {
      const std::string path = each->path().lexically_relative(seccomp_dir).string();
      files.push_back(ProfileFile{.path = path, .is_stale_temporary = true});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const ProfileFile& a, const ProfileFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace webhook

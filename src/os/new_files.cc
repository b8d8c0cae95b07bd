#include "os/new_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

namespace webhook {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& file, int error) {
  throw std::runtime_error(file.string() + ": " + std::generic_category().message(error));
}

/// Paths that are removed again at the end of the scope, unless kept.
class Leftovers {
 public:
  Leftovers() = default;
  Leftovers(const Leftovers&) = delete;
  Leftovers& operator=(const Leftovers&) = delete;
  ~Leftovers() {
    for (const fs::path& path : paths_) unlink(path.c_str());
  }
  void add(fs::path path) { paths_.push_back(std::move(path)); }
  void keep() { paths_.clear(); }

 private:
  std::vector<fs::path> paths_;
};

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return fsync(fd) == 0;
}

/// The name a file has until all of them are complete.
fs::path draft_of(const fs::path& directory, const NewFile& file) {
  return directory / ('.' + file.name + '.' + std::to_string(getpid()) + ".new");
}

void write_draft(const fs::path& draft, const NewFile& file, Leftovers& drafts) {
  const mode_t mode = file.is_secret ? 0600 : 0644;
  const int fd = open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
  if (fd < 0) fail(draft, errno);
  drafts.add(draft);
  const bool is_written = write_all(fd, file.content);
  const int error = errno;
  if (close(fd) != 0 || !is_written) fail(draft, is_written ? errno : error);
}

}  // namespace

void write_new_files(const fs::path& directory, const std::vector<NewFile>& files, bool overwrite) {
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) fail(directory, errno);
  Leftovers drafts;
  for (const NewFile& file : files) write_draft(draft_of(directory, file), file, drafts);

  Leftovers placed;
  for (const NewFile& file : files) {
    const fs::path draft = draft_of(directory, file);
    const fs::path target = directory / file.name;
    if (overwrite) {
      if (rename(draft.c_str(), target.c_str()) != 0) fail(target, errno);
      continue;
    }
    // link() refuses an existing name, whoever was faster; rename() would replace it.
    if (link(draft.c_str(), target.c_str()) != 0) {
      if (errno == EEXIST) throw std::runtime_error(target.string() + ": exists (use --force)");
      fail(target, errno);
    }
    placed.add(target);
  }
  placed.keep();
}

}  // namespace webhook

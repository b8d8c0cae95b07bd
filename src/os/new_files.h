#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace webhook {

struct NewFile {
  std::string name;
  std::string content;
  bool is_secret = false;  ///< Mode 0600 from the first byte on; others get 0644.
};

/// Writes `files` into `directory`, which is made if need be (mode 0700). Each appears whole or not
/// at all; where one cannot be written, none is left behind. Unless `overwrite`, an existing file
/// of one of the names is an error, and stays as it is. Throws std::runtime_error.
void write_new_files(const std::filesystem::path& directory, const std::vector<NewFile>& files,
                     bool overwrite);

}  // namespace webhook

#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace webhook {

/// PEM, or a token: in a file, which is read anew for each use, or written out.
struct Credential {
  std::filesystem::path file;
  std::string data;  ///< Counts where there is no file.

  [[nodiscard]] bool empty() const { return file.empty() && data.empty(); }
};

/// Where an API server is, how to know that it is the one, and who we are to it.
struct KubeAccess {
  std::string ns = "default";  ///< Whose objects are meant where none is named.

  std::string host;  ///< A name or an address, without the brackets of IPv6.
  std::string port = "443";
  std::string path_prefix;  ///< Before every path, such as "/k8s/clusters/c-1"; empty for most.

  bool verify_server = true;
  std::string server_name;  ///< What its certificate must be for; empty: `host`.
  Credential authorities;   ///< Who may have issued that; empty: whom the system trusts.

  Credential client_certificate;
  Credential client_key;
  Credential token;
};

/// Reads "https://HOST[:PORT][/PREFIX]" into host, port and path_prefix.
Result<KubeAccess> parse_server_url(std::string_view url);

/// A kubeconfig as it was read from `file`: paths inside are relative to that.
struct KubeconfigText {
  std::filesystem::path file;
  std::string text;
};

/// Reads the current context of a kubeconfig. Of several the first to set something counts, as with
/// kubectl. Throws std::runtime_error: `FILE:LINE:COLUMN: what (what would be right)`.
KubeAccess parse_kubeconfig(const std::vector<KubeconfigText>& texts);

/// parse_kubeconfig() of files. Of several, those that do not exist are passed over.
KubeAccess load_kubeconfig(const std::vector<std::filesystem::path>& files);

}  // namespace webhook

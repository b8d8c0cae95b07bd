#include "kube/kubeconfig.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <stdexcept>

#include "base/dns_name.h"
#include "os/file.h"
#include "tls/openssl.h"
#include "yaml/documents.h"
#include "yaml/error.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

/// Of hundreds of clusters, each with its certificates.
constexpr std::size_t kMaxKubeconfigBytes = std::size_t{4} << 20U;

/// A part of a kubeconfig, and the file it is in.
struct Part {
  fs::path file;
  YAML::Node node;
};

[[noreturn]] void fail(const fs::path& file, const YAML::Mark& mark, const std::string& why) {
  throw YamlError(file.string(), mark, why);
}

[[noreturn]] void fail(const Part& part, const std::string& why) {
  fail(part.file, part.node.Mark(), why);
}

/// The member `key` of a mapping, or nothing where it is absent or null.
std::optional<Part> member(const Part& part, const char* key) {
  // The const operator[] does not create what it does not find.
  const YAML::Node& mapping = part.node;
  const YAML::Node found = mapping[key];
  if (!found || found.IsNull()) return std::nullopt;
  return Part{part.file, found};
}

std::string string_at(const Part& part, const char* key) {
  const auto found = member(part, key);
  if (!found) return {};
  if (!found->node.IsScalar()) fail(*found, std::string(key) + ": not a string");
  return found->node.Scalar();
}

bool bool_at(const Part& part, const char* key) {
  const auto found = member(part, key);
  if (!found) return false;
  try {
    return found->node.as<bool>();
  } catch (const YAML::Exception&) {
    fail(*found, std::string(key) + ": not a boolean (expected true or false)");
  }
}

void refuse(const Part& part, const char* key, const std::string& why) {
  if (const auto found = member(part, key)) fail(*found, std::string(key) + ": " + why);
}

Part parse_document(const KubeconfigText& text) {
  const std::vector<YAML::Node> found = load_yaml(text.text, text.file.string());
  Part document{text.file, found.empty() ? YAML::Node() : found.front()};
  if (document.node.IsNull()) document.node = YAML::Node(YAML::NodeType::Map);
  if (!document.node.IsMap()) fail(document, "not a kubeconfig (expected a mapping)");
  return document;
}

/// Finds `name` in the lists called `list` ("clusters"), whose items keep their content under
/// `item` ("cluster"). `wanted_by` is where the name stands: an error points there.
Part find_named(const std::vector<Part>& documents, const char* list, const char* item,
                const std::string& name, const Part& wanted_by) {
  std::string known;
  for (const Part& document : documents) {
    const auto entries = member(document, list);
    if (!entries) continue;
    if (!entries->node.IsSequence()) fail(*entries, std::string(list) + ": not a list");
    for (std::size_t i = 0; i < entries->node.size(); ++i) {
      const Part entry{document.file, entries->node[i]};
      if (!entry.node.IsMap())
        fail(entry, std::string(list) + ": not a mapping (expected name, " + item + ')');
      const std::string entry_name = string_at(entry, "name");
      known += (known.empty() ? "" : ", ") + entry_name;
      if (entry_name != name) continue;
      const auto content = member(entry, item);
      if (!content || !content->node.IsMap()) {
        fail(entry, std::string(list) + ": '" + name + "' has no mapping '" + item + '\'');
      }
      return *content;
    }
  }
  fail(wanted_by, std::string("no ") + item + " is named '" + name +
                      "' (known: " + (known.empty() ? "none" : known) + ')');
}

/// What `part` refers to by name under its member `key`, or nothing where it does not.
std::optional<Part> follow(const std::vector<Part>& documents, const Part& part, const char* key,
                           const char* list, const char* item) {
  const auto reference = member(part, key);
  const std::string name = string_at(part, key);
  if (name.empty()) return std::nullopt;
  return find_named(documents, list, item, name, *reference);
}

Part current_context(const std::vector<Part>& documents, const fs::path& first_file) {
  for (const Part& document : documents) {
    if (auto found = follow(documents, document, "current-context", "contexts", "context")) {
      return *found;
    }
  }
  throw std::runtime_error(first_file.string() +
                           ": no current-context (set one: kubectl config use-context NAME)");
}

std::string decode_base64(const Part& part, const char* key) {
  const std::string text = string_at(part, key);
  using Context = std::unique_ptr<EVP_ENCODE_CTX, OpenSslDeleter<EVP_ENCODE_CTX_free>>;
  const Context context(EVP_ENCODE_CTX_new());
  std::vector<unsigned char> bytes(text.size() / 4 * 3 + 3);
  int size = 0;
  int rest = 0;
  EVP_DecodeInit(context.get());
  const auto* in = reinterpret_cast<const unsigned char*>(text.data());
  if (EVP_DecodeUpdate(context.get(), bytes.data(), &size, in, static_cast<int>(text.size())) < 0 ||
      EVP_DecodeFinal(context.get(), bytes.data() + size, &rest) != 1) {
    fail(*member(part, key), std::string(key) + ": not base64");
  }
  return {bytes.begin(), bytes.begin() + size + rest};
}

/// The credential that stands under `data_key` in base64, else in the file under `file_key`.
Credential credential_at(const Part& part, const char* file_key, const char* data_key) {
  if (!string_at(part, data_key).empty())
    return {.file = {}, .data = decode_base64(part, data_key)};
  const fs::path file = string_at(part, file_key);
  if (file.empty()) return {};
  return {.file = fs::absolute(part.file).parent_path() / file, .data = {}};
}

KubeAccess read_cluster(const Part& cluster) {
  const auto server = member(cluster, "server");
  if (!server) fail(cluster, "no server (expected https://HOST[:PORT])");
  auto parsed = parse_server_url(string_at(cluster, "server"));
  if (!parsed) fail(*server, "server: " + parsed.error().message);
  refuse(cluster, "proxy-url", "proxies are not supported");

  KubeAccess access = std::move(*parsed);
  access.server_name = string_at(cluster, "tls-server-name");
  access.authorities =
      credential_at(cluster, "certificate-authority", "certificate-authority-data");
  access.verify_server = !bool_at(cluster, "insecure-skip-tls-verify");
  if (!access.verify_server && !access.authorities.empty()) {
    fail(cluster, "insecure-skip-tls-verify and a certificate-authority are both set (keep one)");
  }
  return access;
}

void read_user(const Part& user, KubeAccess& access) {
  constexpr const char* kInstead =
      "(use token, tokenFile or client-certificate; kubectl create token makes one)";
  for (const char* key : {"exec", "auth-provider"}) {
    refuse(user, key, std::string("credential plugins are not run here ") + kInstead);
  }
  for (const char* key : {"username", "password"}) {
    refuse(user, key, std::string("API servers no longer take passwords ") + kInstead);
  }
  for (const char* key : {"as", "as-uid", "as-groups", "as-user-extra"}) {
    refuse(user, key, "impersonation is not supported (remove it)");
  }
  access.client_certificate = credential_at(user, "client-certificate", "client-certificate-data");
  access.client_key = credential_at(user, "client-key", "client-key-data");
  if (access.client_certificate.empty() != access.client_key.empty()) {
    fail(user, "client-certificate and client-key belong together (one is missing)");
  }
  // As client-go: the file counts where both are set, because it can be renewed.
  const fs::path token_file = string_at(user, "tokenFile");
  if (token_file.empty()) {
    access.token.data = string_at(user, "token");
  } else {
    access.token.file = fs::absolute(user.file).parent_path() / token_file;
  }
}

}  // namespace

Result<KubeAccess> parse_server_url(std::string_view url) {
  const auto refuse_url = [&] {
    return Error{"not the address of an API server: '" + std::string(url) +
                 "' (expected https://HOST[:PORT])"};
  };
  constexpr std::string_view kScheme = "https://";
  const bool printable =
      std::all_of(url.begin(), url.end(), [](char each) { return each > ' ' && each < '\x7f'; });
  if (!url.starts_with(kScheme) || !printable || url.find_first_of("@?#\\") != url.npos) {
    return refuse_url();
  }
  const std::string_view rest = url.substr(kScheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view prefix = rest.substr(slash);
  while (prefix.ends_with('/')) prefix.remove_suffix(1);

  KubeAccess access;
  access.path_prefix = prefix;
  if (authority.starts_with('[')) {
    const auto bracket = authority.find(']');
    if (bracket == authority.npos) return refuse_url();
    access.host = authority.substr(1, bracket - 1);
    authority.remove_prefix(bracket + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    access.host = authority.substr(0, colon);
    authority.remove_prefix(colon);
  }
  if (authority.starts_with(':')) {
    access.port = authority.substr(1);
    authority = {};
  }
  const bool port_is_number = !access.port.empty() && access.port.size() <= 5 &&
                              access.port.find_first_not_of("0123456789") == std::string::npos &&
                              std::stoi(access.port) > 0 && std::stoi(access.port) <= 65535;
  if (access.host.empty() || !authority.empty() || !port_is_number) return refuse_url();
  return access;
}

KubeAccess parse_kubeconfig(const std::vector<KubeconfigText>& texts) {
  std::vector<Part> documents;
  std::transform(texts.begin(), texts.end(), std::back_inserter(documents), parse_document);
  const Part context = current_context(documents, texts.front().file);
  const auto cluster = follow(documents, context, "cluster", "clusters", "cluster");
  if (!cluster) fail(context, "the context names no cluster");
  KubeAccess access = read_cluster(*cluster);
  if (const std::string ns = string_at(context, "namespace"); !ns.empty()) {
    if (!is_dns_label(ns)) fail(context, "namespace: '" + ns + "' (expected a DNS label)");
    access.ns = ns;
  }
  if (const auto user = follow(documents, context, "user", "users", "user")) {
    read_user(*user, access);
  }
  return access;
}

KubeAccess load_kubeconfig(const std::vector<fs::path>& files) {
  std::vector<KubeconfigText> texts;
  for (const fs::path& file : files) {
    if (files.size() > 1 && !fs::exists(file)) continue;
    texts.push_back({.file = file, .text = read_file(file, kMaxKubeconfigBytes)});
  }
  if (texts.empty()) texts.push_back({.file = files.front(), .text = {}});
  return parse_kubeconfig(texts);
}

}  // namespace webhook

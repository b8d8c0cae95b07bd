#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/base64.h"
#include "base/dns_name.h"
#include "cli/commands.h"
#include "cli/validators.h"
#include "os/core_dumps.h"
#include "os/new_files.h"
#include "os/own_file.h"
#include "tls/certificate_authority.h"
#include "tls/ip_address.h"
#include "tls/pem_file.h"

namespace webhook {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDescription =
    "Make a CA and a serving certificate for the webhook's Service, and print the caBundle";

constexpr const char* kFooter = R"(Writes ca.crt, ca.key, tls.crt and tls.key (keys with mode 0600).

A CA that is already in the directory, and that nobody else can have put there,
is used again, so that the caBundle in the cluster stays right: to renew a
serving certificate, run the same command again with --force. --new-ca replaces
the CA as well.

  certs --out DIR                     files, and the caBundle (base64) on stdout
  certs --out DIR -o secret | kubectl apply -f -
                                      files, and the Secret that the Deployment mounts)";

struct CertsFlags {
  std::string directory;
  std::string ns = "code-executor-webhook";
  std::string service = "code-executor-webhook";
  std::string secret = "code-executor-webhook-tls";
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;
  int days = 365;
  int ca_days = 3650;
  std::string output = "ca-bundle";
  bool force = false;
  bool new_ca = false;
};

/// What a certificate can be for: labels with dots between them, of which the first may be "*".
bool is_host_name(std::string_view text) {
  if (text.size() > 253) return false;
  if (text.starts_with("*.")) text.remove_prefix(2);
  for (;;) {
    const auto dot = std::min(text.find('.'), text.size());
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

/// The CA in `directory`, if there is one. One file without the other is an error: it may be the
/// only copy. So is one that somebody else can have put there: API servers would trust its owner.
std::optional<CertificateAuthority> load_authority(const fs::path& directory) {
  const fs::path certificate = directory / "ca.crt";
  const fs::path key = directory / "ca.key";
  if (!fs::exists(certificate) && !fs::exists(key)) return std::nullopt;
  for (const fs::path& each : {certificate, key}) {
    if (fs::exists(each)) continue;
    throw std::runtime_error(each.string() +
                             ": missing (a CA is ca.crt and ca.key; --new-ca --force makes one)");
  }
  const PemPair pair{read_own_file(certificate, kMaxPemBytes), read_own_file(key, kMaxPemBytes)};
  try {
    return CertificateAuthority::load(pair);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(certificate.string() + ", " + key.string() + ": " + error.what());
  }
}

void print_secret(const CertsFlags& flags, const PemPair& authority, const PemPair& serving) {
  std::cout << "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n"
            << "  name: " << flags.secret << "\n  namespace: " << flags.ns << "\ndata:\n"
            << "  ca.crt: " << to_base64(authority.certificate) << '\n'
            << "  tls.crt: " << to_base64(serving.certificate) << '\n'
            << "  tls.key: " << to_base64(serving.key) << '\n';
}

void run(const CertsFlags& flags) {
  forbid_core_dumps();
  const fs::path directory = flags.directory;
  auto found = flags.new_ca ? std::nullopt : load_authority(directory);
  const bool is_new = !found.has_value();
  const CertificateAuthority authority =
      is_new ? CertificateAuthority::create(flags.service + " CA", std::chrono::days(flags.ca_days))
             : std::move(*found);

  ServingNames names{flags.service, service_dns_names(flags.service, flags.ns), flags.addresses};
  names.dns_names.insert(names.dns_names.end(), flags.dns_names.begin(), flags.dns_names.end());
  const PemPair serving = authority.issue(names, std::chrono::days(flags.days));
  const PemPair ca = authority.pem();

  std::vector<NewFile> files = {{"tls.crt", serving.certificate, false},
                                {"tls.key", serving.key, true}};
  if (is_new) {
    // The CA comes last: a process that finds it also finds the serving pair, and changes neither.
    files.push_back({"ca.key", ca.key, true});
    files.push_back({"ca.crt", ca.certificate, false});
  }
  write_new_files(directory, files, flags.force);

  std::cerr << directory.string() << ": wrote";
  for (const NewFile& file : files) std::cerr << ' ' << file.name;
  std::cerr << (is_new ? "" : ", issued by the CA that was there") << '\n';
  if (flags.output == "secret") {
    print_secret(flags, ca, serving);
  } else {
    std::cout << to_base64(ca.certificate) << '\n';
  }
}

void add_name_flags(CLI::App& command, CertsFlags& flags) {
  auto* ns = command.add_option("-n,--namespace", flags.ns, "Namespace of the Service");
  expect_namespace(*ns->type_name("NS")->capture_default_str());
  auto* service = command.add_option("--service", flags.service, "Name of the Service");
  expect(*service->type_name("NAME")->capture_default_str(), is_dns_label,
         "a DNS label, such as my-service");
  auto* secret = command.add_option("--secret", flags.secret, "Name of the Secret of -o secret");
  expect(*secret->type_name("NAME")->capture_default_str(), is_dns_subdomain,
         "a DNS name, such as my-secret");
  auto* name =
      command.add_option("--dns-name", flags.dns_names, "One more name to serve; may be repeated");
  expect(*name->type_name("NAME")->allow_extra_args(false), is_host_name,
         "a DNS name, such as localhost");
  auto* address =
      command.add_option("--ip", flags.addresses, "An address to serve; may be repeated");
  expect(
      *address->type_name("ADDRESS")->allow_extra_args(false),
      [](std::string_view text) { return is_ip_address(std::string(text)); },
      "an address, such as 127.0.0.1 or ::1");
}

}  // namespace

void add_certs(CLI::App& app) {
  constexpr int kMostDays = 36'500;
  auto* command = app.add_subcommand("certs", kDescription);
  command->footer(kFooter);
  const auto flags = std::make_shared<CertsFlags>();
  command->add_option("--out", flags->directory, "Directory to write to; made if need be")
      ->type_name("DIR")
      ->required();
  add_name_flags(*command, *flags);
  auto* days =
      command->add_option("--days", flags->days, "Days until the serving certificate expires");
  expect_number(*days->type_name("DAYS")->capture_default_str(), 1, kMostDays);
  auto* ca_days = command->add_option("--ca-days", flags->ca_days, "Days until a new CA expires");
  expect_number(*ca_days->type_name("DAYS")->capture_default_str(), 1, kMostDays);
  auto* output =
      command->add_option("-o,--output", flags->output,
                          "ca-bundle: base64 for the webhook configuration; secret: for kubectl "
                          "apply");
  expect_one_of(*output->type_name("FORMAT")->capture_default_str(), {"ca-bundle", "secret"});
  command->add_flag("--force", flags->force, "Replace files that exist");
  command->add_flag("--new-ca", flags->new_ca, "Make a new CA even if there is one");
  command->callback([flags] { run(*flags); });
}

}  // namespace webhook

#include "tls/serving_certificate.h"

#include <stdexcept>
#include <utility>

#include "os/file.h"

namespace webhook {
namespace {

constexpr int kReadAttempts = 5;

Result<PemFile> read_pem(const std::filesystem::path& path) {
  auto text = try_read_file(path.string(), kMaxPemBytes);
  if (!text) return Error{text.error().message + " (expected a PEM file)"};
  if (text->empty()) return Error{path.string() + ": is empty (expected PEM)"};
  return PemFile{path.string(), std::move(*text)};
}

Result<TlsMaterial> read_once(const CertificateFiles& files) {
  auto certificates = read_pem(files.certificate);
  if (!certificates) return certificates.error();
  auto key = read_pem(files.key);
  if (!key) return key.error();
  if (files.client_ca.empty()) return TlsMaterial{std::move(*certificates), std::move(*key), {}};
  auto client_ca = read_pem(files.client_ca);
  if (!client_ca) return client_ca.error();
  return TlsMaterial{std::move(*certificates), std::move(*key), std::move(*client_ca)};
}

}  // namespace

ServingCertificate::ServingCertificate(CertificateFiles files, TlsRules rules)
    : files_(std::move(files)), rules_(std::move(rules)) {
  auto material = read_files();
  if (!material) throw std::runtime_error(material.error().message);
  auto made = make_valid(*material);
  if (!made) throw std::runtime_error(made.error().message);
  material_ = std::move(*material);
  current_ = std::move(*made);
}

/// Reads until two readings agree: between the first file and the last the pair may be swapped.
Result<TlsMaterial> ServingCertificate::read_files() const {
  auto material = read_once(files_);
  for (int attempt = 1; attempt < kReadAttempts; ++attempt) {
    auto again = read_once(files_);
    const bool agree = material && again && *material == *again;
    material = std::move(again);
    if (agree) break;
  }
  return material;
}

Result<TlsContext> ServingCertificate::make_valid(const TlsMaterial& material) const {
  auto made = make_tls_context(material, rules_);
  const auto now = std::chrono::system_clock::now();
  if (made && !made->is_valid_at(now)) {
    return Error{files_.certificate.string() + (now < made->valid_from
                                                    ? ": is not valid yet (expected one that is)"
                                                    : ": has expired (expected a renewed one)")};
  }
  return made;
}

std::shared_ptr<SSL_CTX> ServingCertificate::context() const {
  const std::lock_guard lock(mutex_);
  return current_.context;
}

ServingCertificate::Reload ServingCertificate::reload() {
  auto material = read_files();
  if (!material) return refuse(material.error().message);
  if (*material == material_) {
    refused_why_.clear();
    return {};
  }
  auto made = make_valid(*material);
  if (!made) return refuse(made.error().message);
  material_ = std::move(*material);
  refused_why_.clear();
  const std::lock_guard lock(mutex_);
  current_ = std::move(*made);
  return {.change = Change::kRenewed, .why = {}};
}

ServingCertificate::Reload ServingCertificate::refuse(std::string why) {
  const bool is_news = why != refused_why_;
  refused_why_ = why;
  return {.change = is_news ? Change::kRefused : Change::kStillRefused, .why = std::move(why)};
}

std::chrono::system_clock::time_point ServingCertificate::expires_at() const {
  const std::lock_guard lock(mutex_);
  return current_.expires_at;
}

bool ServingCertificate::is_valid_now() const {
  const std::lock_guard lock(mutex_);
  return current_.is_valid_at(std::chrono::system_clock::now());
}

}  // namespace webhook

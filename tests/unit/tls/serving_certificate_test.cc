#include "tls/serving_certificate.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "support/test_certificate.h"
#include "tls/openssl.h"

using namespace webhook;
using test::make_pair;
using test::Pair;
using Change = ServingCertificate::Change;
namespace fs = std::filesystem;

namespace {

/// A volume as the kubelet makes it: files that point through ..data into a directory that is
/// swapped whole.
class SecretVolume {
 public:
  SecretVolume() {
    std::string pattern = (fs::temp_directory_path() / "serving_certificate.XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    root_ = pattern;
    for (const char* name : {"tls.crt", "tls.key"}) {
      fs::create_symlink(fs::path("..data") / name, root_ / name);
    }
  }
  ~SecretVolume() { fs::remove_all(root_); }
  SecretVolume(const SecretVolume&) = delete;
  SecretVolume& operator=(const SecretVolume&) = delete;

  void swap_in(const std::string& certificate, const std::string& key) {
    const std::string directory = "..generation" + std::to_string(++generation_);
    fs::create_directory(root_ / directory);
    std::ofstream(root_ / directory / "tls.crt") << certificate;
    std::ofstream(root_ / directory / "tls.key") << key;
    fs::create_symlink(directory, root_ / "..data_tmp");
    fs::rename(root_ / "..data_tmp", root_ / "..data");
  }
  void swap_in(const Pair& pair) { swap_in(pair.certificate_pem, pair.key_pem); }
  void unmount() { fs::remove(root_ / "..data"); }

  [[nodiscard]] CertificateFiles files() const {
    return {.certificate = root_ / "tls.crt", .key = root_ / "tls.key", .client_ca = {}};
  }

 private:
  fs::path root_;
  int generation_ = 0;
};

bool serves(const ServingCertificate& serving, const Pair& pair) {
  return X509_cmp(SSL_CTX_get0_certificate(serving.context().get()), pair.certificate.get()) == 0;
}

}  // namespace

TEST_CASE("ServingCertificate takes a renewed pair, and says so once") {
  SecretVolume volume;
  const Pair first = make_pair();
  const Pair second = make_pair({.expires_in = std::chrono::hours(48)});
  volume.swap_in(first);
  ServingCertificate serving(volume.files(), {});
  CHECK(serves(serving, first));
  CHECK(serving.is_valid_now());
  CHECK(serving.reload().change == Change::kNone);
  volume.swap_in(first);  // another directory, the same content
  CHECK(serving.reload().change == Change::kNone);

  const auto context_in_use = serving.context();
  const auto expired_first = serving.expires_at();
  volume.swap_in(second);
  CHECK(serving.reload().change == Change::kRenewed);
  CHECK(serves(serving, second));
  CHECK(serving.expires_at() - expired_first > std::chrono::hours(23));
  CHECK(serving.reload().change == Change::kNone);
  // What was handed out before stays usable.
  CHECK(X509_cmp(SSL_CTX_get0_certificate(context_in_use.get()), first.certificate.get()) == 0);
}

TEST_CASE("ServingCertificate keeps the pair in use when the new one is no good") {
  const Pair good = make_pair();
  const Pair other = make_pair();
  const Pair expired =
      make_pair({.valid_from = std::chrono::hours(-2), .expires_in = std::chrono::hours(-1)});
  const Pair early = make_pair({.valid_from = std::chrono::hours(1)});
  struct Row {
    std::string certificate;
    std::string key;
    std::string want;  ///< Behind the directory's name.
  };
  for (const Row& row : {
           Row{other.certificate_pem, good.key_pem, "(expected its private key)"},
           Row{good.certificate_pem, other.key_pem, "(expected its private key)"},
           Row{expired.certificate_pem, expired.key_pem,
               "/tls.crt: has expired (expected a renewed one)"},
           Row{early.certificate_pem, early.key_pem,
               "/tls.crt: is not valid yet (expected one that is)"},
           Row{other.certificate_pem.substr(0, 300), other.key_pem,
               "/tls.crt: not a whole certificate: bad end line (expected PEM)"},
           Row{other.certificate_pem, other.key_pem.substr(0, 100),
               "/tls.key: not a private key: unsupported (expected PEM, not encrypted)"},
           Row{"", other.key_pem, "/tls.crt: is empty (expected PEM)"},
           Row{other.certificate_pem, "", "/tls.key: is empty (expected PEM)"},
       }) {
    CAPTURE(row.want);
    SecretVolume volume;
    volume.swap_in(good);
    ServingCertificate serving(volume.files(), {});
    volume.swap_in(row.certificate, row.key);
    const auto refused = serving.reload();
    CHECK(refused.change == Change::kRefused);
    CHECK(refused.why.ends_with(row.want));
    CHECK(serving.reload().change == Change::kStillRefused);
    CHECK(serves(serving, good));
    CHECK(serving.is_valid_now());

    volume.swap_in(good);
    CHECK(serving.reload().change == Change::kNone);
    volume.swap_in(other);
    CHECK(serving.reload().change == Change::kRenewed);
    CHECK(serves(serving, other));
  }
}

TEST_CASE("ServingCertificate keeps the pair in use when the files are gone") {
  SecretVolume volume;
  const Pair pair = make_pair();
  volume.swap_in(pair);
  ServingCertificate serving(volume.files(), {});
  volume.unmount();
  const auto refused = serving.reload();
  CHECK(refused.change == Change::kRefused);
  CHECK(refused.why == volume.files().certificate.string() +
                           ": cannot be read: No such file or directory (expected a PEM file)");
  CHECK(serves(serving, pair));
}

TEST_CASE("ServingCertificate does not begin without a good pair") {
  SecretVolume volume;
  CHECK_THROWS_AS(ServingCertificate(volume.files(), {}), std::runtime_error);
  volume.swap_in(
      make_pair({.valid_from = std::chrono::hours(-2), .expires_in = std::chrono::hours(-1)}));
  CHECK_THROWS_WITH_AS(
      ServingCertificate(volume.files(), {}),
      (volume.files().certificate.string() + ": has expired (expected a renewed one)").c_str(),
      std::runtime_error);
}

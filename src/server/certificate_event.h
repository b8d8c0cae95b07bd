#pragma once

#include <array>
#include <string_view>

namespace webhook {

/// What managed certificates count.
enum class CertificateEvent {
  kAuthorityMade,
  kAuthorityTrusted,
  kLeafIssued,
  kLeafRenewed,
  kBundleExtended,
  kBundleRepaired,
  kForeignDropped,
  kConflict,
  kFailure,
};

inline constexpr std::array kAllCertificateEvents{
    CertificateEvent::kAuthorityMade,  CertificateEvent::kAuthorityTrusted,
    CertificateEvent::kLeafIssued,     CertificateEvent::kLeafRenewed,
    CertificateEvent::kBundleExtended, CertificateEvent::kBundleRepaired,
    CertificateEvent::kForeignDropped, CertificateEvent::kConflict,
    CertificateEvent::kFailure};

/// The word in metrics.
constexpr std::string_view to_string(CertificateEvent event) {
  switch (event) {
    case CertificateEvent::kAuthorityMade: return "authority_made";
    case CertificateEvent::kAuthorityTrusted: return "authority_trusted";
    case CertificateEvent::kLeafIssued: return "leaf_issued";
    case CertificateEvent::kLeafRenewed: return "leaf_renewed";
    case CertificateEvent::kBundleExtended: return "bundle_extended";
    case CertificateEvent::kBundleRepaired: return "bundle_repaired";
    case CertificateEvent::kForeignDropped: return "foreign_dropped";
    case CertificateEvent::kConflict: return "conflict";
    case CertificateEvent::kFailure: return "failure";
  }
  return "failure";
}

}  // namespace webhook

#pragma once

#include <array>
#include <string_view>

namespace webhook {

/// Why a connection ended.
enum class CloseCause {
  kClient,     ///< The other side closed it.
  kAnswered,   ///< Its last answer said that it would.
  kRefused,    ///< What it sent is refused.
  kHandshake,  ///< Its handshake failed.
  kIdleTimeout,
  kRequestTimeout,  ///< A request was not all there in time.
  kWriteTimeout,    ///< An answer was not read in time.
  kEvicted,         ///< It gave way to another one.
  kNoRoom,          ///< Nobody gave way to it.
  kDrain,
  kBug,
};

inline constexpr std::array kAllCloseCauses{
    CloseCause::kClient,       CloseCause::kAnswered,    CloseCause::kRefused,
    CloseCause::kHandshake,    CloseCause::kIdleTimeout, CloseCause::kRequestTimeout,
    CloseCause::kWriteTimeout, CloseCause::kEvicted,     CloseCause::kNoRoom,
    CloseCause::kDrain,        CloseCause::kBug};

/// Why a TLS handshake failed.
enum class HandshakeFailure {
  kClient,  ///< The other side closed the connection.
  kTimeout,
  kNotTls,
  kNothingInCommon,    ///< No version or cipher suite that both have.
  kClientCertificate,  ///< It has none, or not one of our client CA and names.
  kServerCertificate,  ///< It does not trust ours.
  kOther,
};

inline constexpr std::array kAllHandshakeFailures{HandshakeFailure::kClient,
                                                  HandshakeFailure::kTimeout,
                                                  HandshakeFailure::kNotTls,
                                                  HandshakeFailure::kNothingInCommon,
                                                  HandshakeFailure::kClientCertificate,
                                                  HandshakeFailure::kServerCertificate,
                                                  HandshakeFailure::kOther};

/// As labels of metrics.
std::string_view to_string(CloseCause cause);
std::string_view to_string(HandshakeFailure failure);

}  // namespace webhook

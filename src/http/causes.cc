#include "http/causes.h"

namespace webhook {

std::string_view to_string(CloseCause cause) {
  switch (cause) {
    case CloseCause::kClient: return "client";
    case CloseCause::kAnswered: return "answered";
    case CloseCause::kRefused: return "refused";
    case CloseCause::kHandshake: return "handshake";
    case CloseCause::kIdleTimeout: return "idle_timeout";
    case CloseCause::kRequestTimeout: return "request_timeout";
    case CloseCause::kWriteTimeout: return "write_timeout";
    case CloseCause::kEvicted: return "evicted";
    case CloseCause::kNoRoom: return "no_room";
    case CloseCause::kDrain: return "drain";
    case CloseCause::kBug: break;
  }
  return "bug";
}

std::string_view to_string(HandshakeFailure failure) {
  switch (failure) {
    case HandshakeFailure::kClient: return "client";
    case HandshakeFailure::kTimeout: return "timeout";
    case HandshakeFailure::kNotTls: return "not_tls";
    case HandshakeFailure::kNothingInCommon: return "nothing_in_common";
    case HandshakeFailure::kClientCertificate: return "client_certificate";
    case HandshakeFailure::kServerCertificate: return "server_certificate";
    case HandshakeFailure::kOther: break;
  }
  return "other";
}

}  // namespace webhook

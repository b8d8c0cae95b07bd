#include "base/status.h"

#include <nlohmann/json.hpp>

namespace webhook {
namespace {

/// metav1.StatusReason of an HTTP code (k8s.io/apimachinery/pkg/apis/meta/v1/types.go).
std::string_view to_reason(int code) {
  switch (code) {
    case 400: return "BadRequest";
    case 404: return "NotFound";
    case 405: return "MethodNotAllowed";
    case 413: return "RequestEntityTooLarge";
    case 415: return "UnsupportedMediaType";
    case 500: return "InternalError";
    case 503: return "ServiceUnavailable";
    default: return "";
  }
}

}  // namespace

std::string to_status(int code, std::string_view message) {
  using Json = nlohmann::json;
  const Json status = {{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", Json::object()},
                       {"status", "Failure"}, {"message", message}, {"reason", to_reason(code)},
                       {"code", code}};
  return status.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace webhook

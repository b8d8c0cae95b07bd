#pragma once

#include <string>
#include <string_view>

namespace webhook {

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";  ///< One of our own.
  bool retry_after = false;                            ///< Ask to be called again in a second.
  std::string allow = {};  ///< The methods that the path does take; for 405.
};

/// A metav1.Status that says what is wrong.
HttpAnswer to_error(int status, std::string_view message);

/// How an answer leaves.
struct Sending {
  bool closes = false;        ///< Says `Connection: close`.
  bool without_body = false;  ///< As HEAD asks for.
};

/// The bytes of `answer`. Never compressed, whatever the client offers: an API server offers gzip
/// with each request, and it would cost several times the review.
std::string to_bytes(const HttpAnswer& answer, Sending how);

}  // namespace webhook

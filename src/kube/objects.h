#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/client.h"
#include "yaml/manifest.h"

namespace webhook {

/// ": " and what the API server says of a request that it refused, printable and bounded. Or
/// nothing.
std::string to_reason(const HttpResponse& answer);

/// One object of the API; nothing where there is none (404). Error: "GET URL: status 403 (expected
/// a role that allows it)", whose body the client does not read.
Result<std::optional<Document>> get_object(const KubeClient& client, const std::string& path);

/// Where a list is, and how much of it comes with one answer.
struct ListQuery {
  std::string path;                 ///< Such as "/api/v1/pods".
  std::string field_selector = {};  ///< Encoded for a URL; empty: everything.
  int page = 100;                   ///< Objects an answer; the API server keeps the rest.
};

/// Calls `visit` once for each object of a list, a page after another. Where the list expires
/// meanwhile (410) it begins anew with what is there by then, three times at most. Error: as
/// get_object().
std::optional<Error> for_each_object(const KubeClient& client, const ListQuery& query,
                                     const std::function<void(Document&)>& visit);

}  // namespace webhook

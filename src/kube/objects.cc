#include "kube/objects.h"

#include <set>
#include <utility>

#include "base/json_at.h"
#include "base/text.h"

namespace webhook {
namespace {

/// Of an object, or of a page of them: an object has up to 3 MiB as it is stored.
constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 20U;
constexpr std::size_t kMaxReason = 300;

Document parse(const std::string& body) { return Document::parse(body, nullptr, false); }

Error unexpected(const KubeClient& client, const std::string& path, const HttpResponse& answer) {
  std::string expected = "expected 200";
  if (answer.status == 401) expected = "expected valid credentials";
  if (answer.status == 403) expected = "expected a role that allows it";
  return Error{"GET " + client.address() + path + ": status " + std::to_string(answer.status) +
               " (" + expected + ')'};
}

Result<HttpResponse> ask(const KubeClient& client, const std::string& path) {
  return client.send({.path = path, .max_body_bytes = kMaxAnswerBytes});
}

/// What a page says of the next one.
struct Page {
  std::string next;          ///< Its continue token; empty after the last.
  bool has_expired = false;  ///< The API server no longer has the list as it was.
};

Result<Page> read_page(const KubeClient& client, const std::string& path, bool is_first,
                       const std::function<void(Document&)>& visit) {
  const auto answer = ask(client, path);
  if (!answer) return answer.error();
  if (answer->status == 410 && !is_first) return Page{.next = {}, .has_expired = true};
  if (answer->status != 200) return unexpected(client, path, *answer);
  Document body = parse(answer->body);
  if (!body.is_object() || !body.contains("items")) {
    return Error{"GET " + client.address() + path + ": not a list of the API"};
  }
  if (body["items"].is_array()) {
    for (Document& item : body["items"]) visit(item);
  }
  return Page{.next = string_at(body, "/metadata/continue")};
}

}  // namespace

std::string to_reason(const HttpResponse& answer) {
  const std::string message = string_at(parse(answer.body), "/message");
  return message.empty() ? "" : ": " + to_printable(message, kMaxReason);
}

Result<std::optional<Document>> get_object(const KubeClient& client, const std::string& path) {
  const auto answer = ask(client, path);
  if (!answer) return answer.error();
  if (answer->status == 404) return std::optional<Document>();
  if (answer->status != 200) return unexpected(client, path, *answer);
  Document object = parse(answer->body);
  if (!object.is_object() || !object.contains("metadata")) {
    return Error{"GET " + client.address() + path + ": not an object of the API"};
  }
  return std::optional(std::move(object));
}

std::optional<Error> for_each_object(const KubeClient& client, const ListQuery& query,
                                     const std::function<void(Document&)>& visit) {
  constexpr int kMostStarts = 3;
  const std::string path =
      query.path + "?limit=" + std::to_string(query.page) +
      (query.field_selector.empty() ? "" : "&fieldSelector=" + query.field_selector);
  std::set<std::string> seen;
  const auto visit_once = [&](Document& object) {
    if (seen.insert(string_at(object, "/metadata/uid")).second) visit(object);
  };
  std::string token;
  for (int starts = 1; starts <= kMostStarts;) {
    const std::string rest = token.empty() ? "" : "&continue=" + percent_encoded(token);
    auto page = read_page(client, path + rest, token.empty(), visit_once);
    if (!page) return page.error();
    if (page->has_expired) {
      ++starts;
    } else if (page->next.empty()) {
      return std::nullopt;
    } else if (page->next == token) {
      return Error{"GET " + client.address() + path + ": the same page again (expected the next)"};
    }
    token = std::move(page->next);
  }
  return Error{"GET " + client.address() + path + ": the list expires before its end (status 410)"};
}

}  // namespace webhook

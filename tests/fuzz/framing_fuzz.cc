// Any bytes for the beginning of a connection. Where a request ends must not depend on what comes
// after it, nor be found before it is all there.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "http/framing.h"
#include "http/query.h"
#include "http/trace_context.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxBody = 1U << 20U;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "framing_fuzz: %s\n", what);
  std::abort();
}

void check(std::string_view bytes) {
  const auto framing = frame_request(bytes, kMaxBody);
  if (const auto* refusal = std::get_if<Refusal>(&framing)) {
    require(refusal->status >= 400 && refusal->status < 600, "refused with no error's status");
    require(!refusal->message.empty(), "refused without a reason");
  }
  const auto* framed = std::get_if<Framed>(&framing);
  if (framed == nullptr) return;
  require(framed->head <= bytes.size() && framed->head <= kMaxHeadBytes,
          "a head that is not there");
  require(framed->body <= kMaxBody, "a body over the limit");
  const std::string_view head = bytes.substr(0, framed->head);
  require(head.ends_with("\r\n\r\n"), "the head does not end in an empty line");
  require(head.find('\0') == std::string_view::npos, "a NUL in the head");
  for (const std::string_view part :
       {framed->method, framed->path, framed->query, framed->content_type, framed->traceparent}) {
    require(part.empty() || head.find(part) != std::string_view::npos, "a part that was not sent");
  }
  require(!framed->method.empty() && framed->path.starts_with('/'), "no method or no path");
  require(framed->path.find('?') == std::string_view::npos, "a query in the path");
  query_value(framed->query, "timeout");
  const std::string_view trace = to_trace_id(framed->traceparent);
  require(trace.empty() || trace.size() == 32, "a trace id of another length");
  const auto alone = frame_request(head, kMaxBody);
  const auto* same = std::get_if<Framed>(&alone);
  require(same != nullptr && same->head == framed->head && same->body == framed->body &&
              same->path == framed->path && same->query == framed->query,
          "what follows the head changes the framing");
  for (std::size_t cut = 0; cut < framed->head; ++cut) {
    require(!std::holds_alternative<Framed>(frame_request(head.substr(0, cut), kMaxBody)),
            "a part of the head is a request");
  }
}

}  // namespace
}  // namespace webhook

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  webhook::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}

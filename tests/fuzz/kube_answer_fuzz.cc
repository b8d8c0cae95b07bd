// Any bytes for an API server's answer: how they are cut says nothing, the limits hold, and what is
// taken for an answer is one to cpp-httplib too.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "kube/http_exchange.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxBody = 512;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "kube_answer_fuzz: %s\n", what);
  std::abort();
}

struct Read {
  Result<HttpResponse> response;
  bool keeps_connection;
};

Read read_in_pieces(std::string_view bytes, std::size_t size) {
  AnswerFraming framing(kMaxBody);
  const ByteChannel channel{.read = [&]() -> Result<std::string_view> {
                              const std::string_view piece = bytes.substr(0, size);
                              bytes.remove_prefix(piece.size());
                              return piece;
                            },
                            .write = [](std::string_view) { return std::nullopt; }};
  auto response = exchange_http(channel, {}, framing);
  return {.response = std::move(response), .keeps_connection = framing.keeps_connection()};
}

void check(std::string_view bytes) {
  const Read whole = read_in_pieces(bytes, bytes.size() + 1);
  const Read pieces = read_in_pieces(bytes, 1);
  require(whole.response.has_value() == pieces.response.has_value(), "the cut decides");
  if (!whole.response) {
    require(!whole.response.error().message.empty(), "refused without a reason");
    require(whole.response.error().message == pieces.response.error().message,
            "the cut changes the reason");
    return;
  }
  const HttpResponse& got = *whole.response;
  require(got.status >= 200 && got.status <= 999, "a status that is not final");
  require(got.body.size() <= kMaxBody, "a body over the limit");
  require(got.body.empty() || AnswerFraming::reads_body(got.status), "a body that is not read");
  require(got.status == pieces.response->status && got.body == pieces.response->body &&
              got.date == pieces.response->date,
          "the cut changes the answer");
  // What follows an answer is not seen when it has not come yet.
  require(!whole.keeps_connection || pieces.keeps_connection, "what follows is forgotten");
}

}  // namespace
}  // namespace webhook

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  webhook::check(std::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}

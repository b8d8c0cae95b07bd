#include "support/watched_server.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace webhook::test {
namespace {

/// The value of parameter `name` in the first line of `request`; empty without one.
std::string parameter(const std::string& request, std::string_view name) {
  const std::string line = request.substr(0, request.find("\r\n"));
  const std::size_t at = line.find(std::string(name) + '=');
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return line.substr(begin, line.find_first_of("& ", begin) - begin);
}

int to_int(const std::string& text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::string object(const std::string& name, int value, int version) {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + std::to_string(version) +
         R"("},"value":)" + std::to_string(value) + '}';
}

std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

std::string chunk(std::string_view bytes) {
  std::array<char, 16> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  return std::string(size.data(), end) + "\r\n" + std::string(bytes) + "\r\n";
}

std::string answer(int status, std::string_view body) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Some Words\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

constexpr std::string_view kStreamHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view kStreamEnd = "0\r\n\r\n";

}  // namespace

WatchedServer::WatchedServer(const Pair& pair, std::uint32_t seed, bool is_replaced)
    : pair_(pair),
      is_replaced_(is_replaced),
      random_(seed),
      server_(pair, [this](TlsPeer& peer) { serve(peer); }) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < 60; ++i) change();
}

KubeAccess WatchedServer::access() const {
  KubeAccess access;
  access.host = "127.0.0.1";
  access.port = server_.port();
  access.server_name = "localhost";
  access.authorities.data = pair_.certificate_pem;
  return access;
}

void WatchedServer::calm_down() {
  const std::lock_guard lock(mutex_);
  is_calm_ = true;
}

WatchedServer::Objects WatchedServer::objects() {
  const std::lock_guard lock(mutex_);
  return objects_;
}

std::map<std::string, int> WatchedServer::played() {
  const std::lock_guard lock(mutex_);
  return played_;
}

bool WatchedServer::plays(const char* what, int in_hundred) {
  const bool is_played = !is_calm_ && pick(100) < in_hundred;
  played_[what] += is_played ? 1 : 0;
  return is_played;
}

/// Each request finds the world a little further; what it returns says whether the connection may
/// go on.
void WatchedServer::serve(TlsPeer& peer) {
  for (;;) {
    const std::string request = peer.read_request();
    if (request.empty()) return;
    const std::lock_guard lock(mutex_);
    for (int i = is_calm_ ? 0 : pick(4); i > 0; --i) change();
    if (is_replaced_ && plays("another server", 12)) replace();
    if (plays("the past forgotten", 5)) {
      oldest_version_ = version_;
      history_.clear();
      pasts_.clear();
    }
    if (plays("cut before an answer", 5)) return;
    const bool goes_on = parameter(request, "watch").empty()
                             ? list(peer, request)
                             : watch(peer, to_int(parameter(request, "resourceVersion")));
    if (!goes_on) return;
  }
}

void WatchedServer::change() {
  const std::string name = 'n' + std::to_string(pick(90));
  const auto there = objects_.find(name);
  ++version_;
  if (there != objects_.end() && pick(3) == 0) {
    history_.push_back({version_, event("DELETED", object(name, there->second, version_))});
    objects_.erase(there);
    return;
  }
  const int value = pick(1'000'000);
  history_.push_back({version_, event(there == objects_.end() ? "ADDED" : "MODIFIED",
                                      object(name, value, version_))});
  objects_[name] = value;
}

/// Behind the address is another server, whose etcd has another past: as many versions, or fewer,
/// or more.
void WatchedServer::replace() {
  history_.clear();
  pasts_.clear();
  for (int i = pick(20); i > 0; --i) objects_.erase('n' + std::to_string(pick(90)));
  version_ = std::max(1, version_ + pick(200) - 170);
  oldest_version_ = version_;
  for (int i = pick(30); i > 0; --i) change();
}

bool WatchedServer::refuse(TlsPeer& peer, int status) {
  peer.send(answer(status, R"({"kind":"Status","apiVersion":"v1"})"));
  return status / 100 == 2;
}

std::string WatchedServer::page(const std::string& token, std::size_t limit) {
  const int version = token.empty() ? version_ : to_int(token);
  if (token.empty()) pasts_[version] = objects_;
  const Objects& past = pasts_.at(version);
  auto each = token.empty() ? past.begin() : past.upper_bound(token.substr(token.find('_') + 1));
  std::string items;
  std::string last;
  for (std::size_t count = 0; count < limit && each != past.end(); ++count, ++each) {
    items += (items.empty() ? "" : ",") + object(each->first, each->second, version);
    last = each->first;
  }
  const std::string next = each == past.end() ? "" : std::to_string(version) + '_' + last;
  return R"({"kind":"List","metadata":{"resourceVersion":")" + std::to_string(version) +
         R"(","continue":")" + next + R"("},"items":[)" + items + "]}\n";
}

bool WatchedServer::list(TlsPeer& peer, const std::string& request) {
  const std::string token = parameter(request, "continue");
  if (!token.empty() && pasts_.count(to_int(token)) == 0) {
    ++played_["410 of a page"];
    return refuse(peer, 410);
  }
  if (plays("500 of a list", 5)) return refuse(peer, 500);
  if (plays("403 of a list", 5)) return refuse(peer, 403);
  const std::string body =
      page(token, static_cast<std::size_t>(to_int(parameter(request, "limit"))));
  if (plays("nonsense for a page", 3)) {
    peer.send(answer(200, body.substr(0, body.size() / 2)));
    return true;
  }
  std::string bytes = answer(200, body);
  const bool is_cut = plays("cut in a page", 5);
  if (is_cut) bytes.resize(bytes.size() / 2);
  peer.send(bytes);
  return !is_cut;
}

bool WatchedServer::watch(TlsPeer& peer, int from) {
  if (from < oldest_version_ || (from > version_ && plays("410 of a version to come", 50))) {
    ++played_["410 of a watch"];
    if (pick(2) == 0) return refuse(peer, 410);
    peer.send(std::string(kStreamHead) +
              chunk(event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired"})")) +
              std::string(kStreamEnd));
    return true;
  }
  if (plays("403 of a watch", 3)) return refuse(peer, 403);
  peer.send(kStreamHead);
  for (int i = is_calm_ ? 0 : pick(6); i > 0; --i) change();
  // Of a version that is yet to come a server says nothing at all.
  if (from > version_) {
    ++played_["silence about a version to come"];
    peer.send(kStreamEnd);
    return true;
  }
  for (const Event& each : history_) {
    if (each.version > from) peer.send(chunk(each.line));
  }
  return end_watch(peer);
}

bool WatchedServer::end_watch(TlsPeer& peer) {
  if (plays("cut in an event", 10)) {
    peer.send(chunk(R"({"type":"ADDED","object":{"metadata":{"name":"n1","resourceVersi)"));
    return false;
  }
  if (plays("cut in a chunk", 5)) {
    peer.send("9999\r\n{\"type\":");
    return false;
  }
  if (plays("cut between events", 10)) return false;
  if (plays("500 in a watch", 5)) {
    peer.send(chunk(event("ERROR", R"({"kind":"Status","code":500})")));
  } else if (plays("nonsense in a watch", 5)) {
    peer.send(chunk("nonsense\n"));
  } else if (!plays("no bookmark", 20)) {
    peer.send(chunk(event(
        "BOOKMARK", R"({"metadata":{"resourceVersion":")" + std::to_string(version_) + R"("}})")));
  }
  peer.send(kStreamEnd);
  return true;
}

}  // namespace webhook::test

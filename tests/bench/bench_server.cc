// The servers that tests/bench/run compares: `bench_server stock|ours CERTIFICATE KEY`. Both answer
// POST /fixed with the same kilobyte. `stock` is cpp-httplib's own server with the options one
// would give it, and answers POST /mutate from a review read with nlohmann's DOM: what this webhook
// would be without its transport and reader. Prints its port; ends with standard input.

#include <httplib.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "http/listener.h"
#include "tls/serving_certificate.h"

namespace {

using Json = nlohmann::json;

const std::string kFixed(1024, 'x');

Json operation(const char* path, Json value) {
  return {{"op", "add"}, {"path", path}, {"value", std::move(value)}};
}

/// A patch of about the size of ours, for any pod.
Json make_patch(const Json& pod) {
  const Json context = {
      {"allowPrivilegeEscalation", false},
      {"capabilities", {{"add", {"NET_ADMIN"}}}},
      {"procMount", "Unmasked"},
      {"seccompProfile", {{"type", "Localhost"}, {"localhostProfile", "p.json"}}}};
  Json patch = Json::array();
  patch.push_back(operation("/spec/hostUsers", false));
  patch.push_back(operation("/metadata/annotations/checksum~1seccomp", std::string(64, 'a')));
  patch.push_back(operation("/spec/volumes/-", {{"name", "seccomp-profile"}}));
  patch.push_back(operation("/spec/volumes/-", {{"name", "host-seccomp"}}));
  patch.push_back(operation(
      "/spec/initContainers",
      {{{"name", "install-seccomp"}, {"command", {"sh", "-c", std::string(1500, 's')}}}}));
  for (std::size_t i = 0; i < pod.at("spec").at("containers").size(); ++i) {
    if (pod["spec"]["containers"][i].at("name") != "code-executor") continue;
    patch.push_back(
        operation(("/spec/containers/" + std::to_string(i) + "/securityContext").c_str(), context));
  }
  return patch;
}

std::string answer_review(const std::string& body) {
  const Json review = Json::parse(body);
  const Json& request = review.at("request");
  return Json{{"apiVersion", "admission.k8s.io/v1"},
              {"kind", "AdmissionReview"},
              {"response",
               {{"uid", request.at("uid")},
                {"allowed", true},
                {"patchType", "JSONPatch"},
                {"patch", webhook::to_base64(make_patch(request.at("object")).dump())}}}}
      .dump();
}

void wait_for_end_of_input() {
  for (std::string line; std::getline(std::cin, line);) {
  }
}

void run_stock(const char* certificate, const char* key) {
  httplib::SSLServer server(certificate, key);
  server.new_task_queue = [] { return new httplib::ThreadPool(512); };
  server.set_keep_alive_max_count(1'000'000'000);
  server.set_keep_alive_timeout(150);
  server.set_tcp_nodelay(true);
  server.Post("/fixed", [](const httplib::Request&, httplib::Response& to) {
    to.set_content(kFixed, "application/json");
  });
  server.Post("/mutate", [](const httplib::Request& http, httplib::Response& to) {
    to.set_content(answer_review(http.body), "application/json");
  });
  std::cout << server.bind_to_any_port("127.0.0.1") << std::endl;
  std::thread listener([&server] { server.listen_after_bind(); });
  wait_for_end_of_input();
  std::_Exit(0);  // 512 threads may each be waiting for a keep-alive to end
}

void run_ours(const char* certificate, const char* key) {
  const webhook::ServingCertificate pair({.certificate = certificate, .key = key, .client_ca = {}},
                                         {});
  webhook::HttpListener server(
      {.address = "127.0.0.1:0", .tls = [&pair] { return pair.context(); }},
      {{.method = "POST", .path = "/fixed", .handler = [](const webhook::HttpRequest&) {
          return webhook::HttpAnswer{.body = kFixed};
        }}});
  server.start();
  std::cout << server.address().substr(server.address().rfind(':') + 1) << std::endl;
  wait_for_end_of_input();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string which = argc == 4 ? argv[1] : "";
  if (which == "stock") {
    run_stock(argv[2], argv[3]);
  } else if (which == "ours") {
    run_ours(argv[2], argv[3]);
  } else {
    std::cerr << "bench_server stock|ours CERTIFICATE KEY\n";
    return 2;
  }
}

#include "cli/nodes.h"

#include <cstddef>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "base/json_at.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "cli/common.h"
#include "kube/client.h"
#include "scheduling/node_inventory.h"
#include "scheduling/node_list.h"
#include "scheduling/node_snapshot.h"

namespace webhook {
namespace {

/// A node with its images and owners of fields has some 20 KB, and a page is parsed as a whole.
constexpr std::size_t kMostPageBytes = std::size_t{64} << 20U;
constexpr const char* kPageSize = "100";
/// 100,000 objects, as the server's watch takes: else pages could come without end.
constexpr int kMostPages = 1000;

bool is_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

void put_json(const std::string& text, const std::string& name, NodeInventory& inventory) {
  JsonParser parser;
  JsonDocument document(parser, text);
  const JsonValue root = document.root();
  if (root.is_present()) put_objects(root, inventory);
  if (document.error()) throw std::runtime_error(name + ": " + document.error()->message);
}

/// Reads one page, and returns what the next one is asked with: empty after the last.
Result<std::string> read_page(const std::string& body, std::string_view kind,
                              NodeInventory& inventory) {
  JsonParser parser;
  JsonDocument document(parser, body);
  const JsonValue root = document.root();
  const bool is_of_nodes = kind == "nodes";
  const JsonValue own_kind = root.field("kind");
  const std::string_view expected = is_of_nodes ? "NodeList" : "RuntimeClassList";
  if (own_kind.string() != expected) own_kind.refuse("expected " + std::string(expected));
  const JsonValue items = root.field("items");
  items.for_each([&](const JsonValue& item, std::size_t) {
    if (is_of_nodes) {
      inventory.put(read_cluster_node(item));
    } else {
      inventory.put(read_runtime_class(item));
    }
  });
  const JsonValue metadata = root.field("metadata");
  std::string next(metadata.field("continue").string());
  if (items.size() == 0 && !next.empty()) items.refuse("is empty, but there is more");
  if (document.error()) return *document.error();
  return next;
}

/// Error: why not all could be read.
std::optional<Error> list_all(const KubeClient& client, const std::string& group,
                              std::string_view kind, NodeInventory& inventory) {
  std::string next;
  for (int pages = 0; pages < kMostPages; ++pages) {
    std::string path = group + '/' + std::string(kind) + "?limit=" + kPageSize;
    if (!next.empty()) path += "&continue=" + percent_encoded(next);
    const auto answer = client.send({.path = path, .max_body_bytes = kMostPageBytes});
    if (!answer) return answer.error();
    if (answer->status != 200) {
      return Error{client.address() + path + ": answered " + std::to_string(answer->status) +
                   " (expected 200: the right to list " + std::string(kind) + ")"};
    }
    auto page = read_page(answer->body, kind, inventory);
    if (!page) return Error{client.address() + path + ": " + page.error().message};
    next = std::move(*page);
    if (next.empty()) return std::nullopt;
  }
  return Error{client.address() + group + '/' + std::string(kind) + ": over " +
               std::to_string(kMostPages) + " pages of " + kPageSize};
}

}  // namespace

void put_node(const Document& object, NodeInventory& inventory) {
  put_json(object.dump(), string_at(object, "/kind"), inventory);
}

std::shared_ptr<const NodeSnapshot> load_nodes(const std::string& file) {
  NodeInventory inventory;
  const std::string text = read_input(file);
  if (is_json(text)) {
    put_json(text, file, inventory);
  } else {
    for (const Document& document : parse_manifest(text, file)) {
      put_json(document.dump(), file, inventory);
    }
  }
  return inventory.snapshot();
}

std::shared_ptr<const NodeSnapshot> list_nodes(const KubeClient& client) {
  NodeInventory inventory;
  auto problem = list_all(client, "/api/v1", "nodes", inventory);
  if (problem) {
    std::cerr << "nodes are not known: " << problem->message << '\n';
    return nullptr;
  }
  // Without them, what a runtime says of a pod's handler is not known.
  problem = list_all(client, "/apis/node.k8s.io/v1", "runtimeclasses", inventory);
  if (problem) std::cerr << "RuntimeClasses are not known: " << problem->message << '\n';
  return inventory.snapshot();
}

}  // namespace webhook

#include "yaml/composer.h"

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "yaml/error.h"
#include "yaml/event_reader.h"
#include "yaml/scalar.h"

namespace webhook {
namespace {

using Json = nlohmann::ordered_json;
using Kind = YamlEvent::Kind;

/// What aliases may repeat: a few nested ones could make gigabytes of a short text. A value counts
/// as its text and this many bytes more.
constexpr std::size_t kMaxRepeatedBytes = std::size_t{16} << 20U;
constexpr std::size_t kBytesOfNode = 64;

/// A node that aliases can name.
struct Anchor {
  std::optional<Json> value;  ///< None while the node is being read.
  std::size_t bytes = 0;      ///< As kMaxRepeatedBytes counts.
};

/// A mapping that is being read, which finds a key in constant time.
struct Mapping {
  struct Member {
    std::size_t index;
    YAML::Mark mark;
    bool is_merged;  ///< From "<<": a key behind it takes its place.
  };

  Json value = Json::object();
  std::unordered_map<std::string, Member> members;
  std::optional<YAML::Mark> merge;  ///< Where "<<" is.

  /// Puts a key that is not there yet last. Not by operator[], which would look at all keys.
  void add(std::string key, Json member, const YAML::Mark& mark, bool is_merged) {
    auto& object = value.get_ref<Json::object_t&>();
    members.emplace(key, Member{object.size(), mark, is_merged});
    object.emplace_back(std::move(key), std::move(member));
  }
};

std::string to_text(const YAML::Mark& mark) {
  return std::to_string(mark.line + 1) + ':' + std::to_string(mark.column + 1);
}

class Composer {
 public:
  Composer(const std::string& text, const std::string& name) : name_(name), reader_(text, name) {}

  std::vector<YamlDocument> compose() {
    std::vector<YamlDocument> documents;
    while (reader_.next().kind == Kind::kDocumentStart) {
      anchors_.clear();
      const YamlEvent event = reader_.next();
      documents.push_back({.value = read_node(event), .mark = event.mark});
      reader_.next();  // the end of the document
    }
    return documents;
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, const std::string& what) const {
    throw YamlError(name_, mark, what);
  }

  /// The node that begins with `event`.
  Json read_node(const YamlEvent& event) {
    if (event.kind == Kind::kAlias) return repeat(event);
    const std::size_t before = bytes_;
    std::shared_ptr<Anchor> anchor;
    if (!event.anchor.empty()) anchor = anchors_[event.anchor] = std::make_shared<Anchor>();
    bytes_ += kBytesOfNode + event.value.size();
    Json value = event.kind == Kind::kScalar          ? read_scalar(event)
                 : event.kind == Kind::kSequenceStart ? read_sequence(event)
                                                      : read_mapping(event);
    if (anchor) *anchor = {.value = value, .bytes = bytes_ - before};
    return value;
  }

  Json repeat(const YamlEvent& event) {
    const auto found = anchors_.find(event.anchor);
    const std::string name = '*' + event.anchor;
    if (found == anchors_.end()) fail(event.mark, name + " is unknown (expected an anchor before)");
    const Anchor& anchor = *found->second;
    if (!anchor.value) fail(event.mark, name + " is inside of what it repeats (expected outside)");
    repeated_ += anchor.bytes;
    bytes_ += anchor.bytes;
    if (repeated_ > kMaxRepeatedBytes) {
      fail(event.mark, "too large once its aliases are expanded (expected at most 16 MiB of them)");
    }
    return *anchor.value;
  }

  Json read_sequence(const YamlEvent& start) {
    refuse_tag(start, "tag:yaml.org,2002:seq");
    Json list = Json::array();
    for (YamlEvent event = reader_.next(); event.kind != Kind::kSequenceEnd;
         event = reader_.next()) {
      list.push_back(read_node(event));
    }
    return list;
  }

  Json read_mapping(const YamlEvent& start) {
    refuse_tag(start, "tag:yaml.org,2002:map");
    Mapping mapping;
    for (YamlEvent event = reader_.next(); event.kind != Kind::kMappingEnd;
         event = reader_.next()) {
      if (event.kind == Kind::kScalar && event.is_plain && event.value == "<<") {
        (void)read_node(event);  // it may have an anchor
        merge(mapping, event.mark);
      } else {
        read_member(mapping, event);
      }
    }
    return std::move(mapping.value);
  }

  void read_member(Mapping& mapping, const YamlEvent& event) {
    std::string key = read_key(event);
    const auto found = mapping.members.find(key);
    if (found == mapping.members.end()) {
      Json value = read_node(reader_.next());
      mapping.add(std::move(key), std::move(value), event.mark, false);
      return;
    }
    Mapping::Member& member = found->second;
    if (!member.is_merged) {
      fail(event.mark, "key '" + key + "' is there twice, first at " + to_text(member.mark) +
                           " (expected once)");
    }
    member = {.index = member.index, .mark = event.mark, .is_merged = false};
    const auto first = mapping.value.get_ref<Json::object_t&>().begin();
    (first + static_cast<std::ptrdiff_t>(member.index))->second = read_node(reader_.next());
  }

  /// "<<": the members of a mapping, or of each of a list of them, that are not there yet.
  void merge(Mapping& mapping, const YAML::Mark& mark) {
    if (mapping.merge) {
      fail(mark, "key '<<' is there twice, first at " + to_text(*mapping.merge) +
                     " (expected one, with a list)");
    }
    mapping.merge = mark;
    const YamlEvent event = reader_.next();
    const Json from = read_node(event);
    const bool is_list = from.is_array() && event.kind != Kind::kAlias;
    for (const Json& members : is_list ? from : Json::array({from})) {
      if (!members.is_object()) {
        fail(event.mark, "<< is not a mapping (expected one, or a list of them)");
      }
      for (const auto& [key, value] : members.items()) {
        const auto found = mapping.members.find(key);
        if (found == mapping.members.end()) {
          mapping.add(key, value, event.mark, true);
        } else if (!found->second.is_merged) {
          // YAML says that the key's own value counts, kubectl's reader takes the merged one.
          fail(mark, "<< has key '" + key + "' too, which stands before it at " +
                         to_text(found->second.mark) + " (expected << first)");
        }
      }
    }
  }

  std::string read_key(const YamlEvent& event) {
    const Json key = read_node(event);
    if (key.is_structured()) fail(event.mark, "key is not a scalar (expected a string)");
    auto text = to_key(key);
    if (!text) {
      fail(event.mark, "key is " + (key.is_null() ? "null" : key.dump()) + " (expected a string)");
    }
    return *std::move(text);
  }

  [[nodiscard]] Json read_scalar(const YamlEvent& event) const {
    if (event.tag.empty() && !event.is_plain) return event.value;
    static const std::string kCore = "tag:yaml.org,2002:";
    const std::string type = event.tag.starts_with(kCore) ? event.tag.substr(kCore.size()) : "";
    if (type == "str") return event.value;
    const bool is_known =
        event.tag.empty() || type == "null" || type == "bool" || type == "int" || type == "float";
    if (!is_known) fail(event.mark, "tag '" + event.tag + "' (expected none)");
    auto value = resolve_scalar(event.value);
    if (!value) {
      fail(event.mark, "number '" + event.value + "' (expected one that JSON can hold)");
    }
    // A larger number may not be the same as a float.
    const bool is_small =
        value->is_number_integer() && std::abs(value->get<double>()) <= 9007199254740992.0;
    if (type == "float" && is_small) *value = value->get<double>();
    const bool is_right = type.empty() || (type == "null" && value->is_null()) ||
                          (type == "bool" && value->is_boolean()) ||
                          (type == "int" && value->is_number_integer()) ||
                          (type == "float" && value->is_number_float());
    if (!is_right) fail(event.mark, "'" + event.value + "' is no " + type + " (expected no tag)");
    return *std::move(value);
  }

  void refuse_tag(const YamlEvent& event, std::string_view redundant) const {
    if (event.tag.empty() || event.tag == "!" || event.tag == redundant) return;
    fail(event.mark, "tag '" + event.tag + "' (expected none)");
  }

  const std::string& name_;
  YamlEventReader reader_;
  std::map<std::string, std::shared_ptr<Anchor>> anchors_;
  std::size_t bytes_ = 0;
  std::size_t repeated_ = 0;
};

}  // namespace

std::vector<YamlDocument> compose_yaml(const std::string& text, const std::string& name) {
  return Composer(text, name).compose();
}

}  // namespace webhook

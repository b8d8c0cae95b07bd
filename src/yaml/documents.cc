#include "yaml/documents.h"

#include <yaml-cpp/eventhandler.h>

#include <map>
#include <sstream>

#include "yaml/composer.h"
#include "yaml/error.h"
#include "yaml/event_reader.h"
#include "yaml/scalar.h"

namespace webhook {
namespace {

using Kind = YamlEvent::Kind;

/// Hears what yaml-cpp reads, and throws where libyaml reads something else in the same text: an
/// unclosed quote at its end, `[a::, b]`, and texts of which yaml-cpp 0.7 makes documents for ever.
class Comparison final : public YAML::EventHandler {
 public:
  Comparison(const std::string& text, const std::string& name) : name_(name), reader_(text, name) {}

  void OnDocumentStart(const YAML::Mark& /*mark*/) override {
    names_.clear();
    (void)expect(Kind::kDocumentStart);
  }
  void OnDocumentEnd() override { (void)expect(Kind::kDocumentEnd); }
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t anchor) override {
    const YamlEvent event = expect(Kind::kScalar);
    const auto value = resolve_scalar(event.value);
    require(event.is_plain && value && value->is_null(), event);
    define(event, anchor);
  }
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t anchor) override {
    const YamlEvent event = expect(Kind::kAlias);
    const auto found = names_.find(event.anchor);
    require(found != names_.end() && found->second == anchor, event);
  }
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const YamlEvent event = expect(Kind::kScalar);
    require(event.value == value && event.is_plain == (tag == "?"), event);
    if (event.is_plain && value == "<<") {
      throw YamlError(name_, event.mark, "<< is not read here (expected the keys themselves)");
    }
    define(event, anchor);
  }
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                       YAML::anchor_t anchor, YAML::EmitterStyle::value /*style*/) override {
    define(expect(Kind::kSequenceStart), anchor);
  }
  void OnSequenceEnd() override { (void)expect(Kind::kSequenceEnd); }
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    define(expect(Kind::kMappingStart), anchor);
  }
  void OnMapEnd() override { (void)expect(Kind::kMappingEnd); }

  void end() { (void)expect(Kind::kStreamEnd); }

 private:
  YamlEvent expect(Kind kind) {
    YamlEvent event = reader_.next();
    require(event.kind == kind, event);
    return event;
  }

  void require(bool is_same, const YamlEvent& event) const {
    if (is_same) return;
    throw YamlError(name_, event.mark,
                    "YAML that not every reader reads the same (expected it quoted, on one line)");
  }

  void define(const YamlEvent& event, YAML::anchor_t anchor) {
    require(event.anchor.empty() == (anchor == YAML::NullAnchor), event);
    if (!event.anchor.empty()) names_[event.anchor] = anchor;
  }

  const std::string& name_;
  YamlEventReader reader_;
  std::map<std::string, YAML::anchor_t> names_;
};

void compare_readers(const std::string& text, const std::string& name) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Comparison comparison(text, name);
  while (parser.HandleNextDocument(comparison)) {
  }
  comparison.end();
}

}  // namespace

std::vector<YAML::Node> load_yaml(const std::string& text, const std::string& name) {
  (void)compose_yaml(text, name);  // refuses what is not YAML, or could be taken for other data
  try {
    compare_readers(text, name);
    return YAML::LoadAll(text);
  } catch (const YAML::Exception& error) {
    throw YamlError(name, error.mark, "not YAML: " + error.msg);
  }
}

}  // namespace webhook

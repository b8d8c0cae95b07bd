#include "yaml/documents.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

#include "yaml/error.h"

namespace webhook {
namespace {

/// On some texts that are not YAML, yaml-cpp 0.7 no longer advances, and yields documents for ever.
/// This handler discards what is parsed, and throws there.
class ProgressCheck final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos <= last_start_) throw YAML::ParserException(mark, "a document that does not end");
    last_start_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_start_ = -1;
};

void check_progress(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  ProgressCheck check;
  while (parser.HandleNextDocument(check)) {
  }
}

}  // namespace

std::vector<YAML::Node> load_yaml(const std::string& text, const std::string& name) {
  try {
    check_progress(text);
    return YAML::LoadAll(text);
  } catch (const YAML::Exception& error) {
    throw YamlError(name, error.mark, "not YAML: " + error.msg);
  }
}

}  // namespace webhook

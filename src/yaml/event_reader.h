#pragma once

#include <yaml-cpp/mark.h>

#include <memory>
#include <string>

namespace webhook {

/// A step of a YAML stream.
struct YamlEvent {
  enum class Kind {
    kDocumentStart,
    kDocumentEnd,
    kAlias,
    kScalar,
    kSequenceStart,
    kSequenceEnd,
    kMappingStart,
    kMappingEnd,
    kStreamEnd,
  };

  Kind kind = Kind::kStreamEnd;
  YAML::Mark mark;
  std::string value;      ///< Of a scalar.
  std::string tag;        ///< As the text has it, with its handle resolved; mostly empty.
  std::string anchor;     ///< What the node is called, or what an alias names.
  bool is_plain = false;  ///< A scalar without quotes and tag, which may be more than a string.
};

/// Reads YAML with libyaml, of which the library that kubectl and Helm read YAML with is a
/// translation into Go: both take the same texts for YAML, and for the same data.
class YamlEventReader {
 public:
  /// `text` has to live as long as the reader; `name` stands in messages.
  YamlEventReader(const std::string& text, std::string name);
  ~YamlEventReader();
  YamlEventReader(const YamlEventReader&) = delete;
  YamlEventReader& operator=(const YamlEventReader&) = delete;

  /// The next event; kStreamEnd is the last. Throws YamlError for what is not YAML, and for more
  /// than 100 levels of mappings and lists.
  YamlEvent next();

 private:
  struct Parser;
  void open(bool is_flow);
  void close();
  void check_in_brackets(const YamlEvent& scalar) const;
  void check_byte_order_marks() const;
  [[nodiscard]] YAML::Mark mark_at(std::size_t offset) const;
  [[noreturn]] void fail() const;

  const std::string& text_;
  const std::string name_;
  std::unique_ptr<Parser> parser_;
  std::size_t depth_ = 0;
  std::size_t flow_depth_ = 0;  ///< How many of them are inside of brackets, these included.
};

}  // namespace webhook

#include "yaml/event_reader.h"

#include <yaml.h>

#include <new>
#include <string_view>

#include "yaml/error.h"

namespace webhook {
namespace {

constexpr std::size_t kMaxDepth = 100;  // API objects have some 20 levels

YAML::Mark to_mark(const yaml_mark_t& mark) {
  YAML::Mark to;
  to.pos = static_cast<int>(mark.index);
  to.line = static_cast<int>(mark.line);
  to.column = static_cast<int>(mark.column);
  return to;
}

std::string to_string(const yaml_char_t* text) {
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

/// What would be right, for the mistakes that people make. Empty for the others.
std::string_view expectation(std::string_view context, std::string_view problem) {
  struct Row {
    std::string_view context;
    std::string_view problem;
    std::string_view expected;
  };
  static constexpr Row kRows[] = {
      {"quoted scalar", "end of stream", "the closing quote"},
      {"quoted scalar", "document indicator", "the closing quote"},
      {"quoted scalar", "unknown escape", "\\\\ for a backslash, or single quotes"},
      {"quoted scalar", "Unicode character escape", "the character itself, or \\U and 8 digits"},
      {"flow sequence", "',' or ']'", "the closing ], or a comma between elements"},
      {"flow mapping", "',' or '}'", "the closing }, or a comma between members"},
      {"flow node", "node content", "a value, and the closing bracket"},
      {"block mapping", "expected key", "a key as deep as the first one of its mapping"},
      {"block collection", "'-' indicator", "a dash as deep as the first one of its list"},
      {"simple key", "expected ':'", "KEY: VALUE; a text of several lines behind | or in quotes"},
      {"next token", "cannot start any token", "spaces instead of tabs; text with % @ ` in quotes"},
      {"", "mapping values are not allowed", "one KEY: VALUE a line; a value with ': ' in quotes"},
      {"", "block sequence entries are not allowed", "the list on lines of its own"},
      {"plain scalar", "unexpected ':'", "quotes around text with : before a comma or bracket"},
      {"", "control characters", "printable text"},
      {"", "UTF-8", "UTF-8"},
  };
  for (const Row& row : kRows) {
    if (context.find(row.context) != std::string_view::npos &&
        problem.find(row.problem) != std::string_view::npos) {
      return row.expected;
    }
  }
  return {};
}

/// What libyaml tells, before anything of it is checked.
YamlEvent to_event(const yaml_event_t& raw) {
  using Kind = YamlEvent::Kind;
  YamlEvent event;
  event.mark = to_mark(raw.start_mark);
  const auto become = [&](Kind kind, const yaml_char_t* tag, const yaml_char_t* anchor) {
    event.kind = kind;
    event.tag = to_string(tag);
    event.anchor = to_string(anchor);
  };
  switch (raw.type) {
    case YAML_DOCUMENT_START_EVENT: event.kind = Kind::kDocumentStart; break;
    case YAML_DOCUMENT_END_EVENT: event.kind = Kind::kDocumentEnd; break;
    case YAML_ALIAS_EVENT: become(Kind::kAlias, nullptr, raw.data.alias.anchor); break;
    case YAML_SCALAR_EVENT: {
      const auto& scalar = raw.data.scalar;
      become(Kind::kScalar, scalar.tag, scalar.anchor);
      event.value.assign(reinterpret_cast<const char*>(scalar.value), scalar.length);
      event.is_plain = scalar.plain_implicit != 0;
      break;
    }
    case YAML_SEQUENCE_START_EVENT:
      become(Kind::kSequenceStart, raw.data.sequence_start.tag, raw.data.sequence_start.anchor);
      break;
    case YAML_MAPPING_START_EVENT:
      become(Kind::kMappingStart, raw.data.mapping_start.tag, raw.data.mapping_start.anchor);
      break;
    case YAML_SEQUENCE_END_EVENT: event.kind = Kind::kSequenceEnd; break;
    case YAML_MAPPING_END_EVENT: event.kind = Kind::kMappingEnd; break;
    default: break;  // no more: the end of the stream
  }
  return event;
}

}  // namespace

struct YamlEventReader::Parser {
  Parser() {
    if (yaml_parser_initialize(&parser) == 0) throw std::bad_alloc();
  }
  ~Parser() { yaml_parser_delete(&parser); }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  yaml_parser_t parser{};
};

YamlEventReader::YamlEventReader(const std::string& text, std::string name)
    : text_(text), name_(std::move(name)), parser_(std::make_unique<Parser>()) {
  yaml_parser_set_input_string(&parser_->parser,
                               reinterpret_cast<const unsigned char*>(text.data()), text.size());
  check_byte_order_marks();
}

YamlEventReader::~YamlEventReader() = default;

YamlEvent YamlEventReader::next() {
  yaml_event_t raw;
  if (yaml_parser_parse(&parser_->parser, &raw) == 0) fail();
  const std::unique_ptr<yaml_event_t, decltype(&yaml_event_delete)> owner(&raw, yaml_event_delete);
  if (raw.type == YAML_STREAM_START_EVENT) return next();
  YamlEvent event = to_event(raw);
  switch (raw.type) {
    case YAML_DOCUMENT_START_EVENT: {
      const yaml_version_directive_t* version = raw.data.document_start.version_directive;
      if (version != nullptr && (version->major != 1 || version->minor != 1)) {
        throw YamlError(name_, event.mark, "another %YAML than 1.1 (expected no such line)");
      }
      break;
    }
    case YAML_SCALAR_EVENT:
      if (flow_depth_ > 0 && raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        check_in_brackets(event);
      }
      break;
    case YAML_SEQUENCE_START_EVENT:
      open(raw.data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE);
      break;
    case YAML_MAPPING_START_EVENT:
      open(raw.data.mapping_start.style == YAML_FLOW_MAPPING_STYLE);
      break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: close(); break;
    default: break;
  }
  if (depth_ > kMaxDepth) {
    throw YamlError(name_, event.mark, "nested too deeply (expected at most 100 levels)");
  }
  return event;
}

/// What kubectl's reader refuses, and libyaml does not, of a scalar without quotes.
void YamlEventReader::check_in_brackets(const YamlEvent& scalar) const {
  if (scalar.value.find('?') != std::string::npos) {
    throw YamlError(name_, scalar.mark, "? in brackets without quotes (expected quotes)");
  }
  if (!scalar.tag.empty() && scalar.value.empty()) {
    throw YamlError(name_, scalar.mark, "tag without a value in brackets (expected '')");
  }
}

void YamlEventReader::open(bool is_flow) {
  ++depth_;
  if (is_flow || flow_depth_ > 0) ++flow_depth_;
}

void YamlEventReader::close() {
  --depth_;
  if (flow_depth_ > 0) --flow_depth_;
}

/// libyaml skips a byte order mark at the beginning of any line, kubectl's reader takes it for
/// text: files that were put together by `cat`.
void YamlEventReader::check_byte_order_marks() const {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  for (std::size_t at = text_.find(kMark, 1); at != std::string::npos;
       at = text_.find(kMark, at + 1)) {
    const std::string_view before = std::string_view(text_).substr(0, at);
    const bool begins_line = before.ends_with('\n') || before.ends_with('\r') ||
                             before.ends_with("\xC2\x85") || before.ends_with("\xE2\x80\xA8") ||
                             before.ends_with("\xE2\x80\xA9") || before == kMark;
    if (begins_line) {
      throw YamlError(name_, mark_at(at), "byte order mark (expected at the very beginning only)");
    }
  }
}

/// The place of a byte, for what libyaml tells no place of.
YAML::Mark YamlEventReader::mark_at(std::size_t offset) const {
  YAML::Mark mark;
  for (const char c : std::string_view(text_).substr(0, offset)) {
    const bool begins_character = (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
    mark.column = c == '\n' ? 0 : mark.column + (begins_character ? 1 : 0);
    mark.line += c == '\n' ? 1 : 0;
  }
  return mark;
}

void YamlEventReader::fail() const {
  const yaml_parser_t& parser = parser_->parser;
  if (parser.error == YAML_MEMORY_ERROR) throw std::bad_alloc();
  const std::string context = parser.context == nullptr ? "" : parser.context;
  const std::string problem = parser.problem == nullptr ? "cannot be read" : parser.problem;
  YAML::Mark mark = to_mark(parser.problem_mark);
  if (parser.error == YAML_READER_ERROR) {
    mark = mark_at(parser.problem_offset);
  } else if (problem.find("end of stream") != std::string::npos) {
    mark = to_mark(parser.context_mark);  // what was never closed
  }
  std::string what = "not YAML: " + problem;
  if (!context.empty()) what += ' ' + context;
  const YAML::Mark begin = to_mark(parser.context_mark);
  if (!context.empty() && begin.line != mark.line) {
    what += " of line " + std::to_string(begin.line + 1);
  }
  const std::string_view expected = expectation(context, problem);
  if (!expected.empty()) what.append(" (expected ").append(expected).append(")");
  throw YamlError(name_, mark, what);
}

}  // namespace webhook

#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"

namespace webhook {

/// The labels of an object.
struct Labels {
  std::map<std::string, std::string> values;
  bool are_all = true;  ///< False: it may have others, which are not known.
};

/// Reads `metadata.labels` of `object`; what is no string is left out.
Labels labels_of(const nlohmann::ordered_json& object);

/// One requirement of a label selector.
struct LabelRequirement {
  enum class Operator { kIn, kNotIn, kExists, kDoesNotExist };

  std::string key;
  Operator op = Operator::kExists;
  std::vector<std::string> values = {};  ///< Of kIn and kNotIn.
};

/// A label selector of the API (k8s.io/apimachinery pkg/apis/meta/v1, LabelSelector): everything
/// that meets all of its requirements, so that an empty one selects everything.
using LabelSelector = std::vector<LabelRequirement>;

/// Reads `selector`, of a field that selects everything where it is absent or null. Error: it is
/// none; the message says what would be right, and has no place.
Result<LabelSelector> parse_label_selector(const nlohmann::ordered_json& selector);

enum class Selected { kYes, kNo, kUnknown };

struct Selection {
  Selected selected = Selected::kYes;
  std::string why;  ///< The first requirement that is not met, or is not known to be; one line.
};

/// Whether `selector` selects what has `labels`. Of requirements that are not met and others that
/// are not known the former count.
Selection select(const LabelSelector& selector, const Labels& labels);

}  // namespace webhook

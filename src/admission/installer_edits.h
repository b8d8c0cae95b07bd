#pragma once

#include <string>
#include <vector>

#include "admission/sandbox.h"

namespace webhook {

class JsonValue;

/// One operation of a JSON patch on the init container.
struct Edit {
  enum class Operation { kAdd, kReplace, kRemove };

  Operation operation = Operation::kReplace;
  std::string place;                  ///< Below the container: "/command"; empty: all of it.
  const std::string* text = nullptr;  ///< What goes there: of the Sandbox that was compared with.
};

/// What makes `container`, an init container of our name, the one of `sandbox`; nothing if it is.
/// What others rightly write to it stays: its pull policy and resources, the API server's defaults,
/// the service account's token, an image of the same digest from elsewhere.
std::vector<Edit> to_installer_edits(const JsonValue& container, const Sandbox& sandbox);

}  // namespace webhook

#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "admission/sandbox.h"

namespace webhook {

class JsonValue;

/// Fields of a v1 Container that ours does not have, by which others could change what it does. A
/// field that is not here is newer than this release: then the container is replaced as a whole.
inline constexpr std::array<std::string_view, 17> kFieldsOfOthers{"args",
                                                                  "env",
                                                                  "envFrom",
                                                                  "lifecycle",
                                                                  "livenessProbe",
                                                                  "ports",
                                                                  "readinessProbe",
                                                                  "restartPolicy",
                                                                  "startupProbe",
                                                                  "stdin",
                                                                  "stdinOnce",
                                                                  "terminationMessagePath",
                                                                  "tty",
                                                                  "terminationMessagePolicy",
                                                                  "volumeDevices",
                                                                  "workingDir",
                                                                  "restartPolicyRules"};
/// Fields that others may set as they like.
inline constexpr std::array<std::string_view, 4> kFieldsLeft{"name", "imagePullPolicy", "resources",
                                                             "resizePolicy"};
/// What the API server sets where nobody did: k8s.io/kubernetes pkg/apis/core/v1/defaults.go.
inline constexpr std::array<std::pair<std::string_view, const char*>, 2> kDefaults{
    {{"terminationMessagePath", "/dev/termination-log"}, {"terminationMessagePolicy", "File"}}};

/// What the service account's admission plugin mounts into every container, from a volume whose
/// name begins so: k8s.io/kubernetes plugin/pkg/admission/serviceaccount.
inline constexpr std::string_view kTokenVolume = "kube-api-access-";
inline constexpr std::string_view kTokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/// What differs in more places is replaced as a whole.
inline constexpr std::size_t kMostInstallerEdits = 32;

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

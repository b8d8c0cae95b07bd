#pragma once

#include "admission/messages.h"

namespace webhook::test {

inline constexpr ClusterState kOld{.version = {1, 32}};

/// The creation of a pod with these facts.
inline AdmissionRequest request_of(const PodFacts& pod) {
  AdmissionRequest request;
  request.is_pod_create = true;
  request.pod = pod;
  return request;
}

inline const AdmissionRequest kPlain = request_of({});

}  // namespace webhook::test

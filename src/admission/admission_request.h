#pragma once

#include <string>
#include <string_view>

#include "admission/pod_facts.h"
#include "admission/sandbox.h"
#include "base/json_parser.h"
#include "base/result.h"

namespace webhook {

/// What is read of an admission.k8s.io/v1 AdmissionReview.
struct AdmissionRequest {
  std::string uid;
  std::string ns;    ///< request.namespace
  std::string name;  ///< The pod's name, or its generateName: pods of controllers have no name yet.
  bool dry_run = false;
  bool is_pod_create = false;  ///< CREATE of a v1 Pod, no subresource.
  PodFacts pod;                ///< Filled only for is_pod_create.
};

/// Reads an AdmissionReview from an HTTP body.
/// Error: not JSON, nested deeper than kMaxJsonDepth, not a v1 AdmissionReview, no request.uid, or
/// a field that is read has the wrong type or is there twice.
Result<AdmissionRequest> parse_review(JsonParser& parser, std::string_view body,
                                      const Sandbox& sandbox);

}  // namespace webhook

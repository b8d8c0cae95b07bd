#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <nlohmann/json.hpp>

#include "admission/admission.h"

namespace webhook {

/// Where applied patches are written, one JSON object a line, for check_patches.py.
class PatchLog {
 public:
  explicit PatchLog(const std::filesystem::path& file);

  void write(const std::string& name, const Policy& policy, Outcome outcome,
             const nlohmann::json& input, const nlohmann::json& patch,
             const nlohmann::json& result);

 private:
  std::ofstream file_;
};

/// What the API server and other webhooks add to a pod between two calls of ours: the defaults of
/// kubernetes/kubernetes pkg/apis/core/v1/defaults.go, the service account's volume, images that
/// come from a mirror.
nlohmann::json with_defaults(nlohmann::json pod);

/// Reviews `review` and checks, with doctest's CHECK, all that holds for every review: it is read
/// as the oracle reads it; the answer has the API server's form, and nothing of the pod in it that
/// is marked "canary"; the patch applies; a review of the result, with and without defaults, gives
/// no patch. Returns what was reviewed and writes it to `log`.
Reviewed check_review(const std::string& name, const nlohmann::json& review, const Sandbox& sandbox,
                      const ClusterState& cluster, PatchLog& log);

}  // namespace webhook

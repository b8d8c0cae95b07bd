#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "admission/decision.h"

namespace webhook {

/// What was read, and what became of the pods in it.
class Tally {
 public:
  /// An object of this kind was read.
  void add_object(const std::string& kind) { ++kinds_[kind]; }
  /// `name` is for people: "Deployment default/x".
  void add_pod(const std::string& name, Outcome outcome, Reason reason);

  [[nodiscard]] bool has_objects() const { return !kinds_.empty(); }

  /// One line: "5 objects, 2 pods: 1 sandboxed, 1 left: 1 unchanged (opted_out)". Without a pod,
  /// the kinds that were found, and those that were expected.
  [[nodiscard]] std::string to_line() const;

  /// The pods with an outcome of `outcomes`, or nothing: "Pod default/x is privileged
  /// (host_namespace), ...".
  [[nodiscard]] std::string find(const std::vector<std::string>& outcomes) const;

 private:
  struct Pod {
    std::string name;
    Outcome outcome;
    Reason reason;
  };

  std::map<std::string, std::size_t> kinds_;
  std::vector<Pod> pods_;
};

}  // namespace webhook

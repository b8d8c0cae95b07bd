#pragma once

#include <vector>

#include "admission/pod_facts.h"
#include "support/plain_reading.h"

namespace webhook::plainly {

/// Every container of a pod but an init container of our name.
std::vector<Json> other_containers(const Json& spec);

/// What containers mount of our volumes and of their node. Reads `facts.target`.
void read_mounts(const Json& spec, const Sandbox& sandbox, PodFacts& facts);

/// What runs beside `facts.target`.
void read_sidecars(const Json& spec, PodFacts& facts);

}  // namespace webhook::plainly

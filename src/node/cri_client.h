#pragma once

#include <chrono>
#include <filesystem>

#include "base/result.h"
#include "node/container_runtime.h"

namespace webhook {

/// Asks the container runtime behind `socket`, as a kubelet does: Version and Status of
/// runtime.v1.RuntimeService (gRPC). Neither changes anything. Error: why it could not be asked, or
/// what it answered instead, within `limit`.
[[nodiscard]] Result<ContainerRuntime> ask_container_runtime(const std::filesystem::path& socket,
                                                             std::chrono::milliseconds limit);

}  // namespace webhook

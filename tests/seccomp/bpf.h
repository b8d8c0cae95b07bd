#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace webhook {

using BpfProgram = std::vector<sock_filter>;

/// Compiles an OCI seccomp profile as runc and crun do with libseccomp: names it does not know are
/// skipped, and so is a rule that says what the default says. Throws std::runtime_error.
BpfProgram compile_profile(const nlohmann::json& profile);

/// What the kernel would do with `call`: a SECCOMP_RET_* value, with the errno in its low half.
/// Throws std::runtime_error for an instruction that libseccomp does not generate.
std::uint32_t evaluate(const BpfProgram& program, const seccomp_data& call);

/// "allow", "errno 38", "kill" or a number.
std::string to_verdict(std::uint32_t action);

}  // namespace webhook

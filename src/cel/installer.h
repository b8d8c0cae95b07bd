#pragma once

#include <string>

#include "admission/sandbox.h"
#include "cel/variable.h"

namespace webhook {

// to_installer_edits(), in CEL: what an init container of our name may differ in, and how the first
// one is made ours.

/// What is injected, as variables.
void add_installer_facts(Variables& to, const Sandbox& sandbox);

/// True if the init container at `path` needs no edit.
std::string to_installer_is_ours(const std::string& path, const Sandbox& sandbox);

/// Of the first one, after `installers`: what is to be edited.
void add_installer_edits(Variables& to, const Sandbox& sandbox);

}  // namespace webhook

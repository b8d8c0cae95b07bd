#!/usr/bin/python3
"""Fails where a file includes what its layer must not know: main -> cli -> edge -> core."""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).parent.parent / "src"
LAYERS = ["core", "edge", "cli"]  # each may include itself and what stands before it

# core decides: it can do no input or output, and sees no clock.
CORE_MAY = {"nlohmann/json.hpp", "nlohmann/json_fwd.hpp", "simdjson.h"}
CORE_MUST_NOT = {
    "chrono", "condition_variable", "cstdio", "ctime", "filesystem", "fstream", "future", "iostream",
    "mutex", "shared_mutex", "stop_token", "thread",
}
# A library that only some files may know.
ONLY_IN = {
    r"httplib\.h": {"edge/http_listener.cc", "cli/version.cc"},
    r"yaml-cpp/.*": {"edge/config.cc", "edge/manifest.cc", "edge/kubeconfig.cc",
                     "edge/yaml_documents.cc", "edge/yaml_documents.h", "edge/yaml_section.cc", "edge/yaml_section.h"},
    r"prometheus/.*": {"edge/metrics.cc"},
    r"simdjson\.h": {"core/json_reader.cc", "core/json_reader.h", "cli/version.cc"},
    r"CLI/.*": {"cli/", "main.cc"},
}


def broken_rules(path):
    """Yields (line number, message) for each include of `path` that breaks a rule."""
    name = path.relative_to(SOURCE).as_posix()
    layer = name.split("/")[0]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#include ([<"])(.+)[>"]', line)
        if not match:
            continue
        quote, included = match.groups()
        other = included.split("/")[0]
        if quote == '"' and layer in LAYERS and other in LAYERS[LAYERS.index(layer) + 1:]:
            yield number, f"{layer}/ includes {included} (expected nothing above {layer}/)"
        is_system = quote == "<" and ("/" in included or included.endswith((".h", ".hpp")))
        if layer == "core" and ((is_system and included not in CORE_MAY) or included in CORE_MUST_NOT):
            yield number, f"core/ includes <{included}> (expected neither I/O, clocks nor other libraries)"
        for pattern, homes in ONLY_IN.items():
            if re.fullmatch(pattern, included) and not any(name.startswith(home) for home in homes):
                yield number, f"<{included}> (expected only in {', '.join(sorted(homes))})"


def main():
    files = sorted(path for path in SOURCE.rglob("*") if path.suffix in (".cc", ".h"))
    if len(files) < 20:
        sys.exit(f"{SOURCE}: {len(files)} sources (expected all of them)")
    failures = [f"src/{path.relative_to(SOURCE)}:{number}: {message}"
                for path in files for number, message in broken_rules(path)]
    print("\n".join(failures) or f"{len(files)} files keep the include rule")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Fails where a file of src/ includes what its room has no door to, and for doors that nobody uses.

The rooms, their doors and their libraries are the webhook_room() calls of src/CMakeLists.txt.
"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).parent.parent / "src"

# The headers of each library that a room can use.
LIBRARIES = {
    r"nlohmann/.*": "nlohmann_json::nlohmann_json",
    r"simdjson\.h": "simdjson::simdjson",
    r"openssl/.*": "OpenSSL::SSL",
    r"httplib\.h": "PkgConfig::httplib",
    r"yaml-cpp/.*": "yaml-cpp::yaml-cpp",
    r"yaml\.h": "PkgConfig::libyaml",
    r"prometheus/.*": "prometheus-cpp::core",
    r"spdlog/.*": "spdlog::spdlog",
    r"CLI/.*": "CLI11::CLI11",
    r"dtl/.*": "dtl::dtl",
    r"nghttp2/.*": "PkgConfig::nghttp2",
}
# These rooms can do no input or output, and see no clock.
PURE = {"base", "scheduling", "admission"}
IMPURE_HEADERS = {
    "chrono", "condition_variable", "cstdio", "ctime", "filesystem", "fstream", "future", "iostream",
    "mutex", "shared_mutex", "stop_token", "thread",
}


def read_rooms():
    """{room: {"DOORS": [...], "USES": [...], "SHOWS": [...]}}"""
    rooms = {}
    text = (SOURCE / "CMakeLists.txt").read_text()
    for name, arguments in re.findall(r"^webhook_room\((\w+)\n(.*?)\n\)", text, re.M | re.S):
        rooms[name] = {"DOORS": [], "USES": [], "SHOWS": [], "SOURCES": []}
        for word in arguments.split():
            if word in rooms[name]:
                into = rooms[name][word]
            else:
                into.append(word)
    return rooms


def includes_of(path):
    """Yields (line number, quote, header) for each include of `path`."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#include ([<"])(.+)[>"]', line)
        if match:
            yield number, *match.groups()


def library_of(header):
    return next((library for pattern, library in LIBRARIES.items() if re.fullmatch(pattern, header)), None)


def broken_rules(path, rooms, used):
    """Yields (line number, message) for each include of `path` that breaks a rule; adds to `used` what it includes."""
    room = path.relative_to(SOURCE).parts[0]
    knows = rooms[room]
    for number, quote, header in includes_of(path):
        library = library_of(header) if quote == "<" else None
        if quote == '"':
            other = header.split("/")[0]
            used.add((room, other))
            if other != room and other not in knows["DOORS"]:
                yield number, f"{room}/ includes {header} (expected one of {', '.join([room, *knows['DOORS']])})"
        elif library:
            used.add((room, library))
            if library not in (knows["SHOWS"] if path.suffix == ".h" else knows["SHOWS"] + knows["USES"]):
                yield number, f"{room}/ includes <{header}> (expected {library} in its row of src/CMakeLists.txt)"
        elif room in PURE and (header in IMPURE_HEADERS or "/" in header or header.endswith(".h")):
            yield number, f"{room}/ includes <{header}> (expected neither I/O nor clocks)"


def unused_rights(rooms, used):
    """Yields a message for each door, and each library with headers that we know, that its room does not use."""
    for room, knows in rooms.items():
        for other in knows["DOORS"] + knows["USES"] + knows["SHOWS"]:
            if (room, other) not in used and (other in rooms or other in LIBRARIES.values()):
                yield f"src/CMakeLists.txt: nothing in {room}/ includes {other} (expected no such right)"


def main():
    rooms = read_rooms()
    files = sorted(path for path in SOURCE.glob("*/*") if path.suffix in (".cc", ".h"))
    if len(files) < 20 or {path.parent.name for path in files} != rooms.keys():
        sys.exit(f"{SOURCE}: {len(files)} sources in {sorted(rooms)} (expected a webhook_room() for each folder)")
    used = set()
    failures = [f"src/{path.relative_to(SOURCE)}:{number}: {message}"
                for path in files for number, message in broken_rules(path, rooms, used)]
    failures += unused_rights(rooms, used)
    print("\n".join(failures) or f"{len(files)} files keep the include rule")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

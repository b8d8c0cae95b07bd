#!/usr/bin/python3
"""The parts "On a node" and "On other nodes" of docs/proof.md: a row for each test, which is the first line of its docstring.

    proof.py       checks that the page has a row for each test, and no other
"""

import ast
import os
import pathlib
import platform
import re
import signal
import sys

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parents[1] / "docs/proof.md"
TESTS = {"node": HERE, "versions": HERE.with_name("node_versions")}  # by the marks of their tables
# Of what is built, by their names there.
VERSIONS = {name.removesuffix("_version"): version for file in ("tests/e2e/build_assets", "scripts/e2e") for name, version
            in re.findall(r"^(\w+)=v?(\d[\d.]+)$", (HERE.parents[1] / file).read_text(), re.M)}


def sentence(docstring):
    """The first paragraph of a docstring, in one line, without its full stop; {oldest_runc} is a version of build_assets."""
    said = " ".join((docstring or "").strip().split("\n\n")[0].split()).rstrip(".")
    return re.sub(r"\{(\w+)\}", lambda found: VERSIONS[found[1]], said)


def part(module):
    """Of tests/node/jail_test.py: `Jail`."""
    return pathlib.Path(module).stem.removesuffix("_test").replace("_", " ").capitalize()


def rows(name):
    """(part, sentence) of each test of a table, in the order in which they run."""
    found = []
    for file in sorted(TESTS[name].glob("*_test.py")):
        for each in ast.parse(file.read_text()).body:
            if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
                found.append((part(file), sentence(ast.get_docstring(each))))
    return found


def programs(node):
    """The programs of a node with their versions, as they say them."""
    kubelet = node.run(node.kubelet_program, "--version").stdout.split()[-1].removeprefix("v")
    containerd = node.run(node.containerd_programs / "containerd", "--version").stdout.split()[2].removeprefix("v")
    name, path = next(iter(node.runtimes.items()))
    runtime = node.run(path, "--version").stdout.split("\n")[0].split()[-1]
    return f"kubelet {kubelet}, containerd {containerd}, {name} {runtime}"


def machine():
    cgroups = 2 if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else 1
    return f"Linux {platform.release().partition('-')[0]}, cgroup v{cgroups}"


def add(outcomes, item, report):
    """What came of a test so far: the worst of its phases and parameters."""
    row = part(item.module.__file__), sentence(item.function.__doc__)
    if report.failed:
        outcomes[row] = "FAIL"
    elif report.skipped and outcomes.get(row) != "FAIL":
        outcomes[row] = f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}"
    elif report.when == "call":
        outcomes.setdefault(row, "pass")


def table(name, outcomes, seen):
    lines = [f"Seen with {seen}.", "", "| part | on a node | result |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {a} | {b} | {outcomes.get((a, b), 'not run')} |" for a, b in rows(name))])


def block(name):
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    return re.compile(f"(?<={begin}\n).*?(?={end})", re.DOTALL)


def update_docs(name, outcomes, seen):
    if missing := [row for row in rows(name) if row not in outcomes]:
        sys.exit(f"docs/proof.md: not written: {len(missing)} tests did not run")
    text = PAGE.read_text()
    if not block(name).search(text):
        sys.exit(f"docs/proof.md: no place for the table (expected marks {name}:begin and {name}:end)")
    PAGE.write_text(block(name).sub(lambda _: table(name, outcomes, seen) + "\n", text))


def wait_for_interrupt(node, config):
    """Says how to get at the node, and waits."""
    namespace = os.readlink("/proc/self/ns/pid")[len("pid:["):-1]
    variables = " ".join(f"{name}={os.environ[name]}" for name in ("PATH", "KUBECONFIG", "CONTAINER_RUNTIME_ENDPOINT"))
    shell = node.state / "shell"
    shell.write_text(f"""#!/bin/bash
first=$(lsns -n -o NS,PID -t pid | awk '$1 == {namespace} {{print $2}}')
[ $# -gt 0 ] || set -- bash
exec nsenter -t "$first" -m -p -n -u -i env {variables} "$@"
""")
    shell.chmod(0o755)
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n== the node stays up until this is interrupted; a shell on it, with kubectl, crictl and ctr:\n   {shell}",
              flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            pass


def main():
    for name in TESTS:
        found = block(name).search(PAGE.read_text())
        if not found:
            sys.exit(f"docs/proof.md: no table of tests/{TESTS[name].name} (expected marks {name}:begin and {name}:end)")
        listed = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in found.group().splitlines()
                  if line.startswith("| ")][2:]
        if listed != rows(name):
            sys.exit(f"docs/proof.md: other tests than those of tests/{TESTS[name].name} (run scripts/node --update-docs)")


if __name__ == "__main__":
    main()

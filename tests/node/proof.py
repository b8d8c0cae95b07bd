#!/usr/bin/python3
"""The part "On a node" of docs/proof.md: a row for each test, which is the first line of its docstring.

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
BEGIN, END = "<!-- node:begin -->", "<!-- node:end -->"
VERSIONS = "versions of the node"  # a key of pytest's stash


def sentence(docstring):
    """The first paragraph of a docstring, in one line, without its full stop."""
    return " ".join((docstring or "").strip().split("\n\n")[0].split()).rstrip(".")


def part(module):
    """Of tests/node/jail_test.py: `Jail`."""
    return pathlib.Path(module).stem.removesuffix("_test").replace("_", " ").capitalize()


def rows():
    """(part, sentence) of each test, in the order in which they run."""
    found = []
    for file in sorted(HERE.glob("*_test.py")):
        for each in ast.parse(file.read_text()).body:
            if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
                found.append((part(file), sentence(ast.get_docstring(each))))
    return found


def versions(node):
    """What the run saw, in one line."""
    info = node.get_json("node", "node")["status"]["nodeInfo"]
    runc = node.run(node.assets / "runc", "--version").stdout.split("\n")[0].removeprefix("runc version ")
    cgroups = 2 if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else 1
    return (f"kubelet {info['kubeletVersion']}, {info['containerRuntimeVersion'].replace('://', ' ')}, runc {runc}, "
            f"Linux {platform.release().partition('-')[0]}, cgroup v{cgroups}")


def add(outcomes, item, report):
    """What came of a test so far: the worst of its phases and parameters."""
    row = part(item.module.__file__), sentence(item.function.__doc__)
    if report.failed:
        outcomes[row] = "FAIL"
    elif report.skipped and outcomes.get(row) != "FAIL":
        outcomes[row] = f"skipped: {report.longrepr[2].removeprefix('Skipped: ')}"
    elif report.when == "call":
        outcomes.setdefault(row, "pass")


def table(outcomes, seen):
    lines = [f"Seen with {seen}.", "", "| part | on a node | result |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {a} | {b} | {outcomes.get((a, b), 'not run')} |" for a, b in rows())])


def update_docs(outcomes, seen):
    if missing := [row for row in rows() if row not in outcomes]:
        sys.exit(f"docs/proof.md: not written: {len(missing)} tests did not run")
    text = PAGE.read_text()
    block = re.compile(f"{BEGIN}\n.*?{END}", re.DOTALL)
    if not block.search(text):
        sys.exit(f"docs/proof.md: no place for the table (expected {BEGIN} and {END})")
    PAGE.write_text(block.sub(lambda _: f"{BEGIN}\n{table(outcomes, seen)}\n{END}", text))


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
    found = re.search(f"{BEGIN}\n(.*?){END}", PAGE.read_text(), re.DOTALL)
    if not found:
        sys.exit(f"docs/proof.md: no table of the node (expected one between {BEGIN} and {END})")
    listed = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in found.group(1).splitlines()
              if line.startswith("| ")][2:]
    if listed != rows():
        sys.exit("docs/proof.md: other tests than those of tests/node (run scripts/node --update-docs)")


if __name__ == "__main__":
    main()

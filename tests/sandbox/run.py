#!/usr/bin/python3
"""Runs the pod that `code-executor-webhook mutate` makes: in a user namespace, under an OCI runtime,
with the profile that its init container installs. Prints a table of what was seen.

    run.py --webhook build/dev/code-executor-webhook [--update-docs]

Exit code 77 where the machine cannot do it, with the reason; 1 if a check fails.
"""

import argparse
import os
import re
import subprocess
import sys

import checks_controls
import checks_install
import checks_jail
import checks_profile
import checks_refused
import machine
import programs
from proof import Failed, Proof, Skipped

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "../../docs/proof.md")
MARKERS = ("<!-- proof:begin -->", "<!-- proof:end -->")
SKIP = 77

SECTIONS = [
    ("Install", checks_install.CHECKS),
    ("Profile", checks_profile.CHECKS),
    ("Jail", checks_jail.CHECKS),
    ("Refused", checks_refused.CHECKS),
    ("Negative controls", checks_controls.CHECKS),
]


def to_table(results):
    """The table, of (section, title) to what came of it."""
    lines = ["| part | check | result |", "| --- | --- | --- |"]
    for section, checks in SECTIONS:
        for title, _ in checks:
            lines.append(f"| {section} | {title} | {results.get((section, title), 'not run')} |")
    return "\n".join(lines)


def page_table(text):
    """What stands between the markers of the page; None without them."""
    found = re.search("\n".join((MARKERS[0], "(.*)", MARKERS[1])), text, re.DOTALL)
    return found.group(1) if found else None


def check_docs():
    """The page lists the checks of this run, in their order. Results depend on the machine."""
    with open(PAGE, encoding="utf-8") as file:
        table = page_table(file.read())
    if table is None:
        sys.exit(f"docs/proof.md: no proof table (expected one between {' and '.join(MARKERS)})")
    want = to_table({})
    if [line.rsplit("|", 2)[0] for line in table.split("\n")] != [
        line.rsplit("|", 2)[0] for line in want.split("\n")
    ]:
        sys.exit(f"docs/proof.md: other checks than those that are run (run {sys.argv[0]} --update-docs)")


def update_docs(table):
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    old = page_table(text)
    if old is None:
        sys.exit(f"docs/proof.md: no place for the table (expected {' and '.join(MARKERS)})")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(text.replace("\n".join((MARKERS[0], old)), "\n".join((MARKERS[0], table))))


def make_proof(arguments, directory):
    runtime = machine.Runtime(os.path.join(directory, "runtime"))
    proof = Proof(arguments.webhook, os.path.join(HERE, "pod.yaml"), directory, runtime)
    proof.programs = programs.Programs(directory)
    proof.images["busybox"] = machine.make_busybox_image(os.path.join(directory, "busybox"))
    proof.images["machine"] = machine.make_machine_image(os.path.join(directory, "machine"), proof.programs.files)
    proof.unit_seccomp, proof.races = arguments.unit_seccomp, arguments.races
    return proof


def run_checks(proof, only):
    results = {}
    for section, checks in SECTIONS:
        for title, check in checks if only in (None, section) else []:
            try:
                check(proof)
                outcome = "pass"
            except Skipped as reason:
                outcome = f"skipped: {reason}"
            except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as error:
                outcome = f"FAIL: {error}".replace("\n", " ")
            results[section, title] = outcome
            print(f"{outcome[:4]}  {title}", flush=True)
    return results


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--webhook", help="the code-executor-webhook program")
    parser.add_argument("--unit-seccomp", help="the program that evaluates the compiled filter")
    parser.add_argument("--update-docs", action="store_true", help="write the table to docs/proof.md")
    parser.add_argument("--check-docs", action="store_true", help="only check that docs/proof.md is current")
    parser.add_argument("--races", type=int, default=500, help="how often the race of installers is run [500]")
    parser.add_argument("--only", help="only the sections of this name")
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.check_docs and not arguments.webhook:
        parser.error("--webhook is missing")
    return arguments


def prove(arguments):
    """Makes all checks below arguments.directory; its mounts end with this process."""
    proof = make_proof(arguments, arguments.directory)
    if reason := machine.reason_runtime_fails(proof):
        print(f"skipped: crun cannot run a container with a mapped mount here: {reason}")
        return SKIP
    results = run_checks(proof, arguments.only)
    table = to_table(results)
    print(table)
    for (_, title), outcome in results.items():
        if outcome.startswith("skipped: "):
            print(f"skipped: {title}: {outcome.removeprefix('skipped: ')}")
    if any(outcome.startswith("FAIL") for outcome in results.values()):
        return 1
    if arguments.update_docs and not arguments.only:
        update_docs(table)
    return 0


def main():
    arguments = parse_arguments()
    if arguments.check_docs:
        return check_docs()
    if arguments.directory:
        return prove(arguments)
    if reason := machine.reason_to_skip():
        print(f"skipped: {reason}")
        return SKIP
    return machine.run_in_directory(sys.executable, *sys.argv)


if __name__ == "__main__":
    sys.exit(main())

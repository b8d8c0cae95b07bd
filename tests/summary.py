#!/usr/bin/python3
"""The end of a run: what was skipped and why, and how many tests passed, failed and were skipped.

    summary.py FILE...

A file NAME.xml is what `ctest --output-junit` or `pytest --junitxml` wrote, any other the output of NAME, which is
neither's. One that is not there, because the run did not get that far, counts for nothing.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

# As the tests say it; what stands before is the name, and CTest has that.
SKIPPED = re.compile(r"^(?:\w+: )?skipped: (.+)$", re.M)


def outcome(test):
    skipped = test.find("skipped")
    if test.get("status") is None:  # pytest's
        bad = {each.tag for each in test} & {"failure", "error"}
        return "failed" if bad else "passed" if skipped is None else "skipped"
    if test.get("status") == "run":
        return "passed"
    # Without its program, or with what it depends on failed, a test is not run either: no skip.
    return "skipped" if skipped is not None and skipped.get("message", "").startswith("SKIP_") else "failed"


def reasons(test):
    if test.get("status") is None:
        return []  # in the output, by tests/conftest.py
    said = SKIPPED.findall(test.findtext("system-out") or "")
    return said or ["says no reason"] * (outcome(test) == "skipped")


def main():
    files = [path for path in map(pathlib.Path, sys.argv[1:]) if path.exists()]
    tests = [test for path in files if path.suffix == ".xml" for test in ElementTree.parse(path).iter("testcase")]
    skipped = [f"{test.get('name')}: {reason}" for test in tests for reason in reasons(test)]
    for path in files:
        if path.suffix != ".xml":
            said = SKIPPED.findall(path.read_text(errors="replace"))
            skipped += [f"{path.stem}: {reason.removeprefix(path.stem + ': ')}" for reason in said]
    if skipped:
        print("skipped:", *(f"  {each}" for each in dict.fromkeys(skipped)), sep="\n")
    outcomes = [outcome(test) for test in tests]
    if tests:
        print(", ".join(f"{outcomes.count(each)} {each}" for each in ("passed", "failed", "skipped")))


if __name__ == "__main__":
    main()

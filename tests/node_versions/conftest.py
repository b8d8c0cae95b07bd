"""A node of other programs for each test, and the table of what they saw."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "node"))

import proof  # noqa: E402  (needs the path above)
from static_node import StaticNode, StaticPods  # noqa: E402

STATE = pathlib.Path(os.environ["NODE_STATE"])
NEWEST, OTHERS = (pathlib.Path(os.environ[name]) for name in ("NODE_PROGRAMS", "NODE_OTHER_PROGRAMS"))
DEBIANS_CRUN = "1.8.1"  # of Debian 12
OUTCOMES = pytest.StashKey[dict]()


def version(program, which):
    """Of the oldest, older, newer, installed or, where nothing is said, newest release of a program."""
    if which == "installed":
        return DEBIANS_CRUN
    return proof.VERSIONS[f"{which}_{program}" if which else "newest" if program == "kubelet" else program]


def place(program, which):
    """The directory of such a release."""
    return OTHERS / f"{program}-v{version(program, which)}" if which else NEWEST


def oci_runtime(name, which):
    if (name, which) != ("crun", "installed"):
        return place(name, which) / name
    path = shutil.which("crun") or pytest.skip("no crun is installed")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return path if said[2] == DEBIANS_CRUN else pytest.skip(f"crun {said[2]} is installed, not {DEBIANS_CRUN}")


@pytest.fixture()
def start(request):
    """start(kubelet=, containerd=, runc= or crun=): the pods of a new node with these, each of `oldest`, `older`, `newer` or, of
    crun, `installed`; where nothing is said, with the newest and runc."""
    with contextlib.ExitStack() as stack:
        def started(kubelet="", containerd="", **runtime):
            ((name, which),) = runtime.items() or {"runc": ""}.items()
            node = StaticNode(STATE / request.node.name, STATE / "images", NEWEST, place("kubelet", kubelet) / "kubelet",
                              place("containerd", containerd), {name: oci_runtime(name, which)})
            seen = proof.programs(node)
            # The table says what build_assets names: what the cache holds may be of before it was changed.
            wanted = ", ".join(f"{program} {version(program, of)}" for program, of in
                               (("kubelet", kubelet), ("containerd", containerd), (name, which)))
            assert seen == wanted, f"{seen} (expected {wanted}; what is older than build_assets is to be removed from {NEWEST})"
            return StaticPods(stack.enter_context(node))
        yield started


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    proof.add(item.config.stash.setdefault(OUTCOMES, {}), item, report)


def pytest_sessionfinish(session, exitstatus):
    if os.environ.get("NODE_UPDATE_DOCS") and exitstatus == 0:
        proof.update_docs("versions", session.config.stash[OUTCOMES], proof.machine())

"""One node, with the webhook installed, for all tests of a run, and the table of what they saw."""

import os
import pathlib
import re
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import proof  # noqa: E402  (needs the path above)
from installation import Installation  # noqa: E402
from node import Node, wait_until  # noqa: E402
from workloads import Pods  # noqa: E402

STATE = pathlib.Path(os.environ["NODE_STATE"])
SEEN = pytest.StashKey[str]()
OUTCOMES = pytest.StashKey[dict]()


@pytest.fixture(scope="session")
def node(request):
    with Node(os.environ["NODE_PROGRAMS"], STATE) as running:
        request.config.stash[SEEN] = f"{proof.programs(running)}, {proof.machine()}"
        yield running
        if os.environ.get("NODE_KEEP"):
            proof.wait_for_interrupt(running, request.config)


@pytest.fixture(scope="session", autouse=True)
def webhook(node):
    installed = Installation(node, STATE / "overlay")
    installed.configure(wait=False)
    installed.wait_until_current()
    return installed


@pytest.fixture(scope="module")
def configured(webhook):
    """configure() for the tests of a file; as it was after them."""
    yield webhook.configure
    webhook.configure()


def _namespace(node, name):
    node.kubectl("create", "namespace", name)
    node.kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=privileged")
    wait_until(lambda: node.kubectl("get", "serviceaccount", "default", "-n", name, code=None).returncode == 0,
               "its service account is there")
    return Pods(node, name)


@pytest.fixture(scope="module")
def pods(node, webhook, request):
    """The pods of a namespace of the test file's own, that has the profile."""
    name = request.module.__name__.replace("_", "-")
    made = _namespace(node, name)
    webhook.give_profile(name)
    yield made
    node.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture()
def bare_pods(node, request):
    """Those of one that is the test's own, and has nothing."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name).strip("-")[:60]
    yield _namespace(node, name)
    node.kubectl("delete", "namespace", name, "--wait=false")


def pytest_terminal_summary(terminalreporter, config):
    if seen := config.stash.get(SEEN, None):
        terminalreporter.write_line(f"seen with {seen}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    outcomes = item.config.stash.setdefault(OUTCOMES, {})
    proof.add(outcomes, item, report)


def pytest_sessionfinish(session, exitstatus):
    if os.environ.get("NODE_UPDATE_DOCS") and exitstatus == 0:
        proof.update_docs("node", session.config.stash[OUTCOMES], session.config.stash[SEEN])

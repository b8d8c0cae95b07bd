"""One control plane, with the webhook installed, for all tests of a run. KUBE_ASSETS names its programs."""

import contextlib
import os
import pathlib
import re
import subprocess

import pytest

from control_plane import ControlPlane, wait_until
from installed import install

ASSETS = pathlib.Path(os.environ["KUBE_ASSETS"])


FIGURES = pytest.StashKey[list]()


@pytest.fixture()
def figures(request):
    """What is appended is shown at the end of the run."""
    return request.config.stash.setdefault(FIGURES, [])


def pytest_terminal_summary(terminalreporter, config):
    for line in config.stash.get(FIGURES, []):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def plane(tmp_path_factory):
    with ControlPlane(ASSETS, tmp_path_factory.mktemp("plane")) as running:
        # Nodes here are made by tests: there is no kubelet whose silence could mean anything.
        running.start_controllers("--controllers=*,-node-lifecycle-controller")
        wait_until(lambda: running.kubectl("get", "serviceaccount", "default", code=None).returncode == 0,
                   "the controllers make service accounts")
        yield running


@contextlib.contextmanager
def bare(directory):
    with ControlPlane(ASSETS, directory) as running:
        running.start_controllers()
        wait_until(running.has_service_accounts, "the controllers make service accounts")
        yield running


@pytest.fixture(scope="session")
def managed_plane(tmp_path_factory):
    """Another one, for the webhook with certificates of its own."""
    with bare(tmp_path_factory.mktemp("managed-plane")) as running:
        yield running


@pytest.fixture(scope="module")
def own_plane(tmp_path_factory):
    """A control plane of the test file's own, in which nothing of ours is installed."""
    with bare(tmp_path_factory.mktemp("own-plane")) as running:
        yield running


@pytest.fixture(scope="session")
def webhook(plane, tmp_path_factory):
    with install(plane, tmp_path_factory.mktemp("webhook")) as server:
        wait_until(lambda: server.ops("/readyz").status == 200, "the webhook is ready")
        yield server


@pytest.fixture(scope="session")
def minor():
    """The minor version of the API server."""
    said = subprocess.run([ASSETS / "kube-apiserver", "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.match(r"Kubernetes v1\.(\d+)", said).group(1))


@pytest.fixture(scope="module")
def namespace(plane, request):
    """A namespace of the test file's own, in which pods can be made."""
    name = request.module.__name__.replace("_", "-")
    plane.kubectl("create", "namespace", name)
    wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", "-n", name, code=None).returncode == 0,
               "its service account is there")
    yield name
    plane.kubectl("delete", "namespace", name, "--wait=false")

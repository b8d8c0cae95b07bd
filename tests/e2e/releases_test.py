"""The API server's version: emulated, replaced by a newer release, or with the features switched off."""

import json
import os
import pathlib
import re

import pytest

from conftest import ASSETS
from control_plane import ControlPlane, wait_until
from installed import install
from pods import create, is_sandboxed, pod

NEWER = os.environ.get("KUBE_ASSETS_NEWER", "")
QUICK = "cluster: {refreshInterval: 1s}\n"


@pytest.fixture()
def start(tmp_path):
    """Starts a control plane of its own, with the webhook; both end with the test."""
    planes, servers = [], []

    def begin(*flags, emulated=None):
        plane = ControlPlane(ASSETS, tmp_path / "plane", flags, emulated)
        planes.append(plane.__enter__())
        plane.start_controllers()
        wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", code=None).returncode == 0,
                   "the controllers make service accounts")
        (tmp_path / "config.yaml").write_text(QUICK)
        server = install(plane, tmp_path / "webhook", "--config", tmp_path / "config.yaml")
        servers.append(server)
        wait_until(lambda: server.ops("/readyz").status == 200, "the webhook is ready")
        wait_until(lambda: "Error" not in create(plane, "default", pod("probe"), "--dry-run=server").stderr
                   and server.metrics()["admission_duration_seconds_count"] > 0, "the webhook is called")
        return plane, server

    yield begin
    for each in [*servers, *planes]:
        each.__exit__()


def test_the_emulated_version_decides(start, minor):
    lowest = minor - 1
    if minor < 33:
        pytest.skip("1.32 and older report no emulated version")
    plane, server = start(emulated=f"1.{lowest}")
    assert str(plane.version["emulationMinor"]) == str(lowest)
    stored = json.loads(create(plane, "default", pod("emulated")).stdout)
    assert is_sandboxed(stored) == (lowest >= 33)
    [event] = [e for e in map(json.loads, plane.audit_log.read_text().splitlines())
               if e["objectRef"].get("name") == "emulated" and e["verb"] == "create"]
    assert event["annotations"]["sandbox.code-executor-webhook.io/kubernetes-version"] == f"1.{lowest}"


@pytest.mark.parametrize("gates", ["UserNamespacesSupport=false,ProcMountType=false", "ProcMountType=false",
                                   "UserNamespacesSupport=false"])
def test_features_that_are_switched_off_are_noticed(start, minor, gates):
    """Up to 1.35 they can be, by hand, and no version says so."""
    if minor < 33:
        pytest.skip("1.32 and older have them off by default")
    if gates == "UserNamespacesSupport=false" and minor > 34:
        pytest.skip("1.35 and newer do not start with ProcMountType on and UserNamespacesSupport off")
    plane, server = start(f"--feature-gates={gates}", emulated="1.35" if minor > 35 else None)
    assert server.metrics()['cluster_sandbox_fields{state="dropped"}'] == 1
    assert "the API server drops hostUsers or procMount" in server.ops("/readyz?verbose").body.decode()
    done = create(plane, "default", pod("plain"))
    stored = json.loads(done.stdout)
    assert stored["spec"]["containers"][0]["securityContext"] == {"privileged": True}
    assert "initContainers" not in stored["spec"]
    assert "the API server drops hostUsers or procMount (cluster_too_old)" in done.stderr
    insists = create(plane, "default", pod("insists", labels={"code-executor-webhook/mode": "sandbox"}))
    assert insists.returncode == 1 and "turn on its features" in insists.stderr
    # What it would have come to: NET_ADMIN in the host's user namespace, a masked /proc, or no pod at all.
    by_hand = pod("by-hand", {"hostUsers": False}, {"securityContext": {
        "procMount": "Unmasked", "allowPrivilegeEscalation": False, "capabilities": {"add": ["NET_ADMIN"]}}})
    by_hand["metadata"]["labels"] = {}  # past the webhook, and without the profile that manifests/base looks for
    made = create(plane, "default", by_hand)
    if gates == "UserNamespacesSupport=false":
        assert made.returncode == 1 and "`hostUsers` must be false to use `Unmasked`" in made.stderr
        return
    stored = json.loads(made.stdout)["spec"]
    assert stored["containers"][0]["securityContext"]["procMount"] == "Default"
    assert ("hostUsers" in stored) == ("UserNamespacesSupport" not in gates)


@pytest.mark.skipif(not NEWER, reason="KUBE_ASSETS_NEWER names no newer release")
def test_an_upgrade_takes_effect_without_a_restart(start, minor):
    plane, server = start()
    assert is_sandboxed(json.loads(create(plane, "default", pod("before")).stdout)) == (minor >= 33)
    plane.apiserver.stop()
    plane.start_apiserver(pathlib.Path(NEWER))
    newer = int(re.match(r"\d+", plane.version["minor"]).group())
    assert newer > minor
    wait_until(lambda: f'cluster_version_info{{git_version="{plane.version["gitVersion"]}"}}' in server.metrics(),
               "the webhook has seen the new version")
    after = json.loads(create(plane, "default", pod("after")).stdout)
    assert is_sandboxed(after) == (newer >= 33)
    assert len(server.logged("serving")) == 1

"""manifests/final-state-policy: what it holds back, and what it lets through."""

import json

import pytest

from control_plane import wait_until
from installed import ROOT
from other_webhook import other_webhook
from pods import create, is_sandboxed, pod

POLICY = ROOT / "manifests/final-state-policy"
REFUSED = "ValidatingAdmissionPolicy 'code-executor-webhook-final-state'"
LOCALHOST = {"seccompProfile": {"type": "Localhost", "localhostProfile": f"profiles/nsjail-seccomp-{'0' * 64}.json"}}
BY_HAND = {**LOCALHOST, "procMount": "Unmasked", "allowPrivilegeEscalation": False,
           "capabilities": {"add": ["NET_ADMIN"]}}


@pytest.fixture(scope="module", autouse=True)
def policy(plane, webhook, minor, namespace):
    if minor < 33:
        done = plane.kubectl("apply", "-k", POLICY, code=None)
        assert done.returncode != 0 and "compil" in done.stderr  # no half of it
        plane.kubectl("delete", "-k", POLICY, "--ignore-not-found")
        pytest.skip("the policy is for 1.33 and later, and an older API server does not take it")
    plane.kubectl("apply", "-k", POLICY)
    wait_until(lambda: REFUSED in create(plane, namespace, pod("probe", target={
        "securityContext": {"privileged": True}}), "--dry-run=server").stderr, "the policy is in force")
    yield
    plane.kubectl("delete", "-k", POLICY)


UNSANDBOXED = {
    "privileged by its own context": pod("p", target={"securityContext": {"privileged": True}}),
    "privileged by fallback": pod("p", {"hostNetwork": True}),
    "explicit context without the profile": pod("p", {"hostUsers": False}, {
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}),
    "explicit context in the host's user namespace": pod("p", target={"securityContext": LOCALHOST}),
    "host's user namespace asked for": pod("p", {"hostUsers": True}, {"securityContext": LOCALHOST}),
    "another Localhost profile": pod("p", {"hostUsers": False}, {
        "securityContext": {"seccompProfile": {"type": "Localhost", "localhostProfile": "other.json"}}}),
}


@pytest.mark.parametrize("how", UNSANDBOXED)
def test_what_is_not_sandboxed_is_refused(plane, namespace, how):
    done = create(plane, namespace, UNSANDBOXED[how])
    # Where the policy of manifests/base refuses the pod too, API servers name either.
    named = REFUSED.replace("final-state", "host-users") in done.stderr or REFUSED in done.stderr
    assert done.returncode == 1 and named, done.stderr


LET_THROUGH = {
    "sandboxed": pod("p"),
    "sandboxed, insists": pod("p", labels={"code-executor-webhook/mode": "sandbox"}),
    "opted out": pod("p", target={"securityContext": {"privileged": True}}, labels={"code-executor-webhook/mode": "off"}),
    "without nsjail": pod("p", target={"env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]}),
    "sandboxed by hand": pod("p", {"hostUsers": False}, {"securityContext": BY_HAND}),
}


@pytest.mark.parametrize("how", LET_THROUGH)
def test_what_is_sandboxed_or_no_jail_is_let_through(plane, namespace, how):
    done = create(plane, namespace, LET_THROUGH[how], "--dry-run=server")
    assert done.returncode == 0, done.stderr


def test_a_label_that_comes_after_the_webhook_is_caught(plane, namespace):
    unlabelled = pod("late", target={"securityContext": {"privileged": True}})
    unlabelled["metadata"]["labels"] = {}
    assert create(plane, namespace, unlabelled).returncode == 0
    done = plane.kubectl("label", "pod", "late", "-n", namespace, "telemetry.retool.com/service-name=code-executor",
                         code=None)
    assert done.returncode == 1 and REFUSED in done.stderr


def test_a_label_that_another_webhook_adds_too_late_is_caught(plane, webhook, namespace):
    """Ours is called first, and does not match; nobody asks it again."""
    labels = {"op": "add", "path": "/metadata/labels/telemetry.retool.com~1service-name", "value": "code-executor"}
    document = pod("labelled-late", labels={"late": "on"})
    del document["metadata"]["labels"]["telemetry.retool.com/service-name"]
    with other_webhook(plane, webhook.keys, "zzz-labels-late", lambda _: [labels], late="on"):
        wait_until(lambda: REFUSED in create(plane, namespace, document, "--dry-run=server").stderr,
                   "the other webhook adds the label, and the policy refuses the pod")
    # Labelled by a webhook before ours, it is sandboxed.
    with other_webhook(plane, webhook.keys, "aaa-labels-early", lambda _: [labels], late="on"):
        def created():
            done = create(plane, namespace, document, "--dry-run=server")
            return done.returncode == 0 and "service-name" in done.stdout and json.loads(done.stdout)

        assert is_sandboxed(wait_until(created, "the other webhook adds the label"))


def test_a_pod_that_the_webhook_missed_is_refused(plane, webhook, namespace):
    configuration = plane.get_json("mutatingwebhookconfiguration", "code-executor-webhook")
    plane.kubectl("delete", "mutatingwebhookconfiguration", "code-executor-webhook")
    try:
        wait_until(lambda: REFUSED in create(plane, namespace, pod("missed"), "--dry-run=server").stderr,
                   "the webhook is gone, and the policy stands")
    finally:
        for field in ("resourceVersion", "uid", "creationTimestamp"):
            del configuration["metadata"][field]
        plane.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
    wait_until(lambda: create(plane, namespace, pod("missed"), "--dry-run=server").returncode == 0,
               "the webhook is back")


# Which of kubectl's profiles a sandboxed pod takes.
@pytest.mark.parametrize(("profile", "is_taken"), [
    ("legacy", True), ("general", True), ("baseline", True), ("restricted", True), ("netadmin", True), ("sysadmin", False)])
def test_debuggers(plane, namespace, profile, is_taken):
    name = f"debugged-{profile}"
    created = create(plane, namespace, pod(name))
    assert is_sandboxed(json.loads(created.stdout)), created.stderr
    done = plane.kubectl("debug", name, "-n", namespace, "--image=busybox", f"--profile={profile}",
                         "--target=code-executor", code=None)
    assert (done.returncode == 0) == is_taken, done.stderr
    assert is_taken or REFUSED in done.stderr


@pytest.mark.parametrize("labels", [["code-executor-webhook/mode=off"], ["telemetry.retool.com/service-name-"]])
def test_no_label_lets_a_debugger_in_later(plane, namespace, labels):
    name = f"relabelled-{labels[0].count('=')}"
    created = create(plane, namespace, pod(name))
    assert is_sandboxed(json.loads(created.stdout)), created.stderr
    for subresource in ([], ["--subresource=status"]):
        key, _, value = labels[0].rstrip("-").partition("=")
        patch = {"metadata": {"labels": {key: value or None}}}
        done = plane.kubectl("patch", "pod", name, "-n", namespace, *subresource, "--type=merge",
                             "-p", json.dumps(patch), code=None)
        assert done.returncode == 1 and REFUSED in done.stderr, done.stderr
    assert REFUSED in plane.kubectl("label", "pod", name, "-n", namespace, "--overwrite", *labels, code=None).stderr
    done = plane.kubectl("debug", name, "-n", namespace, "--image=busybox", "--profile=sysadmin", code=None)
    assert done.returncode == 1 and REFUSED in done.stderr, done.stderr

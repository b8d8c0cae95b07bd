"""manifests/overlays/policy as its users install it: what it does, what stands behind it where it does nothing, and the
change from webhook to policy and back."""

import concurrent.futures
import json
import os
import re
import threading
import time

import pytest

from control_plane import wait_until
from helm import CHART, Helm
from installed import NAME, ROOT, install, make_certificates
from other_webhook import other_webhook
from policy_sides import Client
from pods import create, is_sandboxed, pod

ALL = os.environ.get("E2E_POLICY") == "all"
NEWER = os.environ.get("KUBE_ASSETS_NEWER", "")
OVERLAY = ROOT / "manifests/overlays/policy"
FINAL_STATE = "ValidatingAdmissionPolicy 'code-executor-webhook-final-state'"
DENIALS = "ValidatingAdmissionPolicy 'code-executor-webhook-denials'"
NAMESPACE = "default"
CONFLICT = {"volumes": [{"name": "seccomp-profile", "emptyDir": {}}]}
SAYS_WHY = "volume 'seccomp-profile' is not the one that code-executor-webhook adds (rename it"


def dry(plane, *arguments, **metadata):
    return create(plane, NAMESPACE, pod("dry", *arguments, **metadata), "--dry-run=server")


def acts(plane):
    done = dry(plane)
    return done.returncode == 0 and is_sandboxed(json.loads(done.stdout))


def marked(plane):
    """A pod of nobody's that has the mark: only the paired policy looks at it."""
    made = pod("marked", annotations={"code-executor-webhook/denied": "by hand"})
    made["metadata"].pop("labels")
    return create(plane, NAMESPACE, made, "--dry-run=server")


def install_overlay(plane):
    plane.kubectl("apply", "-k", OVERLAY)
    wait_until(lambda: acts(plane) and DENIALS in marked(plane).stderr and FINAL_STATE in dry(
        plane, target={"securityContext": {"privileged": True}}).stderr, "the policies are in force")


def restart(plane, *flags, assets=None):
    plane.apiserver.stop()
    plane.flags = list(flags)
    plane.start_apiserver(assets)


def acts_from_the_first_pod_on(plane):
    """After a start of the API server: no pod slips by, and soon they are sandboxed."""
    for _ in range(20):
        done = dry(plane)
        assert done.returncode == 1 or is_sandboxed(json.loads(done.stdout)), done.stdout
    wait_until(lambda: acts(plane), "the policy acts again")


@pytest.fixture(scope="module")
def own(minor, request):
    """Without the webhook at first."""
    if minor < 36:
        pytest.skip("mutating policies of v1 are served from 1.36 on")
    plane = request.getfixturevalue("own_plane")
    install_overlay(plane)
    return plane


def test_pods_are_sandboxed_and_stored_so(own):
    done = create(own, NAMESPACE, pod("sandboxed"))
    assert done.returncode == 0 and is_sandboxed(json.loads(done.stdout)), done.stderr


def test_a_denial_says_what_the_webhook_says(own):
    assert f'{SAYS_WHY}, or opt out with label code-executor-webhook/mode: "off")' in dry(own, CONFLICT).stderr
    done = dry(own, {"hostUsers": True}, labels={"code-executor-webhook/mode": "sandbox"})
    assert "it sets hostUsers: true (remove hostUsers, or remove label code-executor-webhook/mode: sandbox)" in done.stderr


def test_warnings(own):
    assert "label code-executor-webhook/mode: 'of' ignored (expected off or sandbox)" in dry(
        own, labels={"code-executor-webhook/mode": "of"}).stderr
    assert "a container beside the code-executor is privileged" not in dry(own).stderr


def test_a_denial_says_so_whichever_policy_speaks(own):
    """Of those that refuse a pod an API server takes any one, and may take another one when bindings change."""
    client = Client(own)
    policies = client.send("GET", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings")[1]["items"]
    (other,) = (each for each in policies if each["metadata"]["name"] == "code-executor-webhook-warnings")
    other = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
             "metadata": {"name": "shuffle"}, "spec": other["spec"]}
    for count in range(6):
        (client.delete if count % 2 else client.put)(other)
        time.sleep(1)
        done = client.send("POST", f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All", pod("dry", CONFLICT))
        assert done[0] == 422 and SAYS_WHY in done[1]["message"], done


def test_nobody_is_stored_with_the_mark(own):
    done = marked(own)
    assert done.returncode == 1 and DENIALS in done.stderr


def test_without_the_paired_policy_the_final_state_holds(own):
    own.kubectl("delete", "validatingadmissionpolicybinding", "code-executor-webhook-denials")
    try:
        wait_until(lambda: marked(own).returncode == 0, "the binding is gone")
        done = dry(own, CONFLICT)
        assert done.returncode == 1 and FINAL_STATE in done.stderr and SAYS_WHY in done.stderr, done.stderr
    finally:
        install_overlay(own)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("keys"))


# Configurations of webhooks are called in the order of their names, and policies before all of them.
@pytest.mark.parametrize("name", ["a-webhook", "z-webhook"])
def test_an_init_container_of_another_webhook_comes_behind_ours(own, keys, name):
    def change(seen):
        if any(c["name"] == "first" for c in seen["spec"].get("initContainers", [])):
            return []
        return [{"op": "add", "path": "/spec/initContainers/0", "value": {"name": "first", "image": "i"}}]

    with other_webhook(own, keys, name, change, other="yes"):
        wait_until(lambda: '"first"' in dry(own, labels={"other": "yes"}).stdout, "the other webhook is called")
        made = json.loads(dry(own, labels={"other": "yes"}).stdout)
    assert is_sandboxed(made)
    assert [c["name"] for c in made["spec"]["initContainers"]] == ["install-seccomp", "first"]


@pytest.mark.parametrize("name", ["a-webhook", "z-webhook"])
def test_what_another_webhook_makes_of_a_sandboxed_pod_is_refused(own, keys, name):
    def change(seen):
        return [] if seen["spec"].get("hostNetwork") else [{"op": "add", "path": "/spec/hostNetwork", "value": True}]

    with other_webhook(own, keys, name, change, other="yes"):
        done = wait_until(lambda: (found := dry(own, labels={"other": "yes"})).returncode == 1 and found,
                          "the other webhook is called")
    assert DENIALS in done.stderr or FINAL_STATE in done.stderr or "is invalid" in done.stderr, done.stderr


@pytest.mark.parametrize("name", ["a-webhook", "z-webhook"])
def test_a_label_that_comes_late_is_caught(own, keys, name):
    label = "telemetry.retool.com~1service-name"

    def change(seen):
        return [] if "telemetry.retool.com/service-name" in seen["metadata"]["labels"] else [
            {"op": "add", "path": f"/metadata/labels/{label}", "value": "code-executor"}]

    unlabelled = pod("late", target={"securityContext": {"privileged": True}})
    unlabelled["metadata"]["labels"] = {"other": "yes"}
    with other_webhook(own, keys, name, change, other="yes"):
        done = wait_until(lambda: (found := create(own, NAMESPACE, unlabelled, "--dry-run=server")).returncode == 1 and found,
                          "the other webhook is called")
    assert FINAL_STATE in done.stderr, done.stderr


def test_where_an_api_server_does_not_do_it_the_final_state_holds(own):
    flags = ["--disable-admission-plugins=MutatingAdmissionPolicy", "--feature-gates=MutatingAdmissionPolicy=false"]
    try:
        for flag in flags:
            restart(own, flag)
            done = wait_until(lambda: (found := dry(own)).returncode == 1 and found, "the final-state policy is in force")
            assert FINAL_STATE in done.stderr and "spec.hostUsers is not false" in done.stderr, (flag, done.stderr)
            assert own.kubectl("apply", "-k", OVERLAY).returncode == 0  # it is taken, and does nothing
    finally:
        restart(own)
    acts_from_the_first_pod_on(own)


@pytest.mark.skipif(not NEWER, reason="KUBE_ASSETS_NEWER names no newer release")
def test_an_upgrade_and_a_downgrade_lose_nothing(own, minor):
    """One etcd with the policies in it, to which nothing is applied anew."""
    releases = []
    try:
        for name, assets in (("upgraded", NEWER), ("downgraded", None), ("again", NEWER)):
            restart(own, assets=assets)
            releases.append(int(re.match(r"\d+", own.version["minor"]).group()))
            acts_from_the_first_pod_on(own)
            assert SAYS_WHY in dry(own, CONFLICT).stderr
            assert FINAL_STATE in dry(own, target={"securityContext": {"privileged": True}}).stderr
            assert create(own, NAMESPACE, pod(name)).returncode == 0
            stored = own.get_json("pods", "-n", NAMESPACE)["items"]
            assert name in {each["metadata"]["name"] for each in stored} and all(map(is_sandboxed, stored))
    finally:
        restart(own)
    assert releases[0] == releases[2] > releases[1] == minor


@pytest.mark.parametrize("tool", ["helm", "helm3"] if ALL else ["helm"])
def test_the_chart_takes_the_policies_over_and_away(own, tool, tmp_path):
    helm = Helm(tool, own, tmp_path)

    def ours():
        kinds = "mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies," \
                "validatingadmissionpolicybindings"
        return own.get_json(kinds)["items"]

    def names():
        return {(each["kind"], each["metadata"]["name"]) for each in ours()}

    before = names()
    try:
        helm("install", NAME, CHART, "-n", NAMESPACE, "--set", "mode=policy", "--take-ownership", *helm.forced)
        assert names() == before
        assert {each["metadata"]["labels"]["app.kubernetes.io/managed-by"] for each in ours()} == {"Helm"}
        assert acts(own)
        helm("uninstall", NAME, "-n", NAMESPACE, "--wait")
        assert not ours()
        wait_until(lambda: dry(own).returncode == 0 and not acts(own), "the policies act no longer")
        helm("install", NAME, CHART, "-n", NAMESPACE, "--set", "mode=policy")
        wait_until(lambda: acts(own), "the chart's policies act")
        helm("uninstall", NAME, "-n", NAMESPACE, "--wait")
    finally:
        install_overlay(own)


def seconds_of(plane, plugin):
    """(sum, count) of the time that the API server spent in an admission plugin on CREATE."""
    page = plane.get("/metrics").decode()
    return [sum(float(value) for labels, value in re.findall(
        rf"^apiserver_admission_controller_admission_duration_seconds_{part}{{(.*)}} (\S+)$", page, re.M)
        if f'name="{plugin}"' in labels and 'operation="CREATE"' in labels) for part in ("sum", "count")]


def milliseconds(plane, clients, pods=200 if ALL else 40):
    """Of each plugin a pod, by the API server's own clock; for docs/policy.md take E2E_POLICY=all."""
    client = Client(plane)
    plugins = ("MutatingAdmissionWebhook", "MutatingAdmissionPolicy", "ValidatingAdmissionPolicy")
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
    before = {plugin: seconds_of(plane, plugin) for plugin in plugins}
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        for status, answer, *_ in pool.map(lambda _: client.send("POST", path, pod("dry")), range(pods)):
            assert status == 201, answer
    after = {plugin: seconds_of(plane, plugin) for plugin in plugins}
    return ", ".join(f"{plugin} {(after[plugin][0] - before[plugin][0]) / max(1, after[plugin][1] - before[plugin][1]) * 1e3:.2f}"
                     for plugin in plugins)


class Load:
    """Pods, one after the other, each of which must come out sandboxed."""

    def __init__(self, plane):
        self.client, self.count, self.wrong, self.over = Client(plane), 0, [], threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(2)]

    def _run(self):
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All"
        while not self.over.is_set():
            status, answer, *_ = self.client.send("POST", path, pod("load"))
            self.count += 1
            if status != 201 or not is_sandboxed(answer):
                self.wrong.append(answer)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def goes_on(self):
        """Some more pods come out."""
        start = self.count
        wait_until(lambda: self.count > start + 20 or self.wrong, "the load goes on")
        assert not self.wrong, self.wrong[:1]


def test_from_webhook_to_policy_and_back_under_load(own, tmp_path, figures):
    policies = [(kind, NAME) for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy")]

    def both():
        return f"milliseconds a pod in the API server, 1 client: {milliseconds(own, 1)}; 8 clients: {milliseconds(own, 8)}"

    figures.append(f"by policy: {both()}")
    with install(own, tmp_path / "webhook") as server:
        wait_until(lambda: server.ops("/readyz").status == 200, "the webhook is ready")
        configuration = own.get_json("mutatingwebhookconfiguration", NAME)
        for field in ("resourceVersion", "uid", "creationTimestamp", "managedFields", "generation"):
            configuration["metadata"].pop(field, None)

        def asked():
            return sum(value for key, value in server.metrics().items() if key.startswith("admission_requests_total"))

        def policy_acts():
            """Policies come first: what they sandboxed, the webhook leaves as it is."""
            key = 'admission_requests_total{dry_run="true",outcome="sandboxed",reason="supported"}'
            before = server.metrics()[key]
            return acts(own) and server.metrics()[key] == before

        for kind, name in policies:
            own.kubectl("delete", kind, name)
        wait_until(lambda: "admission webhook" in dry(own, CONFLICT).stderr, "the policy is gone")
        figures.append(f"by webhook: {both()}")
        own.kubectl("apply", "-k", OVERLAY)
        wait_until(policy_acts, "the policy is back")
        with Load(own) as load:
            start = asked()
            wait_until(lambda: asked() > start, "the webhook is called")
            load.goes_on()  # by both
            for kind, name in policies:
                own.kubectl("delete", kind, name)
            load.goes_on()
            own.kubectl("apply", "-k", OVERLAY)
            load.goes_on()  # by the webhook, and soon by both
            wait_until(policy_acts, "the policy acts")
            own.kubectl("delete", "mutatingwebhookconfiguration", NAME)
            load.goes_on()
            start = asked()
            own.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
            wait_until(lambda: asked() > start, "the webhook is called again")
            for kind, name in policies:
                own.kubectl("delete", kind, name)
            load.goes_on()
        assert not load.wrong
        figures.append(f"from webhook to policy and back: {load.count} pods, all of them sandboxed")

#!/usr/bin/python3
"""An API server that takes the sandbox out of pods: the real binary notices. Needs WEBHOOK_BINARY."""

import json

import pytest

from fake_kube_apiserver import FakeApiServer, answer_raw, answer_with, by_connection, keep_all, version_info
from webhook_server import WebhookServer, wait_until

REVIEW = json.dumps({
    "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
    "request": {"uid": "u", "kind": {"group": "", "version": "v1", "kind": "Pod"},
                "resource": {"group": "", "version": "v1", "resource": "pods"}, "operation": "CREATE",
                "object": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
                           "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}}})


def drop_all(handler):
    """What 1.33 to 1.35 make of the probe with both features switched off."""
    created = json.loads(handler.body)
    spec = created["template"]["spec"]
    del spec["hostUsers"]
    spec["containers"][0]["securityContext"]["procMount"] = "Default"
    answer_with(json.dumps(created).encode(), 201)(handler)


@pytest.fixture()
def api_server(keys):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", answer_with(version_info("v1.34.1"))) as server:
        yield server


@pytest.fixture()
def start(keys, api_server, tmp_path):
    """Starts the webhook, which asks `api_server` each second."""
    config = tmp_path / "config.yaml"
    config.write_text("cluster: {refreshInterval: 1s}\n")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "ours"}}],
        "clusters": [{"name": "c", "cluster": {"server": api_server.url,
                                               "certificate-authority": str(keys / "ca.crt")}}],
        "users": [{"name": "u", "user": {"token": "canary"}}]}))
    started = []

    def begin():
        server = WebhookServer(keys, "--config", config, "--kubeconfig", kubeconfig, version=None)
        started.append(server)
        wait_until(lambda: server.ops("/readyz").status == 200, "the webhook is ready")
        return server

    yield begin
    for server in started:
        server.__exit__()


def state(server):
    """What the metric says: one state of the three."""
    values = {name: value for name, value in server.metrics().items() if name.startswith("cluster_sandbox_fields")}
    assert len(values) == 3 and sorted(values.values()) == [0, 0, 1]
    return next(name for name in values if values[name]).split('"')[1]


def decided(server):
    response = server.post(REVIEW).json()["response"]
    return response["auditAnnotations"]["outcome"], response["auditAnnotations"]["reason"]


def probe_line(server):
    [line] = [each for each in server.ops("/readyz?verbose").body.decode().splitlines() if "sandbox-probe" in each]
    return line


def differences(server):
    [line] = [each for each in server.ops("/readyz?verbose").body.decode().splitlines() if "cluster-version" in each]
    return line.partition(": ")[2]


def assert_denied_until_they_agree(server):
    """A pod is privileged for life, and an upgrade passes."""
    assert decided(server) == ("denied", "cluster_too_old")
    status = server.post(REVIEW).json()["response"]["status"]
    assert status["code"] == 403 and "API servers differ" in status["message"] and "try again" in status["message"]


DIFFER = "; until they agree, pods that depend on which one they meet are denied"


def test_ten_pairs_of_version_and_probe_come_first_each_over_a_connection_of_its_own(api_server, start):
    server = start()
    pairs = {}
    asked = [request for request in api_server.requests() if request.method == "POST" or request.path == "/version"]
    for request in asked[:20]:
        pairs.setdefault(request.connection_number, []).append(request.method)
    assert list(pairs.values()) == [["GET", "POST"]] * 10
    assert differences(server) == ""


def test_two_servers_of_which_one_is_too_old_differ_until_all_are_new(api_server, start):
    old, new = (answer_with(version_info(f"v1.{minor}.0", minor=minor)) for minor in ("32", "33"))
    api_server.script = by_connection(old, new)
    server = start()
    assert differences(server) == "API servers differ: from 1.32 to 1.33" + DIFFER
    assert 'cluster_version_info{git_version="v1.32.0"}' in server.metrics()
    assert_denied_until_they_agree(server)
    api_server.script = new  # the upgrade is over; ten intervals later nothing else was seen
    wait_until(lambda: differences(server) == "", "the servers agree")
    assert decided(server) == ("sandboxed", "supported")
    assert [entry["message"] for entry in server.logged("cluster version: ")] == [
        'cluster version: 1.32 ("v1.32.0")', f"cluster version: API servers differ: from 1.32 to 1.33{DIFFER}",
        'cluster version: 1.33 ("v1.33.0")', "cluster version: the API servers agree again"]


def test_two_servers_of_which_one_drops_the_sandbox_differ(api_server, start):
    api_server.post_script = by_connection(keep_all, drop_all)
    server = start()
    assert differences(server) == "API servers differ: some drop hostUsers or procMount, some keep them" + DIFFER
    assert state(server) == "dropped"
    assert_denied_until_they_agree(server)
    assert len(server.logged("API servers differ")) == 1


def test_a_probe_that_is_not_answered_is_neither_yes_nor_no(api_server, start):
    api_server.post_script = by_connection(keep_all, answer_raw(b""))  # one server drops the connection
    server = start()
    assert state(server) == "kept" and differences(server) == ""
    assert decided(server) == ("sandboxed", "supported")


def test_an_api_server_that_goes_away_takes_back_nothing(api_server, start):
    api_server.post_script = by_connection(keep_all, drop_all)
    server = start()
    before = differences(server)
    api_server.script = answer_with(b"", 500)
    server.wait_for_log("status 500")
    api_server.wait_for_more_requests(2)
    assert differences(server) == before != ""


def test_the_probe_is_a_dry_run_in_the_namespace_of_the_context(api_server, start):
    start()
    request = api_server.wait_for_request(lambda each: each.method == "POST")
    assert request.path == "/api/v1/namespaces/ours/podtemplates?dryRun=All"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer canary"
    assert json.loads(request.body)["template"]["spec"]["hostUsers"] is False


def test_no_pod_is_sandboxed_while_the_api_server_drops_the_sandbox(api_server, start):
    api_server.post_script = drop_all
    server = start()
    assert decided(server) == ("privileged", "cluster_too_old")  # from the first review on
    assert state(server) == "dropped"
    assert "[+]sandbox-probe ok: the API server drops hostUsers or procMount" in probe_line(server)
    warnings = server.post(REVIEW).json()["response"]["warnings"]
    assert warnings == ["code-executor runs privileged, not sandboxed: the API server drops hostUsers or procMount "
                        "(cluster_too_old)"]

    api_server.post_script = keep_all  # the features are switched on
    wait_until(lambda: state(server) == "kept", "the webhook sees the change")
    assert decided(server) == ("sandboxed", "supported")
    assert probe_line(server) == "[+]sandbox-probe ok: the API server keeps hostUsers and procMount"
    assert [entry["level"] for entry in server.logged("sandbox probe: ")] == ["warning", "info"]


def test_an_api_server_that_is_too_old_anyway_is_not_asked(api_server, start):
    api_server.script = answer_with(version_info("v1.32.9", minor="32"))
    server = start()
    api_server.wait_for_more_requests(2)
    assert decided(server) == ("privileged", "cluster_too_old")
    assert state(server) == "unknown" and probe_line(server) == "[+]sandbox-probe ok: not asked"
    api_server.script = answer_with(version_info("v1.33.0", minor="33"))
    wait_until(lambda: state(server) == "kept", "it is asked once it is new enough")
    wait_until(lambda: decided(server) == ("sandboxed", "supported"), "nobody was older for ten intervals")


def test_where_the_probe_is_not_allowed_the_version_decides(api_server, start):
    api_server.post_script = answer_with(b'{"kind":"Status"}', 403)
    server = start()
    assert decided(server) == ("sandboxed", "supported")
    assert state(server) == "unknown"
    assert "not known; last asked in vain: status 403" in probe_line(server)
    api_server.wait_for_more_requests(4)
    assert len(server.logged("sandbox probe: ")) == 1


def test_a_fixed_version_asks_nobody(keys):
    with WebhookServer(keys) as server:
        assert state(server) == "unknown"
        assert probe_line(server) == "[+]sandbox-probe ok"

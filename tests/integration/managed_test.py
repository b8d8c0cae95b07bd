"""Certificates that the webhook makes itself: the real binary against an API server of our own.

Needs WEBHOOK_BINARY.
"""

import contextlib
import json
import socket
import ssl
import subprocess

import pytest

from fake_kube_apiserver import FakeApiServer
from fake_objects import CONFIGURATION, NS, SECRET, FakeObjects
from webhook_server import WebhookServer, make_certificates, openssl, wait_until

# Life of CA and leaf, trust delay, poll, clock tolerance.
TIMES = "3600,600,4,1,60"
SERVER_NAME = f"code-executor-webhook.{NS}.svc"


@pytest.fixture()
def api(keys):
    with FakeApiServer(keys / "tls.crt", keys / "tls.key") as server:
        yield server


@pytest.fixture()
def objects(api):
    return FakeObjects(api)


def write_kubeconfig(path, api, keys):
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": NS}}],
        "clusters": [{"name": "c", "cluster": {"server": api.url, "certificate-authority": str(keys / "ca.crt")}}],
        "users": [{"name": "u", "user": {"token": "t"}}]}))
    return path


@pytest.fixture()
def start(api, keys, tmp_path):
    """Starts a replica; all of them end with the test."""
    config = write_kubeconfig(tmp_path / "kubeconfig", api, keys)
    with contextlib.ExitStack() as replicas:
        yield lambda *flags, times=TIMES: replicas.enter_context(WebhookServer(
            None, "--kubeconfig", config, "--certificate-seconds", times, *flags))


def is_ready(replica):
    return replica.ops("/readyz").status == 200


def why_not(replica):
    return replica.ops("/readyz?verbose").body.decode().splitlines()[0]


def served(replica, bundle, name=SERVER_NAME):
    """The certificate that the replica serves, for a client that trusts `bundle` and calls it by `name`."""
    context = ssl.create_default_context(cadata=bundle)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", replica.port), 20), server_hostname=name) as one:
        return one.getpeercert()


def events(replica, name):
    return replica.metrics()[f'managed_certificate_events_total{{event="{name}"}}']


def wait_until_served(replica, objects):
    def is_served():
        with contextlib.suppress(ssl.SSLError, OSError):
            return served(replica, objects.bundle())
    wait_until(lambda: is_ready(replica), "it is ready")
    return wait_until(is_served, "what it serves is trusted")


def test_nothing_but_an_api_server_is_needed(objects, start):
    replica = start()
    certificate = wait_until_served(replica, objects)
    assert ("DNS", SERVER_NAME) in certificate["subjectAltName"]
    (authority,) = objects.authorities()
    assert objects.bundle() == authority["certificate"]
    assert events(replica, "authority_made") == events(replica, "leaf_issued") == 1
    metrics = replica.metrics()
    assert metrics["certificate_authority_expiry_timestamp_seconds"] > metrics["certificate_expiry_timestamp_seconds"] > 0
    assert "-----" not in replica.raw_log


def test_of_eight_replicas_that_start_at_once_one_makes_the_ca(objects, start):
    replicas = [start() for _ in range(8)]
    for replica in replicas:
        wait_until_served(replica, objects)
    assert len(objects.authorities()) == 1
    assert sum(events(each, "authority_made") for each in replicas) == 1
    made = [each for each in objects.applied if each[0] == SECRET and not each[2]]
    assert [code for *_, code in made].count(201) == 1
    assert len({manager for _, manager, *_ in made}) == len(made), "each has a field manager of its own"


def test_the_first_ca_is_marked_as_trusted_in_time(objects, start):
    replica = start()
    wait_until(lambda: "trustedSince" in (objects.authorities() or [{}])[0], "it is marked")
    wait_until(lambda: events(replica, "authority_trusted") == 1, "it is counted")


def replace_content(objects, data):
    objects.empty_secret(data)


@pytest.mark.parametrize("lose", [
    FakeObjects.delete_secret, FakeObjects.empty_secret,
    lambda objects: replace_content(objects, {"authorities.json": "e30="}),
    lambda objects: replace_content(objects, {"tls.crt": "eA==", "tls.key": "eA=="}),
], ids=["deleted", "emptied", "another content", "cert-manager's"])
def test_a_lost_secret_is_made_again_and_what_is_served_stays_trusted(objects, start, lose):
    replica = start()
    wait_until_served(replica, objects)
    before = served(replica, objects.bundle())
    old = objects.authorities()[0]["certificate"]
    lose(objects)
    wait_until(lambda: objects.holds_ours() and objects.authorities()[0]["certificate"] != old, "there is another CA")
    assert old in objects.bundle()
    assert served(replica, objects.bundle()) == before
    assert is_ready(replica)


@pytest.mark.parametrize("bundle", ["", "no PEM", "another"])
def test_a_damaged_bundle_is_repaired_and_a_foreign_ca_stays(objects, start, tmp_path, bundle):
    replica = start()
    wait_until_served(replica, objects)
    wait_until(lambda: "trustedSince" in objects.authorities()[0], "it is marked")
    foreign = (make_certificates(tmp_path / "foreign") / "ca.crt").read_text() if bundle == "another" else ""
    objects.set_bundle(foreign or bundle)
    wait_until(objects.holds_ours, "it is repaired")
    assert foreign in objects.bundle() and "no PEM" not in objects.bundle()
    wait_until(lambda: events(replica, "bundle_repaired") == 1, "it is counted")
    assert replica.logged("caBundle had lost our CA")


def test_an_expired_foreign_ca_leaves_the_bundle(objects, start, tmp_path):
    foreign = make_certificates(tmp_path / "foreign")
    openssl("x509", "-in", foreign / "ca.crt", "-signkey", foreign / "ca.key", "-days", "0", "-out", tmp_path / "expired")
    objects.set_bundle((tmp_path / "expired").read_text())
    replica = start(times="3600,600,4,1,1")
    wait_until_served(replica, objects)
    wait_until(lambda: (tmp_path / "expired").read_text() not in objects.bundle(), "it is gone")


def test_of_many_foreign_cas_the_oldest_leave_the_bundle_and_are_counted(objects, start, tmp_path):
    replica = start()
    wait_until_served(replica, objects)
    foreign = [(make_certificates(tmp_path / str(n)) / "ca.crt").read_text() for n in range(18)]
    objects.set_bundle(objects.bundle() + "".join(foreign))
    replica.wait_for_log("managed certificate: of other CAs in caBundle the 2 oldest are taken out (expected at most 16)")
    wait_until(lambda: sum(each in objects.bundle() for each in foreign) == 16, "sixteen stay")
    assert objects.holds_ours()
    wait_until(lambda: events(replica, "foreign_dropped") == 1, "it is counted")


REMEDY = f"kubectl -n {NS} delete secret code-executor-webhook-ca, upon which another CA is made, and no review fails"


def test_an_immutable_secret_is_told_long_before_the_ca_ends(objects, start):
    replica = start()
    wait_until_served(replica, objects)
    wait_until(lambda: "trustedSince" in objects.authorities()[0], "it is marked")
    objects.change_secret(immutable=True)
    said = f"Secret code-executor-webhook-ca is immutable: its CA cannot be renewed (expected {REMEDY})"
    replica.wait_for_log(said)
    wait_until(lambda: events(replica, "failure") >= 3, "the alert has something to count")
    assert is_ready(replica), "nothing has failed yet"
    assert said in replica.ops("/readyz?verbose").body.decode()
    assert len(replica.logged(said)) == 1
    objects.delete_secret()
    replica.wait_for_log("works again")
    wait_until(objects.holds_ours, "there is another CA, and the bundle has it")
    assert is_ready(replica)


def test_a_ca_that_is_due_and_cannot_be_stored_says_what_to_do(objects, start):
    replica = start(times="12,4,1,1,1")
    wait_until_served(replica, objects)
    objects.change_secret(immutable=True)
    replica.wait_for_log(f"managed certificate: PATCH {SECRET}: status 422 (expected {REMEDY})")


def test_a_secret_that_is_full_of_other_things_is_read_all_the_same(objects, start):
    wait_until_served(start(), objects)
    objects.change_secret(annotations={"others": "x" * (2 << 20)})
    replica = start()
    wait_until_served(replica, objects)
    assert len(objects.authorities()) == 1
    assert events(replica, "failure") == 0


def test_the_bundle_of_another_service_is_left_alone(api, start):
    objects = FakeObjects(api, service="another")
    replica = start()
    replica.wait_for_log("no webhook of it calls Service hooks/code-executor-webhook")
    assert not is_ready(replica)
    assert "no webhook of it calls Service" in why_not(replica)
    assert objects.applied == [] and objects.bundle() == ""


@pytest.mark.parametrize("refused, said", [
    (("GET", SECRET), f"GET {SECRET}: status 403 (expected a role that allows get on it, as the Role of manifests/base does)"),
    (("PATCH", SECRET), f"PATCH {SECRET}: status 403 (expected roles that allow create and patch on the Secret"),
    (("GET", CONFIGURATION), f"GET {CONFIGURATION}: status 403 (expected a role that allows get on it, as the ClusterRole"),
    (("PATCH", CONFIGURATION), f"PATCH {CONFIGURATION}: status 403 (expected roles that allow create and patch"),
], ids=lambda each: f"{each[0]} {each[1].rsplit('/', 2)[1]}" if isinstance(each, tuple) else "")
def test_a_right_that_is_missing_is_named_once_and_waited_for(objects, start, refused, said):
    objects.refused.add(refused)
    replica = start()
    replica.wait_for_log(said)
    wait_until(lambda: said in why_not(replica), "/readyz says it")
    wait_until(lambda: events(replica, "failure") >= 3, "it is tried again")
    assert len(replica.logged(said)) == 1
    objects.refused.clear()
    wait_until_served(replica, objects)
    assert replica.logged("works again")


@pytest.mark.parametrize("ahead", [-86400, 86400])
def test_a_clock_that_is_off_writes_nothing(api, objects, start, ahead):
    api.clock_offset = ahead
    replica = start()
    replica.wait_for_log("the clocks of this node and of the API server are apart by more than 60 s")
    wait_until(lambda: events(replica, "failure") >= 2, "it is tried again")
    assert not is_ready(replica) and "clocks" in why_not(replica)
    assert objects.applied == []
    api.clock_offset = 0
    wait_until_served(replica, objects)


def test_what_is_served_outlives_the_api_server(api, objects, start):
    replica = start()
    wait_until_served(replica, objects)
    bundle = objects.bundle()
    api.stop()
    replica.wait_for_log("managed certificate: GET ")
    assert is_ready(replica)
    assert served(replica, bundle)


def test_a_leaf_is_renewed_in_time_and_connections_stay(objects, start):
    replica = start(times="3600,9,1,1,1")
    wait_until_served(replica, objects)
    first = served(replica, objects.bundle())["serialNumber"]
    wait_until(lambda: events(replica, "leaf_renewed") >= 2, "it is renewed twice")
    assert is_ready(replica)
    assert served(replica, objects.bundle())["serialNumber"] != first


def test_a_ca_is_followed_by_the_next_before_its_end(objects, start):
    replicas = [start(times="24,8,3,1,1") for _ in range(3)]
    for replica in replicas:
        wait_until_served(replica, objects)
    first = objects.authorities()[0]["certificate"]
    wait_until(lambda: all(each["certificate"] != first for each in objects.authorities()), "it is gone", 90)
    wait_until(lambda: first not in objects.bundle(), "it left the bundle")
    for replica in replicas:
        assert is_ready(replica)
        served(replica, objects.bundle())


def test_a_replica_stops_at_once_while_the_api_server_says_nothing(api, objects, start, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("server: {shutdownDelay: 0s}\n")
    replica = start("--config", config)
    wait_until_served(replica, objects)
    api.script = lambda handler: api.stopping.wait(30)
    api.wait_for_more_requests(1)
    replica.process.terminate()
    assert replica.process.wait(15) == 0  # the answer takes thirty


def test_clients_of_another_ca_are_turned_away(objects, start, keys, tmp_path):
    replica = start("--client-ca", keys / "ca.crt")
    wait_until(lambda: is_ready(replica), "it is ready")
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{replica.port}", "-quiet"], input=b"",
                          capture_output=True, timeout=20, check=False)
    assert b"certificate required" in done.stderr


def test_a_client_ca_that_is_spoilt_leaves_the_old_one_in_use(api, objects, start, keys, tmp_path):
    clients = tmp_path / "clients.crt"
    clients.write_bytes((keys / "ca.crt").read_bytes())
    replica = start("--client-ca", clients)
    wait_until(lambda: is_ready(replica), "it is ready")
    clients.write_text("no PEM")
    said = f"the client CA in use stays: {clients}: no certificate in it (expected PEM)"
    replica.wait_for_log(said)
    api.wait_for_more_requests(6)
    assert len(replica.logged(said)) == 1
    assert events(replica, "failure") == 0 and is_ready(replica)


def test_without_an_api_server_there_is_no_managed_certificate(start):
    with pytest.raises(RuntimeError, match="no API server to ask"):
        WebhookServer(None)

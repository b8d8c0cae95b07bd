"""Certificates that the webhook makes itself: on a real API server, with a CA that lives a minute."""

import glob
import json
import os
import signal
import subprocess
import time

import pytest

from control_plane import wait_until
from installed import NAME
from managed import SECONDS, SECRET, Fleet, PodLoad
from pods import create, pod

ROTATIONS = int(os.environ.get("E2E_ROTATIONS", "1"))
CLIENTS = 50


@pytest.fixture(scope="module")
def fleet(managed_plane, tmp_path_factory):
    """Three replicas that started at once, where there was nothing."""
    with Fleet(managed_plane, tmp_path_factory.mktemp("fleet")) as running:
        for _ in range(3):
            running.start()
        running.wait_until_ready(3)
        yield running


def test_a_first_start_ends_with_one_ca_in_secret_and_bundle(fleet, managed_plane):
    assert len(fleet.authorities()) == 1
    assert fleet.bundle() == [fleet.authorities()[0]["certificate"]]
    assert fleet.event("authority_made") == 1
    made = create(managed_plane, "default", pod("first"), "--dry-run=server")
    assert made.returncode == 0, made.stderr


def test_rotations_under_load_fail_no_review(fleet, managed_plane, figures):
    before = fleet.event("authority_made"), fleet.event("leaf_renewed")
    began = time.monotonic()
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        wait_until(lambda: fleet.event("authority_made") >= before[0] + ROTATIONS, f"{ROTATIONS} CAs were made",
                   120 * ROTATIONS)
        made = fleet.event("authority_made")
        wait_until(lambda: fleet.event("authority_trusted") >= made, "the last is trusted")
    assert load.failures == []
    figures.append(f"managed: {ROTATIONS} CAs in {time.monotonic() - began:.0f} s, "
                   f"{fleet.event('leaf_renewed') - before[1]:.0f} leaves renewed, {load.count} pods by {CLIENTS} "
                   f"clients, {len(load.failures)} failed")


@pytest.mark.parametrize("harm", ["deleted", "emptied"])
def test_a_lost_secret_fails_no_review(fleet, managed_plane, harm):
    made = fleet.event("authority_made")
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        if harm == "deleted":
            managed_plane.kubectl("delete", "secret", SECRET, "-n", NAME)
        else:
            managed_plane.kubectl("patch", "secret", SECRET, "-n", NAME, "--type=json", "-p",
                              json.dumps([{"op": "remove", "path": "/data"}]))
        wait_until(lambda: fleet.event("authority_made") > made, "there is another CA")
        renewed = fleet.event("leaf_renewed")
        wait_until(lambda: fleet.event("leaf_renewed") >= renewed + 3, "leaves are of it")
    assert load.failures == []


def foreign_ca(directory):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=another", "-days", "9", "-keyout", directory / "key", "-out", directory / "crt"],
                   check=True, capture_output=True)
    return (directory / "crt").read_text()


@pytest.mark.parametrize("harm", ["emptied", "overwritten"])
def test_a_damaged_bundle_is_repaired_at_once(fleet, managed_plane, tmp_path, harm):
    other = [] if harm == "emptied" else [foreign_ca(tmp_path)]
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        fleet.set_bundle(other)
        wait_until(fleet.holds_ours, "it is repaired", 5 * SECONDS["poll"])
        # API servers have the repaired one soon; what is under way may still fail.
        wait_until(lambda: not load.failed_since(time.monotonic() - 1), "reviews succeed again", 20)
    assert set(other) <= set(fleet.bundle()), "what others put there stays"


def test_an_applier_that_insists_gets_its_share_and_we_ours(fleet, managed_plane, tmp_path):
    """As a GitOps tool that puts an old bundle back, by force, again and again."""
    other = foreign_ca(tmp_path)
    repaired = fleet.event("bundle_repaired")
    for _ in range(5):
        fleet.set_bundle([other])
        wait_until(fleet.holds_ours, "it is repaired", 20)
    assert fleet.event("bundle_repaired") >= repaired + 5
    assert other in fleet.bundle()
    began = time.monotonic()
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        wait_until(lambda: load.count > 200, "reviews are made")
    assert load.failed_since(began) == []


def test_a_replica_frozen_through_a_rotation_serves_again(fleet, managed_plane):
    frozen = fleet.replicas[0]
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        fleet.balancer.remove(frozen)  # a kubelet's probe would do that
        frozen.process.send_signal(signal.SIGSTOP)
        made = sum(each.metrics()['managed_certificate_events_total{event="authority_made"}']
                   for each in fleet.replicas[1:])

        def trusted_successor():
            now = sum(each.metrics()['managed_certificate_events_total{event="authority_made"}']
                      for each in fleet.replicas[1:])
            return made < now and "trustedSince" in fleet.authorities()[-1]
        wait_until(trusted_successor, "there is another CA", 180)
        frozen.process.send_signal(signal.SIGCONT)
        woken = time.monotonic()
        fleet.balancer.add(frozen)
        wait_until(lambda: frozen in fleet.balancer.ready(), "it is ready")
        seen = load.count
        wait_until(lambda: load.count > seen + 300, "reviews are made")
    # What was under way over its connections when it froze cannot be answered.
    assert all("deadline exceeded" in what for _, what in load.failures), load.failures
    assert load.failed_since(woken) == []


# By a clock that is a day ahead the leaf has expired; by one that is a day behind it is not valid yet.
@pytest.mark.parametrize("off", ["+1d", "-1d"])
def test_a_replica_whose_clock_goes_wrong_harms_nothing_and_serves_again(fleet, managed_plane, tmp_path, off):
    library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    if not library:
        pytest.skip("no libfaketime (Debian: faketime)")
    clock = tmp_path / "clock"
    clock.write_text("+0d")
    replica = fleet.start(command=["env", f"LD_PRELOAD={library[0]}", f"FAKETIME_TIMESTAMP_FILE={clock}",
                                   "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"])

    def set_clock(text):
        (tmp_path / "next").write_text(text)
        os.replace(tmp_path / "next", clock)

    def state():
        return replica.ops("/readyz?verbose").body.decode()

    def events():
        return {key: count for key, count in replica.metrics().items()
                if key.startswith("managed_certificate_events") and '"failure"' not in key}

    try:
        fleet.wait_until_ready(4)
        with PodLoad(managed_plane, "default", CLIENTS) as load:
            set_clock(off)
            wait_until(lambda: replica not in fleet.balancer.ready(), "its readiness tells")
            wait_until(lambda: "the clocks of this node and of the API server are apart" in state(), "it says why")
            assert "the certificate in use is not valid now" in state()
            before = events()
            issued = fleet.event("leaf_renewed")
            wait_until(lambda: fleet.event("leaf_renewed") >= issued + 3, "the others renew theirs", 120)
            assert events() == before, "it makes, issues and repairs nothing"
            assert fleet.holds_ours()
            for number in range(200):  # a clock that is set right while it is looked at
                set_clock(off if number % 2 else "+0d")
                time.sleep(0.02)
            set_clock("+0d")
            wait_until(lambda: replica in fleet.balancer.ready(), "it is ready again")
            seen = load.count
            wait_until(lambda: load.count > seen + 300, "reviews are made")
        assert load.failures == []
    finally:
        fleet.end(replica)


def test_the_api_server_away_for_the_life_of_a_leaf(fleet, managed_plane):
    managed_plane.apiserver.stop()
    wait_until(lambda: not fleet.balancer.ready(), "the leaves have expired, and /readyz says so", 120)
    assert b"not valid now" in fleet.replicas[0].ops("/readyz?verbose").body
    managed_plane.start_apiserver()
    fleet.wait_until_ready(3)
    made = create(managed_plane, "default", pod("back"), "--dry-run=server")
    assert made.returncode == 0, made.stderr


def test_etcd_restored_from_before_a_rotation(fleet, managed_plane):
    """Secret and bundle are those of before: every leaf in use is of a CA that nothing knows any more."""
    managed_plane.back_up()
    fleet.wait_until_ready(3)
    before = fleet.authorities()
    renewed = fleet.event("leaf_renewed")
    wait_until(lambda: fleet.authorities()[0] not in before and fleet.event("leaf_renewed") >= renewed + 3,
               "there are another CA and leaves of it only", 300)
    forgotten = fleet.authorities()
    managed_plane.restore()
    assert fleet.authorities()[0] not in forgotten
    wait_until(lambda: fleet.holds_ours() and len(fleet.balancer.ready()) == 3, "the bundle has the CA of each leaf", 120)
    with PodLoad(managed_plane, "default", CLIENTS) as load:
        wait_until(lambda: load.count > 300, "reviews are made")
    assert load.failures == []

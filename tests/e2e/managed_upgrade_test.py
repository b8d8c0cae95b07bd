"""From certificates in files to those that the webhook makes itself, and back, under load: on a real API server."""

from control_plane import wait_until
from managed import Fleet, PodLoad
from webhook_server import make_certificates


def roll_out(fleet, count, keys=None):
    """As the Deployment does it: a new replica is ready before an old one goes."""
    for old in list(fleet.replicas):
        ready = len(fleet.balancer.ready())
        if count > 0:
            fleet.start(keys=keys)
            count -= 1
            fleet.wait_until_ready(ready + 1)
        fleet.retire(old)


def test_from_files_to_managed_and_back_no_review_fails(managed_plane, tmp_path):
    before, after = (make_certificates(tmp_path / name) for name in ("before", "after"))
    ours = [(keys / "ca.crt").read_text() for keys in (before, after)]
    with Fleet(managed_plane, tmp_path / "fleet") as fleet:
        fleet.set_bundle(ours[:1])
        for _ in range(2):
            fleet.start(keys=before)
        fleet.wait_until_ready(2)
        with PodLoad(managed_plane, "default", 20) as load:
            roll_out(fleet, 2)
            assert set(fleet.bundle()) == {ours[0], fleet.authorities()[0]["certificate"]}
            # Back: the CA of the files joins first.
            fleet.set_bundle(fleet.bundle() + ours[1:])
            roll_out(fleet, 2, keys=after)
            fleet.set_bundle(ours[1:])
            seen = load.count
            wait_until(lambda: load.count > seen + 100, "reviews are made")
        assert load.failures == []
        assert fleet.bundle() == ours[1:], "nobody puts another CA there any more"

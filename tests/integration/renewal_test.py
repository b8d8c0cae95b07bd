#!/usr/bin/python3
"""Certificates, the client CA and the configuration, replaced as the kubelet replaces a mounted volume, under load.

Needs WEBHOOK_BINARY.
"""

import itertools
import os
import pathlib
import shutil
import signal
import ssl
import subprocess

import pytest

from load import Load
from webhook_server import WebhookServer, issue_client, make_certificates, openssl, wait_until

REVIEW = (pathlib.Path(__file__).parents[1] / "golden/cases/row18-supported/review.json").read_bytes()
FAILED = 'certificate_reloads_total{result="failure"}'
RENEWED = 'certificate_reloads_total{result="success"}'


class Volume:
    """A mounted Secret or ConfigMap: files behind `..data`, a symbolic link that is replaced (kubernetes,
    pkg/volume/util/atomic_writer.go)."""

    def __init__(self, path):
        self.path = path
        self._number = itertools.count()
        self._current = None
        path.mkdir()

    def write(self, files):
        fresh = self.path / f"..2026_{next(self._number)}"
        fresh.mkdir()
        for name, content in files.items():
            (fresh / name).write_bytes(content)
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(f"..data/{name}")
        (self.path / "..data_tmp").symlink_to(fresh.name)
        os.rename(self.path / "..data_tmp", self.path / "..data")
        if self._current:
            shutil.rmtree(self._current)
        self._current = fresh


class Issuer:
    """Renews a serving pair by the same CA."""

    def __init__(self, directory):
        self.directory = make_certificates(directory)

    def pair(self):
        make_certificates(self.directory, "--force")
        return {name: (self.directory / name).read_bytes() for name in ("tls.crt", "tls.key", "ca.crt")}

    def expired(self):
        pair = self.pair()
        openssl("x509", "-in", self.directory / "tls.crt", "-signkey", self.directory / "tls.key", "-days", "0",
                "-out", self.directory / "expired.crt")
        return {**pair, "tls.crt": (self.directory / "expired.crt").read_bytes()}


@pytest.fixture()
def issuer(tmp_path):
    return Issuer(tmp_path / "issuer")


@pytest.fixture()
def volume(tmp_path, issuer):
    mounted = Volume(tmp_path / "tls")
    mounted.write(issuer.pair())
    return mounted


def serial(server):
    pem = ssl.get_server_certificate(("127.0.0.1", server.port))
    return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, capture_output=True, text=True,
                          check=True).stdout


def test_50_renewals_under_load_lose_nothing(issuer, volume):
    with WebhookServer(volume.path) as server:
        load = Load(server.port, server.tls(), REVIEW, clients=8)
        seen = {serial(server)}
        for renewal in range(1, 51):
            volume.write(issuer.pair())
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: server.metrics()[RENEWED] == renewal, "it is read")
            seen.add(serial(server))
        assert load.stop() == []
        assert len(seen) == 51
        assert server.metrics()[FAILED] == 0


def test_a_renewed_pair_is_seen_within_ten_seconds(issuer, volume):
    with WebhookServer(volume.path) as server:
        before = serial(server)
        volume.write(issuer.pair())
        wait_until(lambda: serial(server) != before, "no signal, only time", deadline=15)


BAD_PAIRS = {
    "mismatch": lambda pair: {**pair, "tls.key": None},
    "half a certificate": lambda pair: {**pair, "tls.crt": pair["tls.crt"][:300]},
    "half a key": lambda pair: {**pair, "tls.key": pair["tls.key"][:100]},
    "empty": lambda pair: {**pair, "tls.crt": b"", "tls.key": b""},
    "no key": lambda pair: {"tls.crt": pair["tls.crt"], "ca.crt": pair["ca.crt"]},
    "gone": lambda pair: {"ca.crt": pair["ca.crt"]},
    "expired": None,
}


@pytest.mark.parametrize("how", BAD_PAIRS)
def test_a_bad_pair_leaves_the_old_one_in_use(issuer, volume, tmp_path, how):
    with WebhookServer(volume.path) as server:
        ca = server.tls()
        before, expiry = serial(server), server.metrics()["certificate_expiry_timestamp_seconds"]
        good = issuer.pair()
        if how == "expired":
            bad = issuer.expired()
        else:
            bad = BAD_PAIRS[how](good)
            if how == "mismatch":
                bad["tls.key"] = issuer.pair()["tls.key"]
        volume.write(bad)
        server.process.send_signal(signal.SIGHUP)
        [entry] = server.wait_for_log("the one in use stays")
        assert entry["level"] == "warning"
        metrics = server.metrics()
        assert (metrics[FAILED], metrics[RENEWED]) == (1, 0)
        assert metrics["certificate_expiry_timestamp_seconds"] == expiry
        assert serial(server) == before
        connection = server.connect(ca)
        assert server.post(REVIEW, connection=connection).status == 200
        volume.write(issuer.pair())
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.metrics()[RENEWED] == 1, "a good pair is taken again")
        assert serial(server) != before


def test_the_client_ca_is_replaced_and_a_bad_one_is_not(issuer, volume, tmp_path):
    other = make_certificates(tmp_path / "other")
    clients = {"old": issue_client(issuer.directory, tmp_path / "old", "c"),
               "new": issue_client(other, tmp_path / "new", "c")}

    def is_served(server, who):
        context = server.tls()
        context.load_cert_chain(*clients[who])
        try:
            return server.post(REVIEW, connection=server.connect(context)).status == 200
        except (OSError, ssl.SSLError):
            return False

    ca = tmp_path / "clients.crt"
    shutil.copy(issuer.directory / "ca.crt", ca)
    with WebhookServer(volume.path, "--client-ca", ca) as server:
        assert (is_served(server, "old"), is_served(server, "new")) == (True, False)
        ca.write_text("no certificate")
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("the one in use stays")
        assert (is_served(server, "old"), is_served(server, "new")) == (True, False)
        shutil.copy(other / "ca.crt", ca)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_served(server, "new"), "clients of the new CA connect")
        assert not is_served(server, "old")


def test_a_configmap_that_changes_is_used_within_ten_seconds_under_load(volume, tmp_path):
    config = Volume(tmp_path / "config")
    config.write({"config.yaml": b"sandbox: {fallback: deny}"})
    with WebhookServer(volume.path, "--config", config.path / "config.yaml", version="1.30") as server:
        load = Load(server.port, server.tls(), REVIEW, clients=8)

        def outcome():
            return server.post(REVIEW).json()["response"]["auditAnnotations"]["outcome"]

        assert outcome() == "denied"
        config.write({"config.yaml": b"sandbox: {fallback: unchanged}"})
        wait_until(lambda: outcome() == "unchanged", "no signal, only time", deadline=15)
        assert load.stop() == []

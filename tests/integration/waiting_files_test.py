#!/usr/bin/python3
"""Files that a reader would wait for, or read for ever: no start-up and no reload hangs on one, and SIGTERM still ends
the program.

Needs WEBHOOK_BINARY.
"""

import os
import pathlib
import signal
import subprocess

import pytest
import yaml

from fake_kube_apiserver import FakeApiServer, answer_with, version_info
from webhook_server import BINARY, DEADLINE, WebhookServer, wait_until

ROOT = pathlib.Path(__file__).parents[2]
REVIEW = (ROOT / "tests/golden/cases/row18-supported/review.json").read_bytes()

KINDS = {
    "a FIFO": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a directory": os.mkdir,
}
FLAGS = ["--config", "--profile", "--tls-cert", "--tls-key", "--client-ca", "--kubeconfig"]


def replace(path, make):
    """Puts something else where `path` is, at once."""
    odd = path.with_name(path.name + ".odd")
    make(odd)
    path.unlink()
    os.rename(odd, path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flag", FLAGS)
def test_start_up_refuses_what_is_no_file(keys, tmp_path, flag, kind):
    odd = tmp_path / "odd"
    KINDS[kind](odd)
    flags = {"--listen": "127.0.0.1:0", "--ops-listen": "127.0.0.1:0", "--tls-cert": keys / "tls.crt",
             "--tls-key": keys / "tls.key", flag: odd}
    if flag != "--kubeconfig":
        flags["--kube-version"] = "1.34"
    done = subprocess.run([BINARY, "serve", *(str(each) for pair in flags.items() for each in pair)],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert f"{odd}: is {kind}, not a regular file" in done.stderr


def test_start_up_refuses_a_token_that_is_no_file(keys, tmp_path):
    os.mkfifo(tmp_path / "token")
    config = kubeconfig(tmp_path, "https://127.0.0.1:1", keys)
    done = subprocess.run([BINARY, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert",
                           keys / "tls.crt", "--tls-key", keys / "tls.key", "--kubeconfig", config],
                          capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == 1
    assert f"{tmp_path}/token: is a FIFO, not a regular file" in done.stderr


@pytest.fixture
def files(keys, tmp_path):
    """One of each, for a server of the test's own."""
    copies = {"tls.crt": keys / "tls.crt", "tls.key": keys / "tls.key", "ca.crt": keys / "ca.crt",
              "profile.json": ROOT / "profiles/nsjail-seccomp.json"}
    for name, source in copies.items():
        (tmp_path / name).write_bytes(source.read_bytes())
    (tmp_path / "config.yaml").write_text(
        f"server: {{shutdownDelay: 0s}}\nsandbox: {{seccomp: {{profileFile: {tmp_path}/profile.json}}}}\n")
    return tmp_path


def serves_and_ends(server):
    assert server.post(REVIEW).status == 200
    assert server.ops("/readyz").status == 200
    assert server.stop() == 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.yaml", "profile.json", "tls.crt", "tls.key"])
def test_a_reload_keeps_what_was_good(files, name, kind):
    with WebhookServer(files, "--config", files / "config.yaml") as server:
        replace(files / name, KINDS[kind])
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log(f"{files / name}: is {kind}, not a regular file")
        serves_and_ends(server)


def test_a_reload_without_a_signal_keeps_what_was_good(files):
    with WebhookServer(files, "--config", files / "config.yaml") as server:
        replace(files / "tls.crt", os.mkfifo)
        server.wait_for_log("tls.crt: is a FIFO, not a regular file")  # within its ten seconds
        serves_and_ends(server)


def test_a_client_ca_that_becomes_endless_is_not_read(files):
    with WebhookServer(files, "--config", files / "config.yaml", client_ca=True) as server:
        replace(files / "ca.crt", lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 40))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("ca.crt: is larger than 1024 KiB")
        assert server.ops("/readyz").status == 200
        assert server.stop() == 0


def kubeconfig(directory, url, keys):
    path = directory / "kubeconfig"
    path.write_text(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": url, "certificate-authority": str(keys / "ca.crt")}}],
        "users": [{"name": "u", "user": {"tokenFile": str(directory / "token")}}]}))
    return path


def test_a_token_that_becomes_a_fifo_keeps_the_last_version(keys, files):
    (files / "token").write_text("canary")
    with FakeApiServer(keys / "tls.crt", keys / "tls.key", answer_with(version_info("v1.34.1"))) as api_server:
        config = files / "config.yaml"
        config.write_text(config.read_text() + "cluster: {refreshInterval: 1s}\n")
        flags = ["--config", config, "--kubeconfig", kubeconfig(files, api_server.url, keys)]
        with WebhookServer(files, *flags, version=None) as server:
            wait_until(lambda: server.ops("/readyz").status == 200, "the version is known")
            replace(files / "token", os.mkfifo)
            server.wait_for_log("token: is a FIFO, not a regular file")
            serves_and_ends(server)

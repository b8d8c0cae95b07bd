#!/usr/bin/python3
"""`certs` as it is used: what it writes, what it leaves alone, and what OpenSSL says of it.

Needs WEBHOOK_BINARY, the program under test.
"""

import base64
import os
import pathlib
import ssl
import subprocess

import pytest
import yaml

BINARY = os.environ["WEBHOOK_BINARY"]
DEV_CERTS = pathlib.Path(__file__).parents[2] / "certs" / "dev-certs"
FILES = ["ca.crt", "ca.key", "tls.crt", "tls.key"]


def certs(*arguments, want=0):
    done = subprocess.run([BINARY, "certs", *arguments], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == want, done.stderr
    return done


def openssl(*arguments):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                          text=True).stdout


def verify(directory, *arguments):
    return openssl("verify", "-x509_strict", "-purpose", "sslserver", *arguments, "-CAfile",
                   directory / "ca.crt", directory / "tls.crt")


def content(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_openssl_accepts_the_pair_for_every_name_of_the_service(tmp_path):
    directory = tmp_path / "tls"
    certs("--out", directory, "-n", "retool-system", "--dns-name", "localhost", "--ip", "127.0.0.1",
          "--ip", "::1")
    assert sorted(content(directory)) == FILES
    for name in ("code-executor-webhook", "code-executor-webhook.retool-system",
                 "code-executor-webhook.retool-system.svc",
                 "code-executor-webhook.retool-system.svc.cluster.local", "localhost"):
        assert verify(directory, "-verify_hostname", name).endswith(": OK\n")
    for address in ("127.0.0.1", "::1"):
        assert verify(directory, "-verify_ip", address).endswith(": OK\n")
    with pytest.raises(subprocess.CalledProcessError):
        verify(directory, "-verify_hostname", "code-executor-webhook.other.svc")
    text = openssl("x509", "-in", directory / "tls.crt", "-noout", "-text")
    for line in ("CA:FALSE", "Digital Signature", "TLS Web Server Authentication", "prime256v1",
                 "X509v3 Authority Key Identifier"):
        assert line in text
    assert "CA:TRUE, pathlen:0" in openssl("x509", "-in", directory / "ca.crt", "-noout", "-text")
    # The pair belongs together.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(directory / "tls.crt",
                                                            directory / "tls.key")


def test_keys_are_for_their_owner_only_whatever_the_umask(tmp_path):
    directory = tmp_path / "tls"
    before = os.umask(0)
    try:
        certs("--out", directory)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "tls.crt": 0o644, "tls.key": 0o600}
    assert directory.stat().st_mode & 0o777 == 0o700


def test_stdout_has_the_ca_bundle_or_the_secret_and_nothing_else(tmp_path):
    bundle = certs("--out", tmp_path / "a").stdout
    assert base64.b64decode(bundle) == (tmp_path / "a" / "ca.crt").read_bytes()
    done = certs("--out", tmp_path / "b", "-n", "ns", "--secret", "pair", "-o", "secret")
    secret = yaml.safe_load(done.stdout)
    data = secret.pop("data")
    assert secret == {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                      "metadata": {"name": "pair", "namespace": "ns"}}
    assert sorted(data) == ["ca.crt", "tls.crt", "tls.key"]  # the CA's key stays here
    for name, value in data.items():
        assert base64.b64decode(value) == (tmp_path / "b" / name).read_bytes()


def test_nothing_is_replaced_without_force_and_the_ca_is_kept_with_it(tmp_path):
    certs("--out", tmp_path)
    first = content(tmp_path)
    for flags in ([], ["--new-ca"]):
        assert certs("--out", tmp_path, *flags, want=1).stderr == (
            f"code-executor-webhook: {tmp_path}/tls.crt: exists (use --force)\n")
        assert content(tmp_path) == first

    bundle = certs("--out", tmp_path, "--force").stdout
    renewed = content(tmp_path)
    assert [name for name in FILES if renewed[name] != first[name]] == ["tls.crt", "tls.key"]
    assert base64.b64decode(bundle) == first["ca.crt"]
    assert verify(tmp_path).endswith(": OK\n")

    certs("--out", tmp_path, "--new-ca", "--force")
    assert all(content(tmp_path)[name] != renewed[name] for name in FILES)
    assert verify(tmp_path).endswith(": OK\n")


def test_a_ca_that_is_already_there_issues_the_pair(tmp_path):
    certs("--out", tmp_path)
    ca = content(tmp_path)
    (tmp_path / "tls.crt").unlink()
    (tmp_path / "tls.key").unlink()
    certs("--out", tmp_path)
    assert content(tmp_path)["ca.crt"] == ca["ca.crt"]
    assert verify(tmp_path).endswith(": OK\n")


def test_of_many_at_once_one_wins_and_its_files_belong_together(tmp_path):
    running = [subprocess.Popen([BINARY, "certs", "--out", tmp_path], stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL) for _ in range(8)]
    assert sorted(each.wait(60) for each in running) == [0] + [1] * 7
    assert sorted(content(tmp_path)) == FILES
    assert verify(tmp_path).endswith(": OK\n")
    certs("--out", tmp_path, "--force")  # the CA's key is the CA's


@pytest.mark.parametrize("spoil, why", [
    (lambda path: (path / "ca.key").unlink(),
     "ca.key: missing (a CA is ca.crt and ca.key; --new-ca --force makes one)"),
    (lambda path: (path / "ca.key").write_bytes((path / "tls.key").read_bytes()),
     "ca.key: the key is not the certificate's: key values mismatch"),
    (lambda path: (path / "ca.crt").write_text("nonsense"),
     "ca.key: certificate: no certificate in it (expected PEM)"),
    (lambda path: [(path / f"ca.{kind}").write_bytes((path / f"tls.{kind}").read_bytes())
                   for kind in ("crt", "key")],
     "ca.key: not a CA (expected a certificate with CA:TRUE)"),
], ids=["half", "other key", "nonsense", "no CA"])
def test_a_ca_that_cannot_issue_is_said_and_left_alone(tmp_path, spoil, why):
    certs("--out", tmp_path)
    spoil(tmp_path)
    before = content(tmp_path)
    assert certs("--out", tmp_path, "--force", want=1).stderr.endswith(why + "\n")
    assert content(tmp_path) == before


OTHERS = " (expected chmod go-w, if nobody has)\n"
OWNER = f" (expected this user, {os.geteuid()}, or root)\n"


@pytest.mark.parametrize("plant, why", [
    (lambda path: (path / "ca.crt").chmod(0o664), "/ca.crt: others may write to it" + OTHERS),
    (lambda path: (path / "ca.key").chmod(0o602), "/ca.key: others may write to it" + OTHERS),
    (lambda path: path.chmod(0o770), ": others may write to it" + OTHERS),
    (lambda path: path.chmod(0o1777), ": others may write to it" + OTHERS),
    (lambda path: os.chown(path / "ca.crt", 1000, 0), "/ca.crt: belongs to user 1000" + OWNER),
    (lambda path: os.chown(path / "ca.key", 1000, 0), "/ca.key: belongs to user 1000" + OWNER),
    (lambda path: os.chown(path, 1000, 0), ": belongs to user 1000" + OWNER),
    (lambda path: ((path / "ca.key").unlink(), os.mkfifo(path / "ca.key", 0o600)),
     "/ca.key: not a regular file (expected one)\n"),
], ids=["certificate", "key", "directory", "sticky", "their certificate", "their key", "their directory", "fifo"])
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it gives files away")
def test_a_ca_that_somebody_else_can_have_planted_is_not_used(tmp_path, plant, why):
    directory = tmp_path / "tls"
    certs("--out", directory)
    plant(directory)
    before = sorted((each.name, each.stat().st_mtime_ns) for each in directory.iterdir())
    assert certs("--out", directory, "--force", want=1).stderr == f"code-executor-webhook: {directory}{why}"
    assert sorted((each.name, each.stat().st_mtime_ns) for each in directory.iterdir()) == before
    certs("--out", directory, "--force", "--new-ca")
    assert verify(directory).endswith(": OK\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes another user")
def test_a_ca_of_root_may_be_used_by_whoever_can_read_it(public):
    directory = public / "tls"
    directory.mkdir(mode=0o755)
    certs("--out", directory)
    (directory / "ca.key").chmod(0o644)
    done = subprocess.run([public / "webhook", "certs", "--out", directory, "--force"], capture_output=True, text=True,
                          timeout=60, check=False, user=65534, group=65534, extra_groups=[])
    assert done.returncode == 1 and done.stderr.endswith(".new: Permission denied\n"), done.stderr


def test_a_pair_that_would_outlive_its_ca_is_refused(tmp_path):
    stderr = certs("--out", tmp_path, "--days", "20", "--ca-days", "10", want=1).stderr
    assert stderr.startswith("code-executor-webhook: a certificate of 20 days would outlive its CA, "
                             "which expires ")
    assert not content(tmp_path)


def test_a_directory_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    assert certs("--out", tmp_path / "file", want=1).stderr.endswith(": Not a directory\n")
    assert certs("--out", tmp_path / "no" / "such", want=1).stderr == (
        f"code-executor-webhook: {tmp_path}/no/such: No such file or directory\n")


@pytest.mark.parametrize("arguments", [
    [], ["--out"], ["--out", "d", "-n", "Upper"], ["--out", "d", "-n", "a,DNS:evil"],
    ["--out", "d", "--service", "-a"], ["--out", "d", "--dns-name", "a..b"],
    ["--out", "d", "--dns-name", "a*b"], ["--out", "d", "--ip", "127.0.0"], ["--out", "d", "--ip", "x"],
    ["--out", "d", "--days", "0"], ["--out", "d", "--days", "x"], ["--out", "d", "-o", "json"],
    ["--out", "d", "--secret", "a: b"], ["--out", "d", "stray"]])
def test_wrong_usage_is_2_and_writes_nothing(tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    assert certs(*arguments, want=2).stdout == ""
    assert not content(tmp_path)


def test_dev_certs_makes_and_renews(tmp_path):
    directory = tmp_path / "new" / "dev"
    for _ in range(2):
        subprocess.run([DEV_CERTS, directory], check=True, capture_output=True)
        for name in ("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"):
            assert verify(directory, *name).endswith(": OK\n")

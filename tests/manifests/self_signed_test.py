"""Runs components/self-signed/install with the real binary, against a kubectl that keeps two objects in files."""

import base64
import os
import pathlib
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL = ROOT / "manifests/components/self-signed/install"
BINARY = os.environ["WEBHOOK_BINARY"]
HOST = "code-executor-webhook.code-executor-webhook.svc"

KUBECTL = """#!/bin/bash
# Of each call: its arguments, and for `apply` and `patch` what was changed.
set -eu
cd "$(dirname "$0")"
printf '%s\\n' "$*" >>calls
case "$*" in
  *"get namespace"*) [ -e namespace ] && echo namespace/code-executor-webhook ;;
  *"get mutatingwebhookconfiguration"*) [ ! -e bundle ] || cat bundle ;;
  *patch*) jq -r '.[0].value' <<<"${!#}" | tr -d '\\n' >bundle ;;
  *apply*) [ ! -e terminate ] || kill -TERM $PPID; [ ! -e fail ] || exit 1; cat >secret.yaml ;;
esac
"""
MKTEMP = """#!/bin/bash
set -eu
/usr/bin/mktemp "$@" | tee -a "$(dirname "$0")/temporary"
"""


@pytest.fixture(name="cluster")
def make_cluster(tmp_path):
    for name, text in (("kubectl", KUBECTL), ("mktemp", MKTEMP)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    (tmp_path / "namespace").touch()
    return tmp_path


def install(cluster, *arguments, **environment):
    path = f"{cluster}:{os.environ['PATH']}"
    return subprocess.run(
        [INSTALL, *arguments], capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PATH": path, "WEBHOOK_BINARY": BINARY, **environment})


def secret(cluster):
    return yaml.safe_load((cluster / "secret.yaml").read_text())


def bundle(cluster):
    return base64.b64decode((cluster / "bundle").read_text(), validate=True)


def is_trusted(cluster, certificate):
    (cluster / "bundle.pem").write_bytes(bundle(cluster))
    (cluster / "tls.pem").write_bytes(certificate)
    done = subprocess.run(
        ["openssl", "verify", "-verify_hostname", HOST, "-CAfile", cluster / "bundle.pem",
         cluster / "tls.pem"], capture_output=True, check=False)
    return done.returncode == 0


def leftovers(cluster):
    made = (cluster / "temporary").read_text().split()
    assert made
    return [each for each in made if os.path.exists(each)]


def test_the_secret_holds_what_the_webhook_configuration_trusts(cluster):
    done = install(cluster, "--context", "prod")
    assert done.returncode == 0, done.stderr
    made = secret(cluster)
    assert (made["kind"], made["type"]) == ("Secret", "kubernetes.io/tls")
    assert (made["metadata"]["namespace"], made["metadata"]["name"]) == (
        "code-executor-webhook", "code-executor-webhook-tls")
    assert is_trusted(cluster, base64.b64decode(made["data"]["tls.crt"]))
    calls = (cluster / "calls").read_text().splitlines()
    assert all(call.startswith("--context prod ") for call in calls)
    assert "PRIVATE KEY" not in done.stdout + done.stderr + "".join(calls)


def test_a_second_run_renews_and_still_trusts_the_certificate_that_pods_have(cluster):
    assert install(cluster).returncode == 0
    first = base64.b64decode(secret(cluster)["data"]["tls.crt"])
    for _ in range(2):
        before = base64.b64decode(secret(cluster)["data"]["tls.crt"])
        assert install(cluster).returncode == 0
        after = base64.b64decode(secret(cluster)["data"]["tls.crt"])
        assert after != before
        assert is_trusted(cluster, before) and is_trusted(cluster, after)
        assert bundle(cluster).count(b"BEGIN CERTIFICATE") == 2
    assert not is_trusted(cluster, first)


@pytest.mark.parametrize("obstacle", [None, "fail", "terminate"])
def test_no_key_outlives_the_run(cluster, obstacle):
    if obstacle:
        (cluster / obstacle).touch()
    assert (install(cluster).returncode == 0) == (obstacle is None)
    assert leftovers(cluster) == []


def test_trust_comes_before_the_certificate(cluster):
    (cluster / "fail").touch()
    assert install(cluster).returncode != 0
    assert (cluster / "bundle").exists() and not (cluster / "secret.yaml").exists()


def test_without_the_base_it_says_what_to_do(cluster):
    (cluster / "namespace").unlink()
    done = install(cluster)
    assert done.returncode == 1
    assert done.stderr == ("self-signed/install: no namespace code-executor-webhook "
                           "(expected after kubectl apply -k manifests/base)\n")


def test_what_the_program_refuses_is_said(cluster):
    done = install(cluster, DAYS="0")
    assert done.returncode == 1
    assert done.stderr.startswith("self-signed/install: ") and "--days" in done.stderr
    assert not (cluster / "bundle").exists() and leftovers(cluster) == []


def test_days_are_those_that_were_asked_for(cluster):
    assert install(cluster, DAYS="30").returncode == 0
    certificate = base64.b64decode(secret(cluster)["data"]["tls.crt"])
    for seconds, is_valid in ((29 * 86400, True), (31 * 86400, False)):
        done = subprocess.run(["openssl", "x509", "-noout", "-checkend", str(seconds)],
                              input=certificate, capture_output=True, check=False)
        assert (done.returncode == 0) == is_valid

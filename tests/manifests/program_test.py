"""What manifests, program, Dockerfile and documentation must agree on."""

import base64
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
import yaml

from tree import (BASE, CONFIG, CONTAINER, DOCKERFILE, KUSTOMIZATION, MANIFESTS, PAGES, POD, README, ROOT, VERSION, WEBHOOK,
                  leaves, one, port_of)

sys.path.append(str(ROOT / "tests/integration"))
from webhook_server import BINARY, WebhookServer, make_certificates  # noqa: E402



@pytest.fixture(name="server", scope="module")
def serve(tmp_path_factory):
    keys = make_certificates(tmp_path_factory.mktemp("tls"))
    with WebhookServer(keys, "--config", BASE / "config.yaml") as server:
        yield server


def run(*arguments, text=None):
    return subprocess.run([BINARY, *map(str, arguments)], input=text, capture_output=True, text=True, check=False)


def known_keys(directory, path=()):
    """Every key that the program knows, as its message on an unknown one names them."""
    value = {"nosuchkey": 0}
    for key in reversed(path):
        value = {key: value}
    file = directory / "config.yaml"
    file.write_text(json.dumps(value))
    message = run("review", "--config", file, "--kube-version", "1.34", "-f", os.devnull).stderr
    found = re.search(r"unknown key '[\w.]*nosuchkey' \(known: ([\w, ]+)\)", message)
    if not found:  # not a mapping, or one of names of its reader's own
        return {".".join(path)}
    return set().union(*(known_keys(directory, (*path, key)) for key in found.group(1).split(", ")))


def test_the_configuration_has_every_key_that_the_program_knows(tmp_path):
    known = known_keys(tmp_path)
    resources = "sandbox.installer.resources"
    assert {f"{resources}.requests", f"{resources}.limits"} <= known
    known = {key for key in known if not key.startswith(resources)} | {resources}
    assert len(known) > 20
    assert set(leaves(CONFIG)) == known


def test_each_key_of_the_configuration_has_a_comment():
    lines = (BASE / "config.yaml").read_text().splitlines()
    inside = {"keyFile", "requests", "limits", "cpu", "memory", "tls"}  # what the comment above them covers
    for before, line in zip(lines, lines[1:]):
        key = re.match(r" *(\w+):", line)
        if key and key.group(1) not in inside:
            assert before.lstrip().startswith("#"), line


def test_the_page_has_a_row_for_each_key_with_its_default():
    rows = dict(re.findall(r"^\| `([a-z]\w*\.[\w.]+)` \| .*? \| `([^`]*)` \|", PAGES["configuration"], re.M))
    assert {key: yaml.safe_load(value) for key, value in rows.items()} == leaves(CONFIG)


def test_paths_of_webhook_and_probes_are_served(server):
    path = WEBHOOK["clientConfig"]["service"]["path"]
    review = next((ROOT / "tests/golden/cases").glob("row18-supported")) / "review.json"
    answer = server.post(review.read_text(), path=f"{path}?timeout={WEBHOOK['timeoutSeconds']}s").json()
    assert answer["apiVersion"] in [f"admission.k8s.io/{each}" for each in WEBHOOK["admissionReviewVersions"]]
    for probe in ("livenessProbe", "readinessProbe"):
        assert CONTAINER[probe]["httpGet"]["port"] == "ops" and CONTAINER[probe]["httpGet"]["scheme"] == "HTTP"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/livez"
    for probe in ("livenessProbe", "readinessProbe"):
        assert server.ops(CONTAINER[probe]["httpGet"]["path"]).status == 200


def test_arguments_of_the_container_are_flags_of_the_command():
    command, *arguments = CONTAINER["args"]
    help_text = run(command, "--help").stdout
    flags = [argument.split("=")[0] for argument in arguments]
    assert flags and all(re.search(rf"\s{flag}[ ,]", help_text) for flag in flags)


def test_the_secret_that_certs_makes_is_the_one_that_is_mounted(tmp_path):
    made = yaml.safe_load(run("certs", "--out", tmp_path / "tls", "-o", "secret").stdout)
    pod = one("Deployment", MANIFESTS / "components/cert-manager")["spec"]["template"]["spec"]
    mounted = next(volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume)
    service = WEBHOOK["clientConfig"]["service"]
    assert (made["metadata"]["name"], made["metadata"]["namespace"]) == (mounted, service["namespace"])
    (tmp_path / "tls.pem").write_bytes(base64.b64decode(made["data"]["tls.crt"]))
    checked = subprocess.run(["openssl", "x509", "-noout", "-in", tmp_path / "tls.pem", "-checkhost",
                              f"{service['name']}.{service['namespace']}.svc"], capture_output=True, text=True, check=True)
    assert "does match" in checked.stdout


def test_the_profile_goes_where_the_configuration_says():
    made = yaml.safe_load(run("profile", "-o", "configmap", "-n", "retool").stdout)
    seccomp = CONFIG["sandbox"]["seccomp"]
    digest = run("profile", "-o", "sha256").stdout.strip()
    assert made["metadata"]["name"] == seccomp["configMapName"].replace("{sha256}", digest)
    assert pathlib.PurePath(seccomp["localhostProfile"]).name == "nsjail-seccomp-{sha256}.json"
    assert list(made["data"]) == ["nsjail-seccomp.json"] and made["immutable"] is True


def test_the_image():
    instructions = [line.split(maxsplit=1) for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
                    if line and not line.startswith("#")]
    of = {name: [rest for each, rest in instructions if each == name] for name, _ in instructions}
    assert re.fullmatch(r"debian:12\.\d+-slim AS build", of["FROM"][0]) and of["FROM"][1:] == ["scratch"]
    context = POD["securityContext"]
    assert of["USER"] == [f"{context['runAsUser']}:{context['runAsGroup']}"]
    layout = (ROOT / "scripts/image-root").read_text()
    assert f":x:{of['USER'][0]}:" in layout
    assert json.loads(of["ENTRYPOINT"][0])[0] in re.findall(r'"\$image(/usr/bin/\S+)"', layout)
    server = CONFIG["server"]
    assert of["EXPOSE"] == [f"{port_of(server['listen'])} {port_of(server['opsListen'])}"]
    assert "cmake --workflow --preset release" in of["RUN"]


def test_the_version_is_the_same_everywhere():
    (image,) = KUSTOMIZATION["images"]
    assert image["name"] == CONTAINER["image"] == "code-executor-webhook"
    assert image["newTag"] == VERSION
    assert set(re.findall(r"registry\.example\.com/code-executor-webhook:(\S+)", "".join([README, *PAGES.values()]))) == {VERSION}
    assert run("version").stdout.startswith(f"code-executor-webhook {VERSION}\n")


def test_names_in_the_runbook_are_those_of_the_manifests():
    namespaces = set(re.findall(r"kubectl -n (\S+) (?:get|logs|describe)", PAGES["operations"]))
    own = WEBHOOK["clientConfig"]["service"]["namespace"]
    assert namespaces == {own, one("Namespace", MANIFESTS / "doctor")["metadata"]["name"]}
    assert "kubectl delete mutatingwebhookconfiguration code-executor-webhook`" in PAGES["operations"]

"""manifests/chart against what it is made of: rendered by Helm, its objects are those of kustomize.

Both are built from their Go modules; skipped where they cannot be.
"""

import hashlib
import os
import re
import subprocess

import pytest
import yaml

from helm import CHART, NAME, by_name, find_helm, find_kustomize, paths, render  # noqa: F401  (fixtures)
from tree import KUSTOMIZATION, MANIFESTS, PAGES, ROOT, VERSION

BINARY = os.environ["WEBHOOK_BINARY"]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
RELEASE_LABELS = {"helm.sh/chart": f"{NAME}-{VERSION}", "app.kubernetes.io/instance": NAME,
                  "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/version": VERSION}
AUTHORITY = ("Secret", NAME, f"{NAME}-ca")  # which the webhook fills


def without_release_labels(named):
    for key, each in named.items():
        labels = each["metadata"]["labels"]
        assert RELEASE_LABELS.items() <= labels.items(), key
        each["metadata"]["labels"] = {name: value for name, value in labels.items() if name not in RELEASE_LABELS}
    return named


def as_folded(tree):
    """Without empty lines in texts: kustomize doubles some line breaks of folded ones, where CEL does not mind."""
    if isinstance(tree, dict):
        return {key: as_folded(each) for key, each in tree.items()}
    if isinstance(tree, list):
        return [as_folded(each) for each in tree]
    return re.sub(r"\n+", "\n", tree) if isinstance(tree, str) else tree


def assert_same(rendered, built):
    """But for the namespace, which Helm makes, and the Secret that the webhook fills."""
    got, wanted = without_release_labels(by_name(rendered)), by_name(built)
    assert wanted.pop(("Namespace", None, NAME), None)
    if AUTHORITY in got:
        assert "data" not in got.pop(AUTHORITY)
    assert got.keys() == wanted.keys()
    for key, each in wanted.items():
        assert as_folded(got[key]) == as_folded(each), key


@pytest.mark.parametrize("values, folders", [
    ({}, ["base"]),
    ({"certificates": {"source": "cert-manager"}}, ["overlays/cert-manager"]),
    ({"monitoring": {"enabled": True}}, ["base", "monitoring"]),
    ({"finalStatePolicy": {"enabled": True}}, ["base", "final-state-policy"]),
], ids=lambda each: "+".join(each) if isinstance(each, list) else "")
def test_its_objects_are_those_of_kustomize(helm, build, values, folders):
    rendered = render(helm, values)
    assert_same(rendered, [each for folder in folders for each in build(MANIFESTS / folder)])
    assert (AUTHORITY in by_name(rendered)) == ("certificates" not in values)


POLICY_MODE = {"mode": "policy"}
SERVES_POLICIES = ["--kube-version", "1.36.0"]


@pytest.mark.parametrize("values", [
    {}, {"image": {"repository": "r"}, "replicas": 3, "config": {"cluster": {"nodeAwareness": False}, "log": {"level": "debug"}}},
    {"certificates": {"source": "cert-manager"}, "finalStatePolicy": {"enabled": True}}], ids=["defaults", "pods", "both"])
def test_mode_policy_is_the_overlay_and_nothing_else(helm, build, values):
    """What only the webhook has a use for changes nothing."""
    rendered = without_release_labels(by_name(render(helm, {**POLICY_MODE, **values}, *SERVES_POLICIES)))
    wanted = by_name(build(MANIFESTS / "overlays/policy"))
    assert rendered.keys() == wanted.keys()
    for key, each in wanted.items():
        assert as_folded(rendered[key]) == as_folded(each), key


def test_mode_policy_is_the_same_in_every_namespace(helm):
    """Nothing of it runs there: pods in the release's namespace are none of ours."""
    here, there = (without_release_labels(by_name(render(helm, POLICY_MODE, *SERVES_POLICIES, namespace=namespace)))
                   for namespace in (NAME, "retool"))
    assert here == there


@pytest.mark.parametrize("certificates, has_rights", [
    ({"source": "managed"}, True),
    ({"source": "secret", "caBundle": "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n"}, False),
])
def test_rights_of_managed_certificates_are_given_for_these_only(helm, certificates, has_rights):
    made = by_name(render(helm, {"certificates": certificates}))
    resources = {resource for (kind, *_), each in made.items() if kind in ("Role", "ClusterRole")
                 for rule in each["rules"] for resource in rule.get("resources", [])}
    assert "podtemplates" in resources
    assert ({"secrets", "mutatingwebhookconfigurations"} <= resources) == has_rights
    assert has_rights or not {"secrets", "mutatingwebhookconfigurations"} & resources


def test_no_folder_is_left_out():
    """A folder that is new here is one that the chart has to follow, or the list below to name."""
    elsewhere = {"chart", "components", "doctor", "examples", "overlays"}
    followed = {"base", "final-state-policy", "monitoring"}  # and overlays/policy, by mode
    folders = {path.name for path in MANIFESTS.iterdir() if path.is_dir()}
    assert folders == elsewhere | followed
    assert {path.name for path in (MANIFESTS / "components").iterdir()} == {"cert-manager"}
    assert {path.name for path in (MANIFESTS / "overlays").iterdir()} == {"cert-manager", "policy"}


def test_another_namespace_is_meant_everywhere(helm):
    values = {"certificates": {"source": "cert-manager"}, "monitoring": {"enabled": True},
              "finalStatePolicy": {"enabled": True}}
    here = render(helm, values)
    there = render(helm, values, namespace="elsewhere")
    changed = set()
    for old, new in zip(here, there, strict=True):
        old, new = paths(old), paths(new)
        assert old.keys() == new.keys()
        changed |= {(path, new[path]) for path in old if old[path] != new[path]}
    # Names that are an address, an account or an exception have to follow; descriptions name commands.
    texts = {value for path, value in changed if "annotations/description" not in path}
    assert texts == {
        "elsewhere", f"elsewhere/{NAME}", f"{NAME}.elsewhere.svc", f"{NAME}.elsewhere.svc.cluster.local",
        f"request.userInfo.username == 'system:serviceaccount:elsewhere:{NAME}'"}
    webhook, policy = (next(each for each in there if each["kind"] == kind and each["metadata"]["name"] == name)
                       for kind, name in (("MutatingWebhookConfiguration", NAME),
                                          ("ValidatingAdmissionPolicy", f"{NAME}-final-state")))
    for selector in (webhook["webhooks"][0]["namespaceSelector"], policy["spec"]["matchConstraints"]["namespaceSelector"]):
        assert selector["matchExpressions"][0]["values"] == ["elsewhere", "kube-system"]
    assert not [text for each in there for path, text in paths(each).items()
                if f"-n {NAME}" in str(text) or f":{NAME}:{NAME}" in str(text) or f"{NAME}.{NAME}" in str(text)]


def test_a_package_has_all_that_it_needs(helm, tmp_path):
    subprocess.run([helm, "package", CHART, "--destination", tmp_path], check=True, capture_output=True)
    (package,) = tmp_path.iterdir()
    for mode, version in (("webhook", "1.34.0"), ("policy", "1.36.0")):
        flags = ["--kube-version", version]
        unpacked = subprocess.run([helm, "template", NAME, package, "--namespace", NAME, "--set", f"mode={mode}", *flags],
                                  capture_output=True, text=True, check=True).stdout
        assert by_name([each for each in yaml.safe_load_all(unpacked) if each]) == by_name(render(helm, {"mode": mode}, *flags))
    listed = subprocess.run(["tar", "-tf", package], capture_output=True, text=True, check=True).stdout
    assert "files/base/deployment.yaml" in listed and "kustomization" not in listed


def test_what_is_made_of_other_files_is_fresh():
    done = subprocess.run([ROOT / "scripts/manifests", "--check"], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        pytest.skip("no kustomize (scripts/go-tool builds it with Go)")
    assert done.returncode == 0, done.stdout + done.stderr


def test_install_yaml_is_base(build):
    installed = list(yaml.safe_load_all((MANIFESTS / "install.yaml").read_text()))
    assert by_name(installed) == by_name(build(MANIFESTS / "base"))


def test_the_version_of_the_chart():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == VERSION
    assert VALUES["image"]["repository"] == KUSTOMIZATION["images"][0]["newName"]
    assert hashlib.sha256((CHART / "files/nsjail-seccomp.json").read_bytes()).hexdigest() == subprocess.run(
        [BINARY, "profile", "-o", "sha256"], capture_output=True, text=True, check=True).stdout.strip()
    assert "docs/configuration.md" in (CHART / "README.md").read_text() and "## Keys" in PAGES["configuration"]

"""Helm and kustomize, built from their Go modules by scripts/go-tool, and what they make of manifests/."""

import copy
import json
import subprocess

import pytest
import yaml

from tree import MANIFESTS, ROOT

CHART = MANIFESTS / "chart"
NAME = "code-executor-webhook"


def tool(name):
    found = subprocess.run([ROOT / "scripts/go-tool", name], capture_output=True, text=True, check=False)
    if found.returncode == 77:
        pytest.skip(found.stderr.strip().splitlines()[-1])
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


@pytest.fixture(name="helm", scope="module", params=["helm", "helm3"])
def find_helm(request):
    return tool(request.param)


@pytest.fixture(name="build", scope="module")
def find_kustomize():
    kustomize = tool("kustomize")

    def build(folder):
        built = subprocess.run([kustomize, "build", folder], capture_output=True, text=True, check=False)
        assert built.returncode == 0, built.stderr
        return list(yaml.safe_load_all(built.stdout))
    return build


def helm_template(helm, values, *flags, namespace=NAME):
    return subprocess.run(
        [helm, "template", NAME, CHART, "--namespace", namespace, "--kube-version", "1.34.0", "-f", "-", *flags],
        input=json.dumps(values), capture_output=True, text=True, check=False)


def render(helm, values, *flags, namespace=NAME):
    done = helm_template(helm, values, *flags, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def by_name(objects):
    """{(kind, namespace, name): object}, none twice; the configuration in a ConfigMap is read."""
    named = {}
    for each in copy.deepcopy(objects):
        metadata = each["metadata"]
        key = (each["kind"], metadata.get("namespace"), metadata["name"])
        assert key not in named, key
        named[key] = each
        if "config.yaml" in each.get("data", {}):
            each["data"]["config.yaml"] = yaml.safe_load(each["data"]["config.yaml"])
    return named


def paths(tree, path=""):
    """{path: leaf} of an object."""
    if isinstance(tree, (dict, list)):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {name: value for key, each in items for name, value in paths(each, f"{path}/{key}").items()}
    return {path: tree}


def difference(helm, values, *flags):
    """{(kind, name): {path: value}} of what `values` change or add."""
    before, after = by_name(render(helm, {})), by_name(render(helm, values, *flags))
    changed = {}
    for key, each in after.items():
        old = paths(before.get(key, {}))
        new = {path: value for path, value in paths(each).items() if path not in old or old[path] != value}
        if new:
            changed[key[0], key[2]] = new
    return changed

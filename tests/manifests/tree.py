"""The files that the tests of this folder read together."""

import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MANIFESTS = ROOT / "manifests"
BASE = MANIFESTS / "base"

README = (ROOT / "README.md").read_text()
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CONFIG = yaml.safe_load((BASE / "config.yaml").read_text())
VERSION = re.search(r"^project\(code-executor-webhook VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.M).group(1)


def is_manifest(path):
    return path.suffix == ".yaml" and path.name not in ("kustomization.yaml", "config.yaml")


# chart and install.yaml are made of the others: chart_test.py compares them.
YAML = sorted(path for folder in MANIFESTS.iterdir() if folder.is_dir() and folder.name != "chart"
              for path in folder.rglob("*.yaml"))
FILES = list(filter(is_manifest, YAML))
KUSTOMIZATIONS = [path.parent for path in YAML if path.name == "kustomization.yaml"]


def objects(*paths):
    """Every object of the files, or of all files."""
    return [each for path in paths or FILES
            for each in yaml.safe_load_all(path.read_text()) if each]


def one(kind, folder=BASE, name=None):
    found = [each for each in objects(*filter(is_manifest, folder.glob("*.yaml")))
             if each["kind"] == kind and name in (None, each["metadata"]["name"])]
    assert len(found) == 1, f"{folder}: {len(found)} objects of kind {kind} (expected one)"
    return found[0]


DEPLOYMENT = one("Deployment")
POD = DEPLOYMENT["spec"]["template"]["spec"]
CONTAINER = POD["containers"][0]
WEBHOOK_CONFIGURATION = one("MutatingWebhookConfiguration")
WEBHOOK = WEBHOOK_CONFIGURATION["webhooks"][0]
KUSTOMIZATION = yaml.safe_load((BASE / "kustomization.yaml").read_text())


def section(page, heading):
    """What stands in docs/`page`.md under a heading of the second level."""
    return PAGES[page].split(f"\n## {heading}\n")[1].split("\n## ")[0]


def leaves(tree, path=""):
    """{'server.tls.minVersion': '1.2', ...}; what is under sandbox.installer.resources is one value."""
    if not isinstance(tree, dict) or path == "sandbox.installer.resources":
        return {path: tree}
    return {name: value for key, each in tree.items()
            for name, value in leaves(each, f"{path}.{key}" if path else key).items()}


def port_of(address):
    return int(address.rsplit(":", 1)[1])


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def walk(value):
    """Each mapping inside `value`."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from walk(each)

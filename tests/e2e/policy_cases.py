"""The pods of tests/policy/cases, and what is asked of them: pods.yaml there says how to read them."""

import json

import jsonpatch
import yaml

from installed import ROOT

CASES = ROOT / "tests/policy/cases"
START = yaml.safe_load((CASES / "pods.yaml").read_text())
SCRIPTS = {"SCRIPT": ROOT / "src/admission/install_seccomp.sh",
           "SCRIPT_0_1_0": ROOT / "tests/golden/release_0_1_0/install_seccomp.sh"}


def load():
    """[(what it is called, words that it is refused with or "", case)]"""
    groups = {"": yaml.safe_load((CASES / "passes.yaml").read_text()),
              **yaml.safe_load((CASES / "refused.yaml").read_text())}
    return [(name, refused, case) for refused, cases in groups.items() for name, case in cases.items()]


def operations(changes):
    """RFC 6902, of [op, path, value]."""
    made = []
    for op, path, *value in changes:
        first, _, rest = path.partition("/")
        if first:
            path = START["paths"][first] + (f"/{rest}" if rest else "")
        made.append({"op": op, "path": path, **({"value": filled(value[0])} if value else {})})
    return made


def filled(document):
    text = json.dumps(document).replace("DIGEST", "0123456789abcdef" * 4)
    for name, file in SCRIPTS.items():
        text = text.replace(f'"{name}"', json.dumps(file.read_text()))
    return json.loads(text)


def pod_of(case, name):
    """The pod that a case begins with, and its ephemeral containers, which are not created with it."""
    document = jsonpatch.apply_patch(filled(START["pods"][case["of"]]), operations(case.get("change", [])))
    debuggers = document["spec"].pop("ephemeralContainers", [])
    document |= {"apiVersion": "v1", "kind": "Pod"}
    document["metadata"]["name"] = name
    return document, debuggers


def is_stored(case):
    return "update" in case or "debug" in case

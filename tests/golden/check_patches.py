#!/usr/bin/python3
"""Applies the patches that the golden and property tests logged with another implementation of
RFC 6902 than theirs, and checks that a pod differs from its input only where the README says.

Usage: check_patches.py FILE.jsonl...
"""

import copy
import hashlib
import json
import sys
from pathlib import Path

import jsonpatch

SCRIPT = (Path(__file__).parents[2] / "src/admission/install_seccomp.sh").read_text()
CHECKSUM = "checksum/seccomp"
PROFILE = "code-executor-webhook/nsjail-seccomp.json"


def volumes(policy):
    if policy["byAnnotation"]:
        field = {"fieldPath": f"metadata.annotations['{PROFILE}']"}
        source = {"downwardAPI": {"items": [{"path": "nsjail-seccomp.json", "fieldRef": field}]}}
    else:
        source = {"configMap": {"name": policy["configMapName"]}}
    directory = {"path": policy["kubeletSeccompDir"], "type": "DirectoryOrCreate"}
    return [{"name": "seccomp-profile", **source}, {"name": "host-seccomp", "hostPath": directory}]


def installer(policy):
    digest = hashlib.sha256(policy["profile"].encode()).hexdigest()
    arguments = ["/seccomp-profile/nsjail-seccomp.json", "/host-seccomp", policy["localhostProfile"], digest]
    return {
        "name": "install-seccomp",
        "image": policy["image"],
        "command": ["sh", "-c", SCRIPT, "install-seccomp", *arguments],
        "resources": {"requests": policy["requests"], "limits": policy["limits"]},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "runAsUser": 0,
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": "seccomp-profile", "mountPath": "/seccomp-profile", "readOnly": True},
            {"name": "host-seccomp", "mountPath": "/host-seccomp"},
        ],
    }


def context(policy, annotations):
    want = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_ADMIN"]},
        "procMount": "Unmasked",
        "seccompProfile": {"type": "Localhost", "localhostProfile": policy["localhostProfile"]},
    }
    legacy = "container.apparmor.security.beta.kubernetes.io/" + policy["containerName"]
    kind, _, name = policy["appArmorProfile"].partition("/")
    if kind and annotations.get(legacy) is None:
        want["appArmorProfile"] = {"type": kind, "localhostProfile": name} if name else {"type": kind}
    return want


def named(items, name):
    return [item for item in items or [] if item.get("name") == name]


def expected(pod, policy, outcome):
    """The pod that must come out, made from the one that went in by the README's table."""
    pod = copy.deepcopy(pod)
    if outcome not in ("sandboxed", "privileged"):
        return pod
    spec = pod["spec"]
    target = named(spec["containers"], policy["containerName"])[0]
    if outcome == "privileged":
        own = target.get("securityContext") or {}
        if {key: value for key, value in own.items() if value is not None} != {"privileged": True}:
            target["securityContext"] = {"privileged": True}
        return pod
    spec["hostUsers"] = False
    pod["metadata"] = pod.get("metadata") or {}
    annotations = pod["metadata"]["annotations"] = pod["metadata"].get("annotations") or {}
    annotations[CHECKSUM] = hashlib.sha256(policy["profile"].encode()).hexdigest()
    if policy["byAnnotation"]:
        annotations[PROFILE] = policy["profile"]
    missing = [v for v in volumes(policy) if not named(spec.get("volumes"), v["name"])]
    spec["volumes"] = (spec.get("volumes") or []) + missing
    if not named(spec.get("initContainers"), "install-seccomp"):
        spec["initContainers"] = [installer(policy)] + (spec.get("initContainers") or [])
    target["securityContext"] = context(policy, annotations)
    return pod


def is_same(left, right):
    """Python holds True and 1, and 1 and 1.0, for equal; JSON does not."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def check(case):
    pod, patch, want = case["input"], case["patch"], case["result"]
    applied = jsonpatch.apply_patch(pod, patch) if patch else pod
    if not is_same(applied, want):
        return "the two implementations of RFC 6902 give different pods"
    if pod is not None and not is_same(want, expected(pod, case["policy"], case["outcome"])):
        return "the pod is not the one of the README's table"
    lists = [op["path"] for op in patch if isinstance(op["value"], list)]
    if any(pod["spec"].get(path.rpartition("/")[2]) for path in lists):
        return "a list that was there is written anew"
    return None


def main(files):
    checked = patched = 0
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                case = json.loads(line)
                if problem := check(case):
                    sys.exit(f"{file}: {case['name']}: {problem}\n{json.dumps(case, indent=1)}")
                checked += 1
                patched += bool(case["patch"])
    print(f"{checked} reviews checked, {patched} patches applied")
    if not patched:
        sys.exit("no patch was applied (expected the logs of the golden and property tests)")


if __name__ == "__main__":
    main(sys.argv[1:])

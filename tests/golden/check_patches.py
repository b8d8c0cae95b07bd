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
AFFINITY = "code-executor-webhook/node-affinity"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
AVOIDED = {
    "code-executor-webhook/sandbox", "kubernetes.io/hostname", "cloud.google.com/gke-nodepool",
    "eks.amazonaws.com/nodegroup", "kubernetes.azure.com/agentpool", "karpenter.sh/nodepool",
}
PROFILE = "code-executor-webhook/nsjail-seccomp.json"


KEPT = {"readOnlyRootFilesystem", "runAsUser", "runAsGroup", "runAsNonRoot", "seLinuxOptions"}
# What ours does not have, and what may stay of it.
FOREIGN = {
    "args", "env", "envFrom", "lifecycle", "livenessProbe", "ports", "readinessProbe", "restartPolicy",
    "restartPolicyRules", "startupProbe", "stdin", "stdinOnce", "terminationMessagePath",
    "terminationMessagePolicy", "tty", "volumeDevices", "workingDir",
}
TOLERATED = {"name", "image", "imagePullPolicy", "resources", "resizePolicy", "command", "securityContext", "volumeMounts"}
DEFAULTS = {"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}


def without_nulls(value):
    if isinstance(value, list):
        return [without_nulls(element) for element in value]
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    return value


def digest(policy):
    return hashlib.sha256(policy["profile"].encode()).hexdigest()


def with_digest(name, policy):
    return name.replace("{sha256}", digest(policy))


def volumes(policy):
    if policy["delivery"] == "annotation":
        field = {"fieldPath": f"metadata.annotations['{PROFILE}']"}
        source = {"downwardAPI": {"items": [{"path": "nsjail-seccomp.json", "fieldRef": field}]}}
    else:
        source = {"configMap": {"name": with_digest(policy["configMapName"], policy)}}
    directory = {"path": policy["kubeletSeccompDir"], "type": "DirectoryOrCreate"}
    return [{"name": "seccomp-profile", **source}, {"name": "host-seccomp", "hostPath": directory}]


def installer(policy):
    context = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "runAsUser": 0,
        "runAsGroup": 0,
        "runAsNonRoot": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if policy["seLinuxOptions"]:
        context["seLinuxOptions"] = policy["seLinuxOptions"]
    resources = {key: policy[key] for key in ("requests", "limits") if policy[key]}
    return {
        "name": "install-seccomp",
        "image": policy["image"],
        "command": ["sh", "-c", SCRIPT, "install-seccomp", "/seccomp-profile/nsjail-seccomp.json",
                    "/host-seccomp", with_digest(policy["localhostProfile"], policy), digest(policy)],
        **({"resources": resources} if resources else {}),
        "securityContext": context,
        "volumeMounts": [
            {"name": "seccomp-profile", "mountPath": "/seccomp-profile", "readOnly": True},
            {"name": "host-seccomp", "mountPath": "/host-seccomp"},
        ],
    }


def is_token(mount):
    mount = without_nulls(mount)
    return mount["name"].startswith("kube-api-access-") and mount == {
        "name": mount["name"], "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}


def merged_mounts(have, ours):
    """Ours in their order; the first token stays where it stood."""
    merged, left, seen = [], list(ours), False
    for mount in have:
        if not seen and is_token(mount):
            merged, seen = merged + [mount], True
        elif left:
            want = left.pop(0)
            merged.append(mount if is_same(without_nulls(mount), want) else want)
    return merged + left


def updated_installer(have, policy):
    """The init container that was there, as it must come out."""
    ours = installer(policy)
    members = without_nulls(have)
    if set(members) - FOREIGN - TOLERATED:
        return ours
    out = {key: value for key, value in have.items() if value is None or key not in FOREIGN
           or is_same(value, DEFAULTS.get(key))}
    pinned = policy["image"].partition("@")[2]
    if not (pinned and members.get("image", "").endswith("@" + pinned)):
        out["image"] = ours["image"]
    for key in ("command", "securityContext"):
        if not is_same(members.get(key), ours[key]):
            out[key] = ours[key]
    out["volumeMounts"] = merged_mounts(have.get("volumeMounts") or [], ours["volumeMounts"])
    return out


def is_volume_of_ours(volume, ours):
    volume = copy.deepcopy(without_nulls(volume))
    for source in ("configMap", "downwardAPI"):
        if source in ours and is_same(volume.get(source, {}).get("defaultMode"), 420):
            del volume[source]["defaultMode"]
    for item in volume.get("downwardAPI", {}).get("items", []):
        if item.get("fieldRef", {}).get("apiVersion") == "v1":
            del item["fieldRef"]["apiVersion"]
    return is_same(volume, ours)


def updated_volumes(have, policy):
    if policy["delivery"] == "preinstalled":
        return have and [v for v in have if v.get("name") not in ("seccomp-profile", "host-seccomp")]
    out, seen = [], set()
    wanted = {volume["name"]: volume for volume in volumes(policy)}
    for volume in have or []:
        name = volume.get("name")
        if name in seen:
            continue
        if name in wanted:
            seen.add(name)
            volume = volume if is_volume_of_ours(volume, wanted[name]) else wanted[name]
        out.append(volume)
    return out + [volume for name, volume in wanted.items() if name not in seen]


def updated_init_containers(have, policy):
    others = [c for c in have or [] if c.get("name") != "install-seccomp"]
    if policy["delivery"] == "preinstalled":
        return have and others
    found = named(have, "install-seccomp")
    return [updated_installer(found[0], policy) if found else installer(policy)] + others


def updated_context(have, policy, annotations):
    legacy = annotations.get("container.apparmor.security.beta.kubernetes.io/" + policy["containerName"])
    kind, _, name = policy["appArmorProfile"].partition("/")
    field = {"type": kind, "localhostProfile": name} if name else {"type": kind} if kind else None
    want = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"add": ["NET_ADMIN"]},
        "procMount": "Unmasked",
        "seccompProfile": {"type": "Localhost", "localhostProfile": with_digest(policy["localhostProfile"], policy)},
    }
    both = {**want, "appArmorProfile": field} if field else want
    if legacy is None:
        want = both
    members = without_nulls(have or {})
    kept = {key: value for key, value in members.items() if key in KEPT}
    rest = {key: value for key, value in members.items() if key not in KEPT}
    if is_same(rest, want) or is_same(rest, both):
        return have
    if not kept:
        return want
    out = {key: value for key, value in have.items() if key in kept or value is None}
    if legacy is not None and is_same(rest.get("appArmorProfile"), field):
        want = both
    return {**out, **want}


def selector(requirement):
    """The annotation's text for a requirement that a review can have written, else None."""
    if requirement.get("operator") != "NotIn" or requirement.get("key") not in AVOIDED:
        return None
    return f"{requirement['key']} notin ({','.join(requirement.get('values') or [])})"


def terms_without(affinity, selectors):
    """What of the required terms is not of these selectors; None where there is nothing required, or nothing else."""
    required = ((affinity or {}).get("nodeAffinity") or {}).get(REQUIRED)
    if required is None:
        return None
    terms = []
    for term in required.get("nodeSelectorTerms") or []:
        expressions = term.get("matchExpressions") or []
        rest = [e for e in expressions if selector(e) is None or selector(e) not in selectors]
        terms.append((len(expressions) > len(rest), rest, term.get("matchFields") or []))
    if len(terms) == 1 and terms[0] == (True, [], []):
        return None
    return [term[1:] for term in terms]


def others_of(affinity):
    """All of the affinity but what is required of nodes; None where that is nothing."""
    rest = without_nulls(copy.deepcopy(affinity)) or {}
    (rest.get("nodeAffinity") or {}).pop(REQUIRED, None)
    if not rest.get("nodeAffinity"):
        rest.pop("nodeAffinity", None)
    return rest or None


def fault_of_affinity(before, after):
    """What is wrong with how the pod came to its node affinity: no more than one requirement may come or go."""
    marks = [(pod.get("metadata") or {}).get("annotations", {}) or {} for pod in (before, after)]
    old, new = (mark.get(AFFINITY) for mark in marks)
    affinities = [(pod.get("spec") or {}).get("affinity") for pod in (before, after)]
    selectors = {mark for mark in (old, new) if mark}
    if terms_without(affinities[0], selectors) != terms_without(affinities[1], selectors):
        return "terms of the node affinity are not those that came, but for one requirement"
    if others_of(affinities[0]) != others_of(affinities[1]):
        return "affinity other than what is required of nodes has changed"
    if new is None or new == old:
        return None
    for term in affinities[1]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]:
        written = [selector(e) for e in term.get("matchExpressions") or []]
        if (written or term.get("matchFields")) and new not in written:
            return "a term has not the requirement of the annotation"
    return None


def named(items, name):
    return [item for item in items or [] if item.get("name") == name]


def set_if_there(spec, key, value):
    if value is not None:
        spec[key] = value


def expected(pod, policy, outcome, want):
    """The pod that must come out, made from the one that went in by the README's table."""
    pod = copy.deepcopy(pod)
    if outcome not in ("sandboxed", "privileged"):
        return pod
    spec = pod["spec"]
    target = named(spec["containers"], policy["containerName"])[0]
    if outcome == "privileged":
        if (target.get("securityContext") or {}).get("privileged") is not True:
            target["securityContext"] = {"privileged": True}
        return pod
    spec["hostUsers"] = False
    pod["metadata"] = pod.get("metadata") or {}
    annotations = pod["metadata"]["annotations"] = pod["metadata"].get("annotations") or {}
    annotations[CHECKSUM] = digest(policy)
    if policy["delivery"] == "annotation":
        annotations[PROFILE] = policy["profile"]
    elif annotations.get(PROFILE) is not None:
        del annotations[PROFILE]
    # fault_of_affinity() says whether they are right.
    for place, key in ((annotations, AFFINITY), (spec, "affinity")):
        source = want["metadata"]["annotations"] if key == AFFINITY else want["spec"]
        place.pop(key, None)
        if key in source:
            place[key] = source[key]
    set_if_there(spec, "volumes", updated_volumes(spec.get("volumes"), policy))
    set_if_there(spec, "initContainers", updated_init_containers(spec.get("initContainers"), policy))
    target["securityContext"] = updated_context(target.get("securityContext"), policy, annotations)
    return pod


def is_same(left, right):
    """Python holds True and 1, and 1 and 1.0, for equal; JSON does not."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def check(case):
    pod, patch, want = case["input"], case["patch"], case["result"]
    applied = jsonpatch.apply_patch(pod, patch) if patch else pod
    if not is_same(applied, want):
        return "the two implementations of RFC 6902 give different pods"
    if pod is not None and (fault := fault_of_affinity(pod, want)):
        return fault
    if pod is not None and not is_same(want, expected(pod, case["policy"], case["outcome"], want)):
        return "the pod is not the one of the README's table"
    lists = [op["path"] for op in patch if isinstance(op.get("value"), list)]
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

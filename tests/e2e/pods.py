"""Code-executor pods, and how a real API server takes them."""

import json

LABEL = {"telemetry.retool.com/service-name": "code-executor"}


def pod(name, spec=None, target=None, **metadata):
    """A code-executor pod; `spec` and `target`, its container, are added to."""
    return {
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, **metadata, "labels": {**LABEL, **metadata.get("labels", {})}},
        "spec": {"containers": [{"name": "code-executor", "image": "code-executor:1", **(target or {})}],
                 **(spec or {})}}


def volume(name, **source):
    return {"name": name, **(source or {"emptyDir": {}})}


def assert_carries(stored, predicted, where="pod"):
    """Everything that was predicted was stored, as it is: nothing dropped, nothing made into something else. What
    the API server adds of its own (defaults, the token of the service account) is its affair."""
    if isinstance(predicted, dict):
        for key, value in predicted.items():
            assert key in stored, f"{where}.{key} was dropped"
            assert_carries(stored[key], value, f"{where}.{key}")
    elif isinstance(predicted, list):
        for number, value in enumerate(predicted):
            is_named = isinstance(value, dict) and "name" in value
            found = [s for s in stored if s["name"] == value["name"]] if is_named else stored[number:]
            assert found, f"{where}: {value} was dropped"
            assert_carries(found[0], value, f"{where}[{value['name'] if is_named else number}]")
    else:
        assert stored == predicted, where


def without_host_users(document):
    """As an API server stores it that has no user namespaces: 1.32 and older, unless asked to."""
    spec = {key: value for key, value in document["spec"].items() if key != "hostUsers"}
    return {**document, "spec": spec}


def create(plane, namespace, document, *flags):
    return plane.kubectl("create", "-n", namespace, "-f", "-", "-o", "json", *flags, stdin=json.dumps(document),
                         code=None)


def is_sandboxed(stored):
    """The pod, as the API server stored it, carries the whole sandbox, and everything of it once."""
    spec = stored["spec"]
    context = next(c for c in spec["containers"] if c["name"] == "code-executor").get("securityContext", {})
    names = [v["name"] for v in spec["volumes"]]
    return (spec.get("hostUsers") is False
            and [c["name"] for c in spec.get("initContainers", [])].count("install-seccomp") == 1
            and spec["initContainers"][0]["name"] == "install-seccomp"
            and names.count("seccomp-profile") == names.count("host-seccomp") == 1
            and context.get("procMount") == "Unmasked" and not context.get("privileged")
            and context.get("allowPrivilegeEscalation") is False
            and context.get("seccompProfile", {}).get("type") == "Localhost")

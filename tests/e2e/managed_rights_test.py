"""What the account of the webhook may do to its own configuration, and what it does: on a real API server."""

import copy
import json

import pytest

from control_plane import wait_until
from installed import NAME
from managed import SECRET, Fleet

ACCOUNT = f"system:serviceaccount:{NAME}:{NAME}"
CONFIGURATIONS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
SECRETS = f"/api/v1/namespaces/{NAME}/secrets"
RULE = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*"}

# Merge patches of the one webhook, as a stolen token would send them; None takes a field out.
CHANGES = {
    "every object of the cluster": {"rules": [RULE]},
    "one more rule": {"rules": [{**RULE, "resources": ["secrets"]}]},
    "a URL of theirs": {"clientConfig": {"service": None, "url": "https://thief.example/"}},
    "another Service": {"clientConfig": {"service": {"name": "thief"}}},
    "another namespace": {"clientConfig": {"service": {"namespace": "default"}}},
    "another path": {"clientConfig": {"service": {"path": "/other"}}},
    "no path": {"clientConfig": {"service": {"path": None}}},
    "another port": {"clientConfig": {"service": {"port": 444}}},
    "another name": {"name": "thief.code-executor-webhook.io"},
    "failures ignored": {"failurePolicy": "Ignore"},
    "exact matches": {"matchPolicy": "Exact"},
    "every namespace": {"namespaceSelector": None},
    "another namespace left out": {"namespaceSelector": {"matchLabels": {"a": "b"}}},
    "every pod": {"objectSelector": None},
    "other pods": {"objectSelector": {"matchLabels": {"a": "b"}}},
    "never called again": {"reinvocationPolicy": "Never"},
    "side effects": {"sideEffects": "NoneOnDryRun"},
    "a longer timeout": {"timeoutSeconds": 30},
    "versions": {"admissionReviewVersions": ["v1", "v1beta1"]},
    "a condition": {"matchConditions": [{"name": "never", "expression": "false"}]},
}
METADATA = {
    "a label": {"labels": {"a": "b"}},
    "no labels": {"labels": None},
    "an annotation": {"annotations": {"cert-manager.io/inject-ca-from": "default/thief"}},
    "a finalizer": {"finalizers": ["thief.example/held"]},
    "an owner": {"ownerReferences": [{"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": "1"}]},
}


@pytest.fixture(scope="module")
def fleet(managed_plane, tmp_path_factory):
    with Fleet(managed_plane, tmp_path_factory.mktemp("fleet")) as running:
        running.start()
        running.start()
        running.wait_until_ready(2)
        yield running


def as_account(fleet, method, path, body=None, kind="application/merge-patch+json"):
    """(status, object) of a request with the token of the account."""
    return fleet.plane.send(method, path, body, fleet.token, kind)


def merged(value, change):
    if not isinstance(change, dict):
        return change
    result = dict(value) if isinstance(value, dict) else {}
    for key, each in change.items():
        if each is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), each)
    return result


def patch_webhooks(fleet, edit):
    """What becomes of a patch of all webhooks: `edit` changes the list. A dry run: nothing is left of one that passes."""
    webhooks = copy.deepcopy(fleet.plane.get_json("mutatingwebhookconfiguration", NAME)["webhooks"])
    edit(webhooks)
    return as_account(fleet, "PATCH", f"{CONFIGURATIONS}/{NAME}?dryRun=All", {"webhooks": webhooks})


def assert_denied(answer, what):
    code, status = answer
    assert code in (403, 422) and f"{NAME}-bundle" in status["message"] and what in status["message"], answer


@pytest.fixture(scope="module", autouse=True)
def policy_in_force(fleet):
    """Policies take effect a moment after they are made."""
    wait_until(lambda: patch_webhooks(fleet, lambda each: each[0].update(timeoutSeconds=9))[0] != 200, "it is in force")


@pytest.mark.parametrize("change", CHANGES)
def test_the_account_may_change_no_field_of_a_webhook(fleet, change):
    assert_denied(patch_webhooks(fleet, lambda each: each.__setitem__(0, merged(each[0], CHANGES[change]))),
                  "may change nothing but caBundle")


def test_the_account_may_neither_add_nor_remove_a_webhook(fleet):
    another = {"name": "thief.code-executor-webhook.io", "admissionReviewVersions": ["v1"], "sideEffects": "None",
               "clientConfig": {"url": "https://thief.example/"}, "rules": [RULE]}
    assert_denied(patch_webhooks(fleet, lambda each: each.append(another)), "may change nothing but caBundle")
    assert_denied(patch_webhooks(fleet, list.clear), "may change nothing but caBundle")


@pytest.mark.parametrize("change", METADATA)
def test_the_account_may_change_no_metadata(fleet, change):
    assert_denied(as_account(fleet, "PATCH", f"{CONFIGURATIONS}/{NAME}?dryRun=All", {"metadata": METADATA[change]}),
                  "may change no metadata")


def test_an_apply_is_held_as_a_patch_is(fleet):
    applied = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
               "metadata": {"name": NAME},
               "webhooks": [{"name": "sandbox.code-executor-webhook.io", "rules": [RULE]}]}
    assert_denied(as_account(fleet, "PATCH", f"{CONFIGURATIONS}/{NAME}?fieldManager=thief&force=true&dryRun=All", applied,
                             "application/apply-patch+yaml"), "may change nothing but caBundle")


def test_the_account_may_change_the_bundle_and_the_administrator_everything(fleet):
    code, _ = patch_webhooks(fleet, lambda each: each[0]["clientConfig"].pop("caBundle"))
    assert code == 200
    done = fleet.plane.kubectl("patch", "mutatingwebhookconfiguration", NAME, "--type=merge", "--dry-run=server", "-p",
                               json.dumps({"metadata": {"labels": {"a": "b"}}}))
    assert done.returncode == 0


@pytest.mark.parametrize("method, path, body", [
    ("GET", SECRETS, None), ("GET", f"{SECRETS}?watch=true", None), ("GET", f"{SECRETS}/another", None),
    ("POST", SECRETS, {"metadata": {"name": "another"}}),
    ("PATCH", f"{SECRETS}/another", {"data": {}}), ("DELETE", f"{SECRETS}/{SECRET}", None),
    ("PUT", f"{SECRETS}/{SECRET}", {"metadata": {"name": SECRET}}),
    ("GET", f"/api/v1/namespaces/default/secrets/{SECRET}", None),
    ("GET", CONFIGURATIONS, None), ("GET", f"{CONFIGURATIONS}/another", None),
    ("PATCH", f"{CONFIGURATIONS}/another", {}), ("DELETE", f"{CONFIGURATIONS}/{NAME}", None),
    ("POST", CONFIGURATIONS, {"metadata": {"name": "another"}}),
])
def test_rbac_gives_the_account_its_two_objects_alone(fleet, method, path, body):
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    assert as_account(fleet, method, path, body, kind)[0] == 403


def test_the_audit_log_shows_the_named_objects_and_nothing_else(fleet, minor):
    wait_until(lambda: fleet.event("authority_trusted") >= 1, "the CA is trusted")
    asked = set()
    for line in fleet.plane.audit_log.read_text().splitlines():
        entry = json.loads(line)
        if entry["user"]["username"] != ACCOUNT or not entry.get("userAgent", "").startswith(NAME):
            continue
        reference = entry["objectRef"]
        asked.add((entry["verb"], reference["resource"], reference.get("name")))
        assert entry["responseStatus"]["code"] != 403, entry
    configuration = ("mutatingwebhookconfigurations", NAME)
    probe = {("create", "podtemplates", None)} if minor >= 33 else set()  # before, there is nothing to ask for
    assert asked == {*probe, ("get", "secrets", SECRET), ("patch", "secrets", SECRET),
                     ("get", *configuration), ("patch", *configuration),
                     *((verb, kind, None) for verb in ("list", "watch") for kind in ("nodes", "runtimeclasses"))}

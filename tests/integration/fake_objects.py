"""Objects behind a FakeApiServer that are applied as API servers do it: owners, conflicts, resource versions."""

import base64
import copy
import itertools
import json
import threading
import urllib.parse

from fake_kube_apiserver import answer_with, version_info

NS = "hooks"
SECRET = f"/api/v1/namespaces/{NS}/secrets/code-executor-webhook-ca"
CONFIGURATION = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/code-executor-webhook"


def status(code, reason):
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}


class FakeObjects:
    """The Secret and the webhook configuration. `refused` has (method, path) that are answered 403."""

    def __init__(self, server, service="code-executor-webhook"):
        self._lock = threading.Lock()
        self._versions = itertools.count(1)
        self._objects = {}
        self._owner = None  # of the Secret's data
        self.refused = set()
        self.applied = []  # (path, field manager, forced, status)
        self._objects[CONFIGURATION] = {
            "metadata": {"name": "code-executor-webhook", "resourceVersion": str(next(self._versions))},
            "webhooks": [{"name": "hook.example", "clientConfig": {
                "service": {"namespace": NS, "name": service, "path": "/mutate"}}}]}
        server.script, server.patch_script = self._answer_get, self._answer_patch

    # What a test does

    def authorities(self):
        """What the Secret holds; None without one."""
        with self._lock:
            secret = self._objects.get(SECRET)
            if not secret:
                return None
            return json.loads(base64.b64decode(secret.get("data", {}).get("authorities.json", "W10=")))

    def bundle(self):
        """caBundle, as PEM."""
        with self._lock:
            return base64.b64decode(self._client_config().get("caBundle", "")).decode()

    def set_bundle(self, pem):
        with self._lock:
            self._client_config()["caBundle"] = base64.b64encode(pem.encode()).decode()
            self._change(CONFIGURATION)

    def delete_secret(self):
        with self._lock:
            self._objects.pop(SECRET, None)

    def empty_secret(self, data=None):
        with self._lock:
            self._objects[SECRET]["data"] = data or {}
            self._owner = None
            self._change(SECRET)

    def change_secret(self, **fields):
        """Changes it behind the replicas' backs: `immutable`, or `annotations` of its metadata."""
        with self._lock:
            secret = self._objects[SECRET]
            secret["metadata"]["annotations"] = fields.pop("annotations", {})
            secret.update(fields)
            self._change(SECRET)

    def holds_ours(self):
        ours = [each["certificate"] for each in self.authorities() or [] if "key" in each]
        return bool(ours) and all(each in self.bundle() for each in ours)

    # What the API server does

    def _client_config(self):
        return self._objects[CONFIGURATION]["webhooks"][0]["clientConfig"]

    def _change(self, path):
        self._objects[path]["metadata"]["resourceVersion"] = str(next(self._versions))

    def _answer_get(self, handler):
        with self._lock:
            code, body = self._get(handler.path)
        answer_with(json.dumps(body).encode(), code)(handler)

    def _get(self, path):
        if path == "/version":
            return 200, json.loads(version_info("v1.34.1"))
        if ("GET", path) in self.refused:
            return status(403, "Forbidden")
        return (200, copy.deepcopy(self._objects[path])) if path in self._objects else status(404, "NotFound")

    def _answer_patch(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        assert handler.headers["Content-Type"] == "application/apply-patch+yaml"
        with self._lock:
            code, body = self._patch(url.path, query, json.loads(handler.body))
            self.applied.append((url.path, query["fieldManager"], query.get("force") == "true", code))
        answer_with(json.dumps(body).encode(), code)(handler)

    def _patch(self, path, query, applied):
        if ("PATCH", path) in self.refused:
            return status(403, "Forbidden")
        manager, forced = query["fieldManager"], query.get("force") == "true"
        there = self._objects.get(path)
        version = applied["metadata"].get("resourceVersion")
        if there and version and version != there["metadata"]["resourceVersion"]:
            return status(409, "Conflict")
        if there and there.get("immutable") and there.get("data") != applied["data"]:
            return status(422, "Invalid")
        if path == CONFIGURATION:
            assert set(applied) == {"apiVersion", "kind", "metadata", "webhooks"}
            (webhook,) = applied["webhooks"]
            assert set(webhook) == {"name", "clientConfig"} and set(webhook["clientConfig"]) == {"caBundle"}
            self._client_config()["caBundle"] = webhook["clientConfig"]["caBundle"]
        elif there:
            differs = there.get("data") != applied["data"]
            if differs and not forced and self._owner not in (None, manager):
                return status(409, "Conflict")
            there["data"] = applied["data"]
            self._owner = manager
        else:  # also where a version was sent: so do API servers
            self._objects[path] = {"metadata": {"name": applied["metadata"]["name"]}, "data": applied["data"]}
            self._owner = manager
        self._change(path)
        return (200 if there else 201), copy.deepcopy(self._objects[path])

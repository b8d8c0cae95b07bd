"""Objects of many types behind a FakeApiServer, to be read: gets, lists by pages, refusals."""

import json
import urllib.parse

from fake_kube_apiserver import answer_with, version_info

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
HOOKS = f"{ADMISSION}/mutatingwebhookconfigurations/code-executor-webhook"
POLICY = f"{ADMISSION}/mutatingadmissionpolicies/code-executor-webhook"
BINDINGS = f"{ADMISSION}/mutatingadmissionpolicybindings"

LISTS = {"nodes": "NodeList", "runtimeclasses": "RuntimeClassList"}


def status(code, message):
    return code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}


class FakeCluster:
    """`objects` by their path. Lists are those of what is below a path, and `all_pods`, of all namespaces."""

    def __init__(self, server, version="v1.34.1", page=None):
        self.objects = {}
        self.refused = set()  # paths that are answered 403
        self.page = page  # objects an answer, whatever the limit says
        self.expires_at, self.expirations = 1, 0  # the page, from 0, that is answered 410, and how often
        self.version = version
        server.script = self._answer

    def add(self, path, **members):
        """An object at `path`; its uid is its path."""
        name = path.rsplit("/", 1)[1]
        parts = path.split("/")
        metadata = {"name": name, "uid": path, "creationTimestamp": "2026-02-01T00:00:00Z",
                    **({"namespace": parts[parts.index("namespaces") + 1]} if "namespaces" in parts[:-2] else {}),
                    **members.pop("metadata", {})}
        self.objects[path] = {"metadata": metadata, **members}
        return self.objects[path]

    def _answer(self, handler):
        code, body = self._get(handler.path)
        answer_with(json.dumps(body).encode(), code)(handler)

    def _get(self, target):
        url = urllib.parse.urlsplit(target)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/version":
            return 200, json.loads(version_info(self.version, minor=self.version.split(".")[1]))
        if url.path in self.refused:
            return status(403, f'"{url.path}" is forbidden: User "u" cannot read it')
        if url.path in self.objects:
            kind = {"apiVersion": "v1", "kind": "Pod"} if "/pods/" in url.path else {}  # as lists leave it out
            return 200, {**kind, **self.objects[url.path]}
        plural = url.path.rsplit("/", 1)[1]
        items = [each for path, each in self.objects.items()
                 if path.rsplit("/", 1)[0] == url.path
                 or url.path == "/api/v1/pods" and path.startswith("/api/v1/namespaces/") and path.split("/")[-2] == "pods"]
        if plural in LISTS:
            return 200, {"kind": LISTS[plural], "items": items}
        if plural not in ("pods", "replicasets", "jobs", "mutatingadmissionpolicybindings"):
            return status(404, f'"{plural}" not found')
        if plural == "pods":
            assert query["fieldSelector"] == "status.phase!=Succeeded,status.phase!=Failed"
        return self._page(items, int(query["limit"]), query.get("continue"))

    def _page(self, items, limit, token):
        number = int(token.split("+")[1]) if token else 0
        if self.expirations > 0 and number == self.expires_at:
            self.expirations -= 1
            return status(410, "The provided continue parameter is too old")
        size = min(limit, self.page or limit)
        rest = len(items) > (number + 1) * size
        return 200, {"kind": "List", "metadata": {"continue": f"to/ken+{number + 1}"} if rest else {},
                     "items": items[number * size:(number + 1) * size]}

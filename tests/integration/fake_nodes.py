"""Nodes and RuntimeClasses behind a FakeApiServer that are listed and watched as API servers do it."""

import copy
import json
import threading
import urllib.parse

from fake_kube_apiserver import answer_with, version_info

NODES, RUNTIME_CLASSES = "/api/v1/nodes", "/apis/node.k8s.io/v1/runtimeclasses"


def node(name, kernel="6.8.0-45-generic", kubelet="v1.34.1", labels=None, **more):
    """A Node that can run the sandbox, unless something says otherwise."""
    return {"kind": "Node", "apiVersion": "v1",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **(labels or {})}},
            "spec": more.get("spec", {}),
            "status": {"nodeInfo": {"kernelVersion": kernel, "kubeletVersion": kubelet, "osImage": "Ubuntu 24.04.1 LTS",
                                    "containerRuntimeVersion": "containerd://2.1.4"},
                       "runtimeHandlers": [{"name": "", "features": {"userNamespaces": True}}],
                       **more.get("status", {})}}


def runtime_class(name, handler):
    return {"kind": "RuntimeClass", "apiVersion": "node.k8s.io/v1", "metadata": {"name": name}, "handler": handler}


class FakeNodes:
    """`refused` has the paths that are answered 403. Watches stay open until end_watches() or the server's end."""

    def __init__(self, server, nodes=()):
        self._server = server
        self._changed = threading.Condition()
        self._version = 100
        self._oldest = 100  # what came before is forgotten
        self._history = []  # (version, path, event)
        self._objects = {NODES: {}, RUNTIME_CLASSES: {}}
        self._generation = 0  # of watches
        self.refused = set()
        for each in nodes:
            self.put(each)
        server.script = self._answer

    # What a test does

    def put(self, new):
        path = RUNTIME_CLASSES if new["kind"] == "RuntimeClass" else NODES
        with self._changed:
            known = new["metadata"]["name"] in self._objects[path]
            self._tell(path, "MODIFIED" if known else "ADDED", new)

    def delete(self, name, path=NODES):
        with self._changed:
            self._tell(path, "DELETED", self._objects[path][name])

    def end_watches(self, forget=False):
        """All that are open now; with `forget` what has happened until now is forgotten, and they are answered 410."""
        with self._changed:
            self._generation += 1
            if forget:
                self._version += 1
                self._oldest, self._history = self._version, []
            self._changed.notify_all()

    # What the API server does

    def _tell(self, path, kind, changed):
        self._version += 1
        changed = copy.deepcopy(changed)
        changed["metadata"]["resourceVersion"] = str(self._version)
        self._objects[path][changed["metadata"]["name"]] = changed
        if kind == "DELETED":
            del self._objects[path][changed["metadata"]["name"]]
        self._history.append((self._version, path, {"type": kind, "object": changed}))
        self._changed.notify_all()

    def _answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/version":
            answer_with(version_info("v1.34.1"))(handler)
        elif url.path in self.refused:
            answer_with(b"{}", 403)(handler)
        elif url.path not in self._objects:
            answer_with(b"{}", 404)(handler)
        elif "watch" in query:
            self._watch(handler, url.path, int(query["resourceVersion"]))
        else:
            with self._changed:
                page = self._page(url.path, int(query["limit"]), query.get("continue", ""))
            answer_with(json.dumps(page).encode())(handler)

    def _page(self, path, limit, after):
        names = sorted(name for name in self._objects[path] if name > after)
        more = names[limit - 1] if len(names) > limit else ""
        return {"kind": "List", "apiVersion": "v1", "metadata": {"resourceVersion": str(self._version), "continue": more},
                "items": [self._objects[path][name] for name in names[:limit]]}

    def _watch(self, handler, path, version):
        with self._changed:
            is_forgotten, generation = version < self._oldest, self._generation
        if is_forgotten:
            answer_with(b"{}", 410)(handler)
            return
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        self._chunk(handler, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}})

        def is_over():
            return self._generation > generation or self._server.stopping.is_set()

        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._version > version or is_over(), 20)
                ends = is_over()
                new = [event for at, where, event in self._history if at > version and where == path and not ends]
                version = self._version
            for event in new:
                self._chunk(handler, event)
            if ends:
                handler.wfile.write(b"0\r\n\r\n")
                return

    @staticmethod
    def _chunk(handler, event):
        line = json.dumps(event).encode() + b"\n"
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        handler.wfile.flush()

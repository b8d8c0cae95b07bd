"""Another mutating webhook, called before or after ours, that adds a container and a volume."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import ssl

import pytest

from control_plane import wait_until
from pods import create, is_sandboxed, pod


class Injector(BaseHTTPRequestHandler):
    """Adds what service meshes add: a sidecar first, and a volume."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        spec = request["object"]["spec"]
        patch = []
        if "mesh" not in [c["name"] for c in spec["containers"]]:
            patch = [{"op": "add", "path": "/spec/containers/0", "value": {"name": "mesh", "image": "mesh:1"}},
                     {"op": "add", "path": "/spec/volumes/-", "value": {"name": "mesh", "emptyDir": {}}},
                     {"op": "add", "path": "/spec/initContainers" + ("/0" if "initContainers" in spec else ""),
                      "value": mesh_init(spec)}]
        response = {"uid": request["uid"], "allowed": True}
        if patch:
            response |= {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                           "response": response}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def mesh_init(spec):
    init = {"name": "mesh-init", "image": "mesh:1"}
    return init if "initContainers" in spec else [init]


@pytest.fixture(params=["aaa-before-ours", "zzz-after-ours"])
def injector(plane, webhook, request):
    """API servers call webhooks in the order of the names of their configurations."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Injector)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(webhook.keys / "tls.crt", webhook.keys / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    plane.kubectl("apply", "-f", "-", stdin=json.dumps({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": request.param},
        "webhooks": [{
            "name": "mesh.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
            "reinvocationPolicy": "IfNeeded",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            "objectSelector": {"matchLabels": {"mesh": "on"}},
            "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/",
                             "caBundle": base64.b64encode((webhook.keys / "ca.crt").read_bytes()).decode()}}]}))
    yield request.param
    plane.kubectl("delete", "mutatingwebhookconfiguration", request.param)
    server.shutdown()
    server.server_close()


def test_both_orders_give_one_of_everything(plane, webhook, minor, namespace, injector):
    document = pod(injector, labels={"mesh": "on"})

    def created():
        stored = json.loads(create(plane, namespace, document, "--dry-run=server").stdout)
        names = [c["name"] for c in stored["spec"]["containers"]]
        return stored if "mesh" in names else None

    stored = wait_until(created, "the API server calls the new webhook")
    for kind, ours in (("containers", []), ("volumes", ["host-seccomp", "seccomp-profile"]),
                       ("initContainers", ["install-seccomp"])):
        names = [each["name"] for each in stored["spec"][kind]]
        assert len(names) == len(set(names))
        if minor >= 33:
            assert set(ours) <= set(names)
    target = next(c for c in stored["spec"]["containers"] if c["name"] == "code-executor")
    if minor >= 33:
        first = stored["spec"]["initContainers"]
        stored["spec"]["initContainers"] = sorted(first, key=lambda c: c["name"] != "install-seccomp")
        assert is_sandboxed(stored)
    else:
        assert target["securityContext"] == {"privileged": True}

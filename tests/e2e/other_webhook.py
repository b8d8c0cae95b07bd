"""Webhooks of other people, on loopback, with the certificate of ours."""

import base64
import contextlib
import http.server
import json
import ssl
import threading


@contextlib.contextmanager
def serving(keys, handler):
    """The URL of an HTTPS server whose requests `handler`, a class, answers."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "tls.crt", keys / "tls.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/mutate"
    finally:
        server.shutdown()
        server.server_close()


def answering_with(change):
    """A handler that answers each review with the operations that `change` makes of its pod."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
            response = {"uid": request["uid"], "allowed": True}
            if patch := change(request["object"]):
                response |= {"patchType": "JSONPatch",
                             "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
            body = json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
                               "response": response}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler


@contextlib.contextmanager
def other_webhook(plane, keys, name, change, **selector):
    """A mutating webhook for pods with the labels of `selector`. API servers call them in the order of the names of their
    configurations: ours is code-executor-webhook."""
    with serving(keys, answering_with(change)) as url:
        plane.kubectl("apply", "-f", "-", stdin=json.dumps({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "other.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                "reinvocationPolicy": "IfNeeded",
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                           "resources": ["pods"]}],
                "objectSelector": {"matchLabels": selector},
                "clientConfig": {"url": url,
                                 "caBundle": base64.b64encode((keys / "ca.crt").read_bytes()).decode()}}]}))
        try:
            yield
        finally:
            plane.kubectl("delete", "mutatingwebhookconfiguration", name)

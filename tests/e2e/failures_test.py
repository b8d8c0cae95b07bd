"""The webhook down, hanging or broken: what a user sees, and that nobody else notices."""

import contextlib
import http.server
import json
import re
import socket
import threading
import time

import pytest

from control_plane import wait_until
from installed import ROOT
from other_webhook import serving
from pods import create, pod

RUNBOOK = (ROOT / "docs/operations.md").read_text()
CALLING = 'failed calling webhook "sandbox.code-executor-webhook.io"'


@contextlib.contextmanager
def answering(keys, status, headers=(), body=b"{}"):
    """The URL of a webhook that answers everything with this; with no status it never does."""
    released = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            if status is None:
                released.wait(30)
                return
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    try:
        with serving(keys, Handler) as url:
            yield url
    finally:
        released.set()


@contextlib.contextmanager
def nobody():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        yield f"https://127.0.0.1:{bound.getsockname()[1]}/mutate"


@contextlib.contextmanager
def sent_to(plane, url):
    """The API server calls `url` in our place."""
    name = "code-executor-webhook"
    configuration = plane.get_json("mutatingwebhookconfiguration", name)
    before = configuration["webhooks"][0]["clientConfig"]["url"]

    def point_to(where):
        plane.kubectl("patch", "mutatingwebhookconfiguration", name, "--type=json", "-p", json.dumps(
            [{"op": "replace", "path": "/webhooks/0/clientConfig/url", "value": where}]))

    point_to(url)
    try:
        yield
    finally:
        point_to(before)


BROKEN = {
    "down": (lambda keys: nobody(), "connection refused"),
    "hanging": (lambda keys: answering(keys, None), "context deadline exceeded"),
    "500": (lambda keys: answering(keys, 500), "an error on the server"),
    # API servers heed Retry-After, and call again until the timeout of the configuration has passed.
    "503": (lambda keys: answering(keys, 503, [("Retry-After", "1")]), "context deadline exceeded"),
    "413": (lambda keys: answering(keys, 413), "the server responded with the status code 413"),
    "no JSON": (lambda keys: answering(keys, 200, body=b"no"), "couldn't get version/kind"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_webhook_holds_back_code_executors_alone(plane, webhook, namespace, how):
    broken, shown = BROKEN[how]
    with broken(webhook.keys) as url, sent_to(plane, url):
        failed = wait_until(lambda: (done := create(plane, namespace, pod("held-back"))).returncode and done,
                            "the API server calls the broken one")
        assert CALLING in failed.stderr and shown in failed.stderr, failed.stderr
        assert failed.stderr.count("\n") == 1
        assert re.search(rf"^\| `failed calling webhook … {re.escape(shown)}", RUNBOOK, re.M), "the runbook has no row"
        holding = threading.Thread(target=create, args=(plane, namespace, pod("held-back")))
        holding.start()
        other = pod(f"other-{how}".lower().replace(" ", "-"))
        other["metadata"]["labels"] = {}
        began = time.monotonic()
        assert create(plane, namespace, other).returncode == 0
        assert time.monotonic() - began < 4, "another pod had to wait for the webhook's timeout"
        holding.join()
    wait_until(lambda: create(plane, namespace, pod("held-back"), "--dry-run=server").returncode == 0,
               "the real webhook is called again")

"""The webhook as its users install it, called by a real API server on loopback."""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from webhook_server import BINARY, WebhookServer, make_certificates  # noqa: E402  (needs the path above)

NAME = "code-executor-webhook"

KUSTOMIZATION = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
patches:
  - target: {{kind: MutatingWebhookConfiguration}}
    patch: '[{{"op": "replace", "path": "/webhooks/0/clientConfig", "value": {client}}}]'
"""


def apply_base(plane, directory, url=None, authority=None):
    """`kubectl apply -k manifests/base`, with the Service turned into `url` if there is one."""
    base = ROOT / "manifests/base"
    if not url:
        return plane.kubectl("apply", "-k", base)
    directory.mkdir(exist_ok=True)
    relative = os.path.relpath(base, directory.resolve())
    client = json.dumps({"url": url, "caBundle": base64.b64encode(authority).decode()})
    (directory / "kustomization.yaml").write_text(KUSTOMIZATION.format(base=relative, client=client))
    return plane.kubectl("apply", "-k", directory)


def install(plane, directory, *flags):
    """Manifests, a certificate for loopback from `certs`, and the program, which asks the API server for its version by
    the service account of the manifests. Returns the running WebhookServer. (managed.py has the certificates that the
    program makes itself.)"""
    directory.mkdir(exist_ok=True)
    apply_base(plane, directory)
    keys = make_certificates(directory / "keys")
    token = plane.kubectl("create", "token", NAME, "-n", NAME).stdout.strip()
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(plane.kubeconfig_for(token, NAME))
    server = WebhookServer(keys, "--kubeconfig", kubeconfig, *flags, version=None)
    apply_base(plane, directory / "kustomization", f"https://127.0.0.1:{server.port}/mutate",
               (keys / "ca.crt").read_bytes())
    return server


@contextlib.contextmanager
def webhook_looks_away(plane, namespace):
    """Inside, the webhook is not called for pods of `namespace`, some time after the API server has seen it."""
    values = "/webhooks/0/namespaceSelector/matchExpressions/0/values"

    def patch(operation):
        plane.kubectl("patch", "mutatingwebhookconfiguration", NAME, "--type=json", "-p",
                      json.dumps([operation]))

    patch({"op": "add", "path": f"{values}/0", "value": namespace})
    try:
        yield
    finally:
        patch({"op": "remove", "path": f"{values}/0"})


def mutate(version, text, *flags):
    """What `mutate` predicts for one document: (document or None if denied, what it says)."""
    done = subprocess.run([BINARY, "mutate", "-f", "-", "-o", "json", "--kube-version", version, *map(str, flags)],
                          input=text, capture_output=True, text=True, timeout=60, check=False)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr

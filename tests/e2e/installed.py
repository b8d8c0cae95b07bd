"""The webhook as its users install it, called by a real API server on loopback."""

import base64
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/integration"))

from webhook_server import BINARY, WebhookServer  # noqa: E402  (needs the path above)

NAME = "code-executor-webhook"

KUSTOMIZATION = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [{base}]
patches:
  - target: {{kind: MutatingWebhookConfiguration}}
    patch: '[{{"op": "replace", "path": "/webhooks/0/clientConfig", "value": {{"url": "{url}"}}}}]'
"""


def apply_base(plane, directory, url=None):
    """`kubectl apply -k manifests/base`, with the Service turned into `url` if there is one."""
    base = ROOT / "manifests/base"
    if not url:
        return plane.kubectl("apply", "-k", base)
    directory.mkdir(exist_ok=True)
    relative = os.path.relpath(base, directory.resolve())
    (directory / "kustomization.yaml").write_text(KUSTOMIZATION.format(base=relative, url=url))
    return plane.kubectl("apply", "-k", directory)


def install_certificate(plane, directory):
    """components/self-signed/install, and the pair as a kubelet mounts it. The script's certificate is for
    the Service; on loopback it has to name the address, too."""
    keys = directory / "keys"
    keys.mkdir(exist_ok=True)
    wrapper = directory / "with-loopback"
    wrapper.write_text(f'#!/bin/sh\nexec "{BINARY}" "$@" --ip 127.0.0.1\n')
    wrapper.chmod(0o755)
    subprocess.run(
        [ROOT / "manifests/components/self-signed/install", "--kubeconfig", plane.kubeconfig], check=True,
        capture_output=True,
        env={**os.environ, "WEBHOOK_BINARY": str(wrapper), "PATH": f"{plane.assets}:{os.environ['PATH']}"})
    secret = plane.get_json("secret", "-n", NAME, f"{NAME}-tls")
    for name, data in secret["data"].items():
        (keys / name).write_bytes(base64.b64decode(data))
    configuration = plane.get_json("mutatingwebhookconfiguration", NAME)
    bundle = configuration["webhooks"][0]["clientConfig"]["caBundle"]
    (keys / "ca.crt").write_bytes(base64.b64decode(bundle))
    return keys


def install(plane, directory, *flags):
    """The whole way: manifests, certificate, and the program, which asks the API server for its version by
    the service account of the manifests. Returns the running WebhookServer."""
    directory.mkdir(exist_ok=True)
    apply_base(plane, directory)
    keys = install_certificate(plane, directory)
    token = plane.kubectl("create", "token", NAME, "-n", NAME).stdout.strip()
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(plane.kubeconfig_for(token, NAME))
    server = WebhookServer(keys, "--kubeconfig", kubeconfig, *flags, version=None)
    apply_base(plane, directory / "kustomization", f"https://127.0.0.1:{server.port}/mutate")
    return server


def mutate(version, text, *flags):
    """What `mutate` predicts for one document: (document or None if denied, what it says)."""
    done = subprocess.run([BINARY, "mutate", "-f", "-", "-o", "json", "--kube-version", version, *map(str, flags)],
                          input=text, capture_output=True, text=True, timeout=60, check=False)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr

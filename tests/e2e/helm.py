"""Helm and our chart, on a control plane."""

import json
import os
import subprocess

import pytest

from installed import ROOT

CHART = ROOT / "manifests/chart"


class Helm:
    """One of Helm's releases, talking to a control plane."""

    def __init__(self, tool, plane, directory):
        found = subprocess.run([ROOT / "scripts/go-tool", tool], capture_output=True, text=True, check=False)
        if found.returncode == 77:
            pytest.skip(found.stderr.strip().splitlines()[-1])
        assert found.returncode == 0, found.stderr
        self.program, self.plane, self.directory = found.stdout.strip(), plane, directory
        # Helm 4 applies by the server, which is told of whoever changed a field; the tests turn the Service to loopback.
        self.forced = ["--force-conflicts"] if tool == "helm" else []

    def __call__(self, *arguments, values=None):
        environment = {**os.environ, "KUBECONFIG": str(self.plane.kubeconfig), "HOME": str(self.directory)}
        done = subprocess.run([self.program, *map(str, arguments), *(["-f", "-"] if values else [])],
                              input=json.dumps(values) if values else None, env=environment, capture_output=True,
                              text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def package(self, chart, version):
        self("package", chart, "--version", version, "--app-version", version, "--destination", self.directory)
        return next(self.directory.glob(f"*-{version}.tgz"))

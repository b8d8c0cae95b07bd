"""Every object against the schemas of the Kubernetes API, strictly: an unknown field is an error.

Needs kubernetes-validate, which has the schemas in it; installed once, under BUILD_DIR.
"""

import os
import pathlib
import subprocess
import sys

import pytest
import yaml

from tree import FILES, MANIFESTS

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")
OTHERS = ("cert-manager.io/", "monitoring.coreos.com/")  # resources that Kubernetes itself does not know
VERSIONS = ("1.30", "1.33", "1.37")


@pytest.fixture(name="validate", scope="module")
def install_validator():
    environment = pathlib.Path(os.environ["BUILD_DIR"]) / "kubernetes-validate"
    stamp = environment / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", environment], check=True)
        done = subprocess.run([environment / "bin/pip", "install", "-q", "--retries", "1", "-r", REQUIREMENTS],
                              capture_output=True, text=True, timeout=300, check=False)
        if done.returncode != 0:
            pytest.skip(f"kubernetes-validate cannot be installed: {done.stderr.strip().splitlines()[-1]}")
        stamp.write_text(REQUIREMENTS.read_text())
    return lambda *arguments: subprocess.run(
        [environment / "bin/kubernetes-validate", *map(str, arguments)], capture_output=True, text=True, check=False)


def count_native(path):
    return sum(1 for each in yaml.safe_load_all(path.read_text())
               if each and not each["apiVersion"].startswith(OTHERS))


@pytest.mark.parametrize("version", VERSIONS)
def test_objects_satisfy_their_schemas(validate, version):
    knows_mutating_policies = int(version.split(".")[1]) >= 36
    files = [path for path in FILES if count_native(path)
             and (knows_mutating_policies or "kind: MutatingAdmissionPolicy\n" not in path.read_text())]
    done = validate("--strict", "-k", version, *files)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" passed for resource ") == sum(map(count_native, files))


def test_a_field_that_does_not_exist_is_an_error(validate, tmp_path):
    text = (MANIFESTS / "base/service.yaml").read_text()
    (tmp_path / "service.yaml").write_text(text.replace("targetPort:", "targetport:"))
    assert "'targetport' was unexpected" in validate("--strict", tmp_path / "service.yaml").stdout

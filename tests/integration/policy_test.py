"""`policy`: what it prints for the configurations in tests/golden/policy, and what it refuses."""

import os
import pathlib
import subprocess

import pytest
import yaml

from webhook_server import BINARY

ROOT = pathlib.Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/policy"
PROFILE = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}'
OVERLAY = ROOT / "manifests/overlays/policy/policies.yaml"


def policy(*arguments):
    return subprocess.run([BINARY, "policy", *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          check=False)


def matches(file, text):
    if os.environ.get("REFRESH_GOLDEN"):
        file.write_text(text)
    assert file.exists() and file.read_text() == text, f"{file}: differs (REFRESH_GOLDEN=1 writes it anew)"


@pytest.mark.parametrize("name", sorted(each.name for each in GOLDEN.iterdir()))
def test_configurations(tmp_path, name):
    (tmp_path / "profile.json").write_text(PROFILE)
    done = policy("--config", GOLDEN / name / "config.yaml", "--profile", tmp_path / "profile.json")
    assert done.returncode == 0, done.stderr
    matches(GOLDEN / name / "want.yaml", done.stdout)


def test_the_overlay_is_what_is_printed_by_default():
    matches(OVERLAY, policy("-o", "yaml").stdout)


def objects(text):
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}


def test_all_that_it_takes_is_printed():
    found = objects(policy().stdout)
    assert list(found) == [
        ("MutatingAdmissionPolicy", "code-executor-webhook"),
        ("MutatingAdmissionPolicyBinding", "code-executor-webhook"),
        ("ValidatingAdmissionPolicy", "code-executor-webhook-denials"),
        ("ValidatingAdmissionPolicyBinding", "code-executor-webhook-denials"),
        ("ValidatingAdmissionPolicy", "code-executor-webhook-warnings"),
        ("ValidatingAdmissionPolicyBinding", "code-executor-webhook-warnings"),
        ("ValidatingAdmissionPolicy", "code-executor-webhook-final-state"),
        ("ValidatingAdmissionPolicyBinding", "code-executor-webhook-final-state")]


def test_the_output_is_ascii_whatever_the_profile_holds(tmp_path):
    (tmp_path / "config.yaml").write_text("sandbox: {seccomp: {delivery: annotation}}")
    hostile = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[],"comment":"\N{SNOWMAN}\N{GRINNING FACE} \' \\" \\\\ \\n {{ }} $(A) \u2028"}'
    (tmp_path / "profile.json").write_text(hostile)
    done = policy("--config", tmp_path / "config.yaml", "--profile", tmp_path / "profile.json")
    assert done.returncode == 0 and done.stdout.isascii(), done.stderr
    param = policy("--config", tmp_path / "config.yaml", "--profile", tmp_path / "profile.json", "--param", "-n", "retool")
    config_map = next(each for (kind, _), each in objects(param.stdout).items() if kind == "ConfigMap")
    assert config_map["data"] == {"nsjail-seccomp.json": hostile}
    assert config_map["metadata"]["namespace"] == "retool"
    printed = subprocess.run([BINARY, "profile", "--config", tmp_path / "config.yaml", "--profile",
                              tmp_path / "profile.json", "-o", "configmap", "-n", "retool"], capture_output=True, check=True)
    assert yaml.safe_load(printed.stdout)["metadata"]["name"] == config_map["metadata"]["name"]


def test_a_profile_that_is_too_long_for_an_expression(tmp_path):
    (tmp_path / "config.yaml").write_text("sandbox: {seccomp: {delivery: annotation}}")
    (tmp_path / "profile.json").write_text(PROFILE[:-1] + ',"comment":"' + "x" * 100_000 + '"}')
    flags = ["--config", tmp_path / "config.yaml", "--profile", tmp_path / "profile.json"]
    done = policy(*flags)
    assert done.returncode == 1 and not done.stdout
    assert "expected at most 100000: put the profile into a ConfigMap with --param" in done.stderr
    assert policy(*flags, "--param").returncode == 0


@pytest.mark.parametrize(("config", "what"), [
    ("sandbox: {nodeFallback: deny}", "sandbox.nodeFallback: a policy sees no nodes (expected sandbox)"),
    ("sandbox: {minimumKubernetesVersion: '1.37'}", "sandbox.minimumKubernetesVersion: 1.37 (expected at most 1.36"),
])
def test_what_a_policy_cannot_do_is_refused(tmp_path, config, what):
    (tmp_path / "config.yaml").write_text(config)
    done = policy("--config", tmp_path / "config.yaml")
    assert done.returncode == 1 and not done.stdout and what in done.stderr


def test_wrong_usage():
    assert policy("-o", "json").returncode == 2
    assert policy("-n", "retool").returncode == 2  # without --param
    done = policy("--param")
    assert done.returncode == 1 and "expected sandbox.seccomp.delivery: annotation" in done.stderr

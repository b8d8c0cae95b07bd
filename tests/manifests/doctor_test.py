"""manifests/doctor: what it may do, that it agrees with the webhook's own manifests, and, where this machine
has an OCI runtime, a run of its container as a node would run it."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import yaml

from tree import CONFIG, KUSTOMIZATION, MANIFESTS, PAGES, ROOT, leaves, one

sys.path.append(str(ROOT / "tests/sandbox"))
import machine  # noqa: E402
import oci  # noqa: E402

FOLDER = MANIFESTS / "doctor"
DAEMON_SET = one("DaemonSet", FOLDER)["spec"]
POD = DAEMON_SET["template"]["spec"]
(DOCTOR,), (PAUSE,) = POD["initContainers"], POD["containers"]
BINARY = os.environ["WEBHOOK_BINARY"]


def test_it_agrees_with_the_base():
    kustomization = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
    assert kustomization["images"] == KUSTOMIZATION["images"]
    config = leaves(yaml.safe_load((FOLDER / "config.yaml").read_text()))
    assert config and config.items() <= leaves(CONFIG).items()
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in DOCTOR["volumeMounts"]}
    assert config["sandbox.seccomp.kubeletSeccompDir"] == volumes["seccomp"]["hostPath"]["path"] == mounts["seccomp"]
    assert volumes["config"]["configMap"]["name"] == kustomization["configMapGenerator"][0]["name"]
    assert "kubectl apply -k manifests/doctor" in PAGES["operations"]


def test_selector_and_policy_select_its_pods():
    labels = DAEMON_SET["template"]["metadata"]["labels"]
    assert DAEMON_SET["selector"]["matchLabels"] == labels
    policy = one("NetworkPolicy", FOLDER)["spec"]
    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    namespace = one("Namespace", FOLDER)["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    assert "telemetry.retool.com/service-name" not in labels  # nor is it a code-executor pod


def test_it_has_no_more_privileges_than_it_says():
    assert POD["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert POD["securityContext"] == {"seccompProfile": {"type": "RuntimeDefault"}}
    context = DOCTOR["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], "add": ["SYS_ADMIN", "SETUID", "SETGID"]}
    assert PAUSE["securityContext"]["capabilities"] == {"drop": ["ALL"]} and "volumeMounts" not in PAUSE
    for container in (DOCTOR, PAUSE):
        context = container["securityContext"]
        assert not context["privileged"] and not context["allowPrivilegeEscalation"]
        assert context["readOnlyRootFilesystem"]
        assert container["resources"]["requests"].keys() == container["resources"]["limits"].keys() == {"cpu", "memory"}


def test_of_the_host_it_has_one_directory_read_only():
    assert all(mount["readOnly"] and "mountPropagation" not in mount for mount in DOCTOR["volumeMounts"])
    host = [volume["hostPath"] for volume in POD["volumes"] if "hostPath" in volume]
    assert host == [{"path": "/var/lib/kubelet/seccomp", "type": "DirectoryOrCreate"}]
    assert len(POD["volumes"]) == 2 and "configMap" in POD["volumes"][0]


def test_its_arguments_are_flags_of_the_command():
    command, *flags = DOCTOR["args"]
    help_text = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=True).stdout
    assert flags and all(f"  {flag.split('=')[0]} " in help_text for flag in flags)


def to_bundle(directory, seccomp):
    """The container as containerd runs it: of the image, this machine's root stands in for it."""
    directory.mkdir()
    root = directory / "rootfs"
    root.mkdir()
    sources = {volume["name"]: volume["hostPath"]["path"] for volume in POD["volumes"] if "hostPath" in volume}
    sources |= {"seccomp": str(seccomp), "config": str(FOLDER)}
    mounts = [*oci.standard_mounts(), *(
        {"destination": path, "type": "bind", "source": path, "options": ["rbind", "ro"]}
        for path in ("/usr", "/lib", "/lib64")), {
        "destination": "/webhook", "type": "bind", "source": BINARY, "options": ["bind", "ro"]}]
    for mount in DOCTOR["volumeMounts"]:
        options = ["rbind", "rprivate", "ro", *(["rro"] if "recursiveReadOnly" in mount else [])]
        mounts.append({"destination": mount["mountPath"], "type": "bind", "source": sources[mount["name"]],
                       "options": options})
    context = DOCTOR["securityContext"]
    capabilities = oci.to_capabilities(context)
    process = oci.to_process(DOCTOR, context, POD["securityContext"], capabilities)
    process["args"] = ["/webhook", *DOCTOR["args"], "-o", "json"]
    process["env"].append("ASAN_OPTIONS=detect_leaks=0")
    (directory / "config.json").write_text(json.dumps({
        "ociVersion": "1.0.2", "process": process, "root": {"path": str(root), "readonly": True},
        "hostname": "doctor", "mounts": mounts,
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network", "cgroup")],
                  "maskedPaths": oci.MASKED_PATHS, "readonlyPaths": oci.READ_ONLY_PATHS,
                  "seccomp": oci.to_seccomp(None, context, POD["securityContext"], capabilities)}}))


@pytest.mark.skipif(bool(machine.reason_to_skip()), reason=machine.reason_to_skip())
def test_its_privileges_are_enough_for_every_check(tmp_path):
    seccomp = tmp_path / "seccomp"
    seccomp.mkdir()
    name = f"nsjail-seccomp-{hashlib.sha256(b'a profile').hexdigest()}.json"
    (seccomp / name).write_text("a profile")
    to_bundle(tmp_path / "bundle", seccomp)
    done = subprocess.run(
        [*machine.PRIVATE_MOUNTS, "crun", "--cgroup-manager=disabled", "--root", tmp_path / "state", "run",
         "--bundle", tmp_path / "bundle", f"doctor-{os.getpid()}"],
        capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    found = {each["id"]: each for each in json.loads(done.stdout)["checks"]}
    for check in ("idmap-tmpfs", "idmap-kubelet", "user-namespaces", "max-user-namespaces", "unprivileged-userns-clone",
                  "apparmor-userns", "apparmor", "selinux", "seccomp", "profile-files"):
        assert found[check]["status"] == "pass", found[check]
    assert found["kernel"]["found"] == os.uname().release
    assert found["idmap-kubelet"]["found"].startswith("/var/lib/kubelet/seccomp: ")
    assert found["profile-files"]["meaning"].endswith(name)
    assert [path.name for path in seccomp.iterdir()] == [name]

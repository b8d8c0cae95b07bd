"""Negative controls: with one part of the sandbox taken away, each must fail in its own way."""

import copy
import os

import checks_jail
import checks_refused
from proof import describe, expect


def _without(pod, **changes):
    pod = copy.deepcopy(pod)
    (container,) = pod["spec"]["containers"]
    for key, value in changes.items():
        if value is None:
            del container["securityContext"][key]
        else:
            container["securityContext"][key] = value
    return pod


def no_mapped_mounts(proof):
    pod = proof.mutated()
    result = proof.install(proof.node(maps_mounts=False), pod)
    expect(result.returncode != 0, describe(result))
    expect("id-mapped mounts" in result.stderr, describe(result))


def masked_proc(proof):
    node, pod = proof.ready()
    result = proof.execute(node, _without(pod, procMount=None), *checks_jail.BWRAP, "true")
    expect(result.returncode != 0, "the jail starts")
    expect("Can't mount proc" in result.stderr, describe(result))


def runtime_default(proof):
    node, pod = proof.ready()
    pod = _without(pod, seccompProfile={"type": "RuntimeDefault"})
    result = proof.execute(node, pod, *checks_jail.BWRAP, "true")
    expect(result.returncode != 0, "the jail starts")
    expect("Can't set hostname" in result.stderr, describe(result))


def _assert_not_created(proof, node, pod, reason):
    try:
        proof.execute(node, pod, "true")
    except RuntimeError as error:
        expect(reason in str(error), str(error))
        return
    expect(False, "the container starts")


def no_init_container(proof):
    pod = copy.deepcopy(proof.mutated())
    del pod["spec"]["initContainers"]
    _assert_not_created(proof, proof.node(), pod, "cannot load seccomp profile")


def truncated_profile(proof):
    node, pod = proof.ready()
    os.truncate(proof.installed(node, pod), 4000)
    _assert_not_created(proof, node, pod, "decoding seccomp profile failed")


def escalation(proof):
    node, pod = proof.ready()
    result = proof.execute(node, _without(pod, allowPrivilegeEscalation=None), "sh", "-c", checks_jail.SETUID)
    expect(result.stdout.strip() == "0", describe(result))


CHECKS = [
    ("Without id-mapped mounts the init container fails, and says what the node lacks", no_mapped_mounts),
    ("With the runtime's masked /proc the jail fails: Can't mount proc", masked_proc),
    ("With the runtime's default profile the jail fails: Can't set hostname", runtime_default),
    ("Without the init container the target is not created: there is no profile", no_init_container),
    ("With a truncated profile the target is not created", truncated_profile),
    ("With privilege escalation allowed, the setuid-root binary does become root", escalation),
    ("With no profile the kernel answers the refused calls otherwise", checks_refused.not_without_profile),
]

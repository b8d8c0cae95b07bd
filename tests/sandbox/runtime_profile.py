"""Seccomp profiles as a CRI runtime hands them to the OCI runtime."""

import json

# What Debian packages of a runtime's own default profile: the one of podman and CRI-O.
DEFAULT_PROFILE = "/usr/share/containers/seccomp.json"

# The members of specs.LinuxSeccomp (opencontainers/runtime-spec, specs-go/config.go).
PROFILE_MEMBERS = ("defaultAction", "defaultErrnoRet", "architectures", "flags", "syscalls")
SYSCALL_MEMBERS = ("names", "action", "errnoRet", "args")


def _only(members, value):
    return {key: value[key] for key in members if value.get(key) is not None}


def load_localhost_profile(path):
    """Reads a Localhost profile as containerd does: unmarshalled into specs.LinuxSeccomp, so that
    members this type does not have are ignored (containerd, contrib/seccomp, WithProfile)."""
    try:
        with open(path, encoding="utf-8") as file:
            profile = json.load(file)
    except OSError as error:
        raise RuntimeError(f'cannot load seccomp profile "{path}": {error.strerror}') from error
    except ValueError as error:
        raise RuntimeError(f'decoding seccomp profile failed "{path}": {error}') from error
    seccomp = _only(PROFILE_MEMBERS, profile)
    seccomp["syscalls"] = [_only(SYSCALL_MEMBERS, group) for group in profile["syscalls"]]
    return seccomp


def load_runtime_default(capabilities):
    """The runtime's default profile for a container with these capabilities: groups are kept by
    their conditions (containers/common, pkg/seccomp, setupSeccomp)."""
    with open(DEFAULT_PROFILE, encoding="utf-8") as file:
        profile = json.load(file)

    def applies(group):
        includes, excludes = group.get("includes") or {}, group.get("excludes") or {}
        return (
            set(includes.get("caps") or []) <= set(capabilities)
            and "amd64" in (includes.get("arches") or ["amd64"])
            and not set(excludes.get("caps") or []) & set(capabilities)
            and "amd64" not in (excludes.get("arches") or [])
        )

    seccomp = _only(PROFILE_MEMBERS, profile)
    seccomp["syscalls"] = [_only(SYSCALL_MEMBERS, g) for g in profile["syscalls"] if applies(g)]
    seccomp["architectures"] = [
        name
        for entry in profile["archMap"]
        if entry["architecture"] == "SCMP_ARCH_X86_64"
        for name in [entry["architecture"], *entry["subArchitectures"]]
    ]
    return seccomp

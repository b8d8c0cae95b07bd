"""Turns a container of a pod into an OCI bundle, as kubelet and containerd do together.

It reads the pod and nothing else. Fields that it does not know are refused, never skipped: what the
webhook injects has an effect here, or the run fails. A privileged container gets no device of the machine's.
"""

import ctypes
import json
import os

import runtime_profile

# The first host uid and gid of a pod with its own user namespace, and how many it gets.
USER_NAMESPACE = (100000, 65536)

# containerd, pkg/oci/spec.go, defaultUnixCaps.
DEFAULT_CAPABILITIES = [
    f"CAP_{name}"
    for name in "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
    "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE".split()
]

# containerd, pkg/oci/spec.go, populateDefaultUnixSpec.
MASKED_PATHS = [
    f"/proc/{name}"
    for name in "acpi asound kcore keys latency_stats timer_list timer_stats sched_debug scsi".split()
] + ["/sys/firmware", "/sys/devices/virtual/powercap"]
READ_ONLY_PATHS = [f"/proc/{name}" for name in "bus fs irq sys sysrq-trigger".split()]

KNOWN_CONTAINER = set(
    "name image command args env workingDir resources securityContext volumeMounts".split()
)
KNOWN_CONTEXT = set(
    "allowPrivilegeEscalation appArmorProfile capabilities privileged procMount readOnlyRootFilesystem runAsGroup "
    "runAsNonRoot runAsUser seccompProfile".split()
)
KNOWN_POD = set("containers hostUsers initContainers restartPolicy securityContext volumes".split())
KNOWN_POD_CONTEXT = set("runAsGroup runAsNonRoot runAsUser seccompProfile".split())


def _refuse_unknown(value, known, where):
    if unknown := set(value) - known:
        raise NotImplementedError(f"{where}: {', '.join(sorted(unknown))}")


class Node:
    """The part of a node that pods see: its root directory, and whether it can map mounts."""

    def __init__(self, root, config_maps, maps_mounts=True):
        self.root = root
        self.config_maps = config_maps
        self.maps_mounts = maps_mounts

    def path(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def kubelet(self, pod, path):
        """Where the kubelet keeps what it makes for a pod."""
        return self.path(f"/var/lib/kubelet/pods/{pod['metadata']['name']}/{path}")


def _write_projected(directory, files):
    """Writes the files of a volume as the kubelet's atomic writer does: behind two links."""
    data = os.path.join(directory, "..2026_01_01")
    os.makedirs(data, exist_ok=True)
    for name, text in files.items():
        with open(os.path.join(data, name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(os.path.join(data, name), 0o644)
        if not os.path.islink(os.path.join(directory, name)):
            os.symlink(os.path.join("..data", name), os.path.join(directory, name))
    if not os.path.islink(os.path.join(directory, "..data")):
        os.symlink("..2026_01_01", os.path.join(directory, "..data"))
    return directory


def _read_field(pod, field):
    prefix, _, rest = field.partition("['")
    if prefix != "metadata.annotations" or not rest.endswith("']"):
        raise NotImplementedError(f"fieldPath {field}")
    return pod["metadata"]["annotations"][rest[:-2]]


def make_volume(node, pod, volume):
    """Makes a volume on the node as the kubelet does, and returns its directory."""
    (kind,) = set(volume) - {"name"}
    source = volume[kind]
    directory = node.kubelet(pod, f"volumes/{volume['name']}")
    if kind == "hostPath":
        if source.get("type") != "DirectoryOrCreate":
            raise NotImplementedError(f"hostPath type {source.get('type')}")
        os.makedirs(node.path(source["path"]), mode=0o755, exist_ok=True)
        return node.path(source["path"])
    if kind == "configMap":
        return _write_projected(directory, node.config_maps[source["name"]])
    if kind == "downwardAPI":
        files = {i["path"]: _read_field(pod, i["fieldRef"]["fieldPath"]) for i in source["items"]}
        return _write_projected(directory, files)
    raise NotImplementedError(f"volume {kind}")


def current_capabilities():
    """Those of this process, which is what containerd gives to privileged containers: oci.WithAllCurrentCapabilities."""
    with open("/proc/self/status", encoding="utf-8") as file:
        effective = int(next(line for line in file if line.startswith("CapEff:")).split()[1], 16)
    library = ctypes.CDLL("libcap.so.2")
    library.cap_to_name.restype = ctypes.c_char_p
    return [library.cap_to_name(bit).decode().upper() for bit in range(64) if effective >> bit & 1]


def to_capabilities(context):
    if context.get("privileged"):
        return current_capabilities()
    asked = context.get("capabilities") or {}
    add, drop = asked.get("add") or [], asked.get("drop") or []
    if "ALL" in add:
        raise NotImplementedError("capabilities.add: ALL")
    names = [] if "ALL" in drop else list(DEFAULT_CAPABILITIES)
    names += [f"CAP_{name}" for name in add if f"CAP_{name}" not in names]
    return [name for name in names if name[len("CAP_") :] not in drop]


def to_seccomp(node, context, pod_context, capabilities):
    profile = context.get("seccompProfile") or pod_context.get("seccompProfile")
    kind = profile["type"] if profile else "Unconfined"
    if kind == "Localhost":
        root = node.path("/var/lib/kubelet/seccomp")
        return runtime_profile.load_localhost_profile(os.path.join(root, profile["localhostProfile"]))
    if kind == "RuntimeDefault":
        return runtime_profile.load_runtime_default(capabilities)
    return None


def to_process(container, context, pod_context, capabilities):
    uid = context.get("runAsUser", pod_context.get("runAsUser", 0))
    gid = context.get("runAsGroup", pod_context.get("runAsGroup", 0))
    if context.get("runAsNonRoot", pod_context.get("runAsNonRoot", False)) and uid == 0:
        raise RuntimeError("container has runAsNonRoot and image will run as root")
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {
        "user": {"uid": uid, "gid": gid},
        "args": container.get("command", []) + container.get("args", []),
        "env": [path] + [f"{e['name']}={e['value']}" for e in container.get("env", [])],
        "cwd": container.get("workingDir", "/"),
        "noNewPrivileges": context.get("allowPrivilegeEscalation") is False,
        "capabilities": {
            "bounding": capabilities,
            "permitted": capabilities if uid == 0 else [],
            "effective": capabilities if uid == 0 else [],
        },
    }


def _mount(destination, kind, source, *options):
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def standard_mounts():
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount("/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ]


def volume_mounts(node, pod, container, is_mapped):
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        source = make_volume(node, pod, volumes[mount["name"]])
        options = ["rbind", "rprivate", "ro" if mount.get("readOnly") else "rw"]
        if is_mapped and node.maps_mounts:
            options.append("idmap")
        yield _mount(mount["mountPath"], "bind", source, *options)


def _namespaces(has_users):
    kinds = ["pid", "ipc", "uts", "mount", "network", "cgroup"] + ["user"] * has_users
    return [{"type": kind} for kind in kinds]


def to_bundle(node, pod, container, rootfs):
    """The config.json of `container`, to run on the image unpacked at `rootfs`. Makes the pod's
    volumes on the way. Raises what a node would show as the reason for CreateContainerError."""
    spec = pod["spec"]
    context = container.get("securityContext") or {}
    pod_context = spec.get("securityContext") or {}
    _refuse_unknown(spec, KNOWN_POD, "spec")
    _refuse_unknown(container, KNOWN_CONTAINER, container["name"])
    _refuse_unknown(context, KNOWN_CONTEXT, f"{container['name']}.securityContext")
    _refuse_unknown(pod_context, KNOWN_POD_CONTEXT, "spec.securityContext")

    capabilities = to_capabilities(context)
    has_users = spec.get("hostUsers") is False
    mounts = standard_mounts() + list(volume_mounts(node, pod, container, has_users))
    linux = {"namespaces": _namespaces(has_users)}
    if has_users:
        first, size = USER_NAMESPACE
        mapping = [{"containerID": 0, "hostID": first, "size": size}]
        linux |= {"uidMappings": mapping, "gidMappings": mapping}
    if context.get("procMount", "Default") == "Default" and not context.get("privileged"):
        linux |= {"maskedPaths": MASKED_PATHS, "readonlyPaths": READ_ONLY_PATHS}
    if seccomp := to_seccomp(node, context, pod_context, capabilities):
        linux["seccomp"] = seccomp
    return {
        "ociVersion": "1.0.2",
        "process": to_process(container, context, pod_context, capabilities),
        "root": {"path": rootfs, "readonly": context.get("readOnlyRootFilesystem", False)},
        "hostname": pod["metadata"]["name"],
        "mounts": mounts,
        "linux": linux,
    }


def write_bundle(directory, config):
    os.makedirs(directory, exist_ok=True)
    with open(os.path.join(directory, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file, indent=1)

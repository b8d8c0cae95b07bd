"""containerd and the kubelet of a node, on this machine: to run in the namespaces that `isolate` makes.

The programs, and what they write, are the caller's to name. The node's address is 10.90.0.1, pods get 10.91.0.0/24.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from control_plane import Process, wait_until  # noqa: E402  (needs the path above)

ADDRESS = "10.90.0.1"
KUBELET = pathlib.Path("/var/lib/kubelet")
PROFILES = KUBELET / "seccomp/profiles"
SOCKET = "unix:///run/containerd/containerd.sock"
# A kubelet sets these at its start, for the whole machine.
SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
           "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")

CONTAINERD = """
version = {version}
root = "{state}/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.internal.v1.opt']
  path = "{state}/opt"
"""
CRI = """\
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "node.test/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true  # root may be without CAP_SYS_RESOURCE
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{cni}"]
    conf_dir = "{state}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "{default}"
"""
# As containerd 1.7 reads it, and 2.0, which knows no bin_dirs.
CRI_OF_OLD = """\
[plugins.'io.containerd.grpc.v1.cri']
  sandbox_image = "node.test/pause:1"
  restrict_oom_score_adj = true
  [plugins.'io.containerd.grpc.v1.cri'.cni]
    bin_dir = "{cni}"
    conf_dir = "{state}/cni"
  [plugins.'io.containerd.grpc.v1.cri'.containerd]
    default_runtime_name = "{default}"
"""
RUNTIME = """
    [plugins.'{plugin}'.containerd.runtimes.{name}]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'{plugin}'.containerd.runtimes.{name}.options]
        BinaryName = "{program}"
"""
PODS_NETWORK = {
    "cniVersion": "1.0.0", "name": "pods", "plugins": [{
        "type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True,
        "ipam": {"type": "host-local", "dataDir": "/run/cni", "ranges": [[{"subnet": "10.91.0.0/24"}]],
                 "routes": [{"dst": "0.0.0.0/0"}]}}]}
KUBELET_CONFIGURATION = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
    "failCgroupV1": False, "failSwapOn": False, "cgroupDriver": "cgroupfs", "oomScoreAdj": 0,
    "containerRuntimeEndpoint": SOCKET, "address": ADDRESS,
    # The network is nobody else's.
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    # The machine's disk may be rather full.
    "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
    "imageGCHighThresholdPercent": 100,
    "clusterDNS": ["10.0.0.10"],  # there is none: nobody asks
    # How long a changed Secret or ConfigMap takes, at most.
    "syncFrequency": "5s",
}


def kill(process):
    """Ends a Process as a crash does."""
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()


class Daemons:
    """`kubelet_program` is a file, `containerd_programs` a directory with shim and ctr, too; `runtimes` has OCI runtimes by
    their names, the default one first; CNI plugins and crictl are in `tools`."""

    def __init__(self, state, tools, kubelet_program, containerd_programs, runtimes):
        self.state = state
        self.tools = pathlib.Path(tools)
        self.kubelet_program = pathlib.Path(kubelet_program)
        self.containerd_programs = pathlib.Path(containerd_programs)
        self.runtimes = dict(runtimes)
        self.containerd = self.kubelet = None

    def configure(self, **kubelet):
        """Writes the configurations, with more settings for the kubelet, and makes the programs those of this process."""
        os.environ["PATH"] = f"{self.containerd_programs}:{self.tools}:{os.environ['PATH']}:/usr/sbin:/sbin"
        os.environ["CONTAINER_RUNTIME_ENDPOINT"] = SOCKET
        (self.state / "cni").mkdir(parents=True, exist_ok=True)
        (self.state / "resolv.conf").write_text("")
        (self.state / "cni/10-pods.conflist").write_text(json.dumps(PODS_NETWORK))
        (self.state / "kubelet.json").write_text(json.dumps({
            **KUBELET_CONFIGURATION, "resolvConf": str(self.state / "resolv.conf"),
            "volumePluginDir": str(self.state / "volume-plugins"), **kubelet}))
        said = self.run(self.containerd_programs / "containerd", "--version").stdout
        of_old = tuple(map(int, re.search(r" v(\d+)\.(\d+)\.", said).groups())) < (2, 1)
        version, cri, plugin = ((2, CRI_OF_OLD, "io.containerd.grpc.v1.cri") if of_old else
                                (3, CRI, "io.containerd.cri.v1.runtime"))
        text = (CONTAINERD + cri).format(version=version, state=self.state, cni=self.tools / "cni",
                                         default=next(iter(self.runtimes)))
        text += "".join(RUNTIME.format(plugin=plugin, name=name, program=path) for name, path in self.runtimes.items())
        (self.state / "containerd.toml").write_text(text)

    def start_containerd(self):
        self.containerd = Process(self.state, [
            self.containerd_programs / "containerd", "--config", self.state / "containerd.toml"])
        wait_until(lambda: self.containerd.check() or self.run("ctr", "version", code=None).returncode == 0,
                   "containerd answers")

    def import_images(self, images):
        for image in sorted(images.glob("*.tar")):
            self.run("ctr", "-n", "k8s.io", "images", "import", image)

    def start_kubelet(self, *flags):
        """Starts the kubelet, and waits until it is healthy. What it sets for the whole machine is the caller's to restore."""
        self.kubelet = Process(self.state, [
            self.kubelet_program, "--config", self.state / "kubelet.json", "--hostname-override", "node", "--node-ip", ADDRESS,
            *flags])
        wait_until(lambda: self.kubelet.check() or self._is_healthy(), "the kubelet is healthy")

    @staticmethod
    @contextlib.contextmanager
    def sysctls_kept():
        before = {name: pathlib.Path("/proc/sys", name).read_text() for name in SYSCTLS}
        yield
        for name, value in before.items():
            pathlib.Path("/proc/sys", name).write_text(value)

    @staticmethod
    def _is_healthy():
        try:
            with urllib.request.urlopen("http://127.0.0.1:10248/healthz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    @staticmethod
    def run(*command, code=0):
        """A finished program on the node; fails unless it exits with `code` (None: whatever it says)."""
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120, check=False)
        if code is not None and done.returncode != code:
            raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr}")
        return done

    def container(self, namespace, pod, name="code-executor"):
        """The id of a container that runs."""
        sandbox = self.run("crictl", "pods", "-q", "--state", "ready", "--namespace", namespace, "--name", f"^{pod}$")
        return self.run("crictl", "ps", "-q", "--name", f"^{name}$", "--pod", sandbox.stdout.strip()).stdout.strip()

    def pid_of(self, namespace, pod, container="code-executor"):
        """The first process of a container, by its id on the node."""
        found = self.container(namespace, pod, container)
        return json.loads(self.run("crictl", "inspect", found).stdout)["info"]["pid"]

    @staticmethod
    def _processes_of_pods():
        return [int(pid) for directory, _, files in os.walk("/sys/fs/cgroup") if "kubepods" in directory
                for pid in pathlib.Path(directory, "cgroup.procs").read_text().split() if "cgroup.procs" in files]

    def lose_power(self):
        """Ends the daemons and all pods, and empties what is in memory."""
        for process in filter(None, (self.kubelet, self.containerd)):
            kill(process)
        shims = [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                 if path.read_text(errors="replace").startswith(f"{self.containerd_programs}/containerd-shim")]
        for pid in {*shims, *self._processes_of_pods()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self._processes_of_pods(), "the pods' processes have ended")
        for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
            if (where := line.split()[1]).startswith(("/run/", f"{KUBELET}/pods/")):
                self.run("umount", "-l", where)
        self.run("find", "/sys/fs/cgroup", "-depth", "-path", "*/kubepods*", "-type", "d", "-exec", "rmdir", "{}", "+")
        for entry in pathlib.Path("/run").iterdir():
            self.run("rm", "-rf", entry)

"""A node with its control plane, on this machine: to run in the namespaces that `isolate` makes.

The programs, and what they write, are the caller's to name. The node's address is 10.90.0.1, pods get 10.91.0.0/24.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/e2e"))

from control_plane import ControlPlane, Process, free_port, wait_until  # noqa: E402  (needs the path above)

ADDRESS = "10.90.0.1"
KUBELET = pathlib.Path("/var/lib/kubelet")
PROFILES = KUBELET / "seccomp/profiles"
SOCKET = "unix:///run/containerd/containerd.sock"
# A kubelet sets these at its start, for the whole machine.
SYSCTLS = ("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops",
           "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes")

CONTAINERD = """
version = 3
root = "{state}/containerd"
state = "/run/containerd"
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins.'io.containerd.internal.v1.opt']
  path = "{state}/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "node.test/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true  # root may be without CAP_SYS_RESOURCE
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{programs}/cni"]
    conf_dir = "{state}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = "runc"
"""
RUNTIME = """
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}]
      runtime_type = "io.containerd.runc.v2"
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.{name}.options]
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
    # How long a changed Secret or ConfigMap takes, and a pod that fails to be tried again, at most.
    "syncFrequency": "5s", "crashLoopBackOff": {"maxContainerRestartPeriod": "4s"},
}
PROXY_CONFIGURATION = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
    "hostnameOverride": "node", "clusterCIDR": "10.91.0.0/24",
    "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    "iptables": {"minSyncPeriod": "100ms"},
}


def kill(process):
    """Ends a Process as a crash does."""
    process.process.send_signal(signal.SIGKILL)
    process.process.wait()


class Node(ControlPlane):
    """The control plane of the e2e tests, on the node's address, and the node. A context manager."""

    def __init__(self, programs, state):
        super().__init__(programs, state / "plane", flags=[
            "--bind-address=0.0.0.0", f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=lease",
            "--kubelet-preferred-address-types=InternalIP"])
        self.url = f"https://{ADDRESS}:{self.port}"  # the one that its certificate is for
        self.state = state
        self.containerd = self.kubelet = None
        self.others = []
        self.runtimes = {"runc": self.assets / "runc"}

    def __enter__(self):
        os.environ["PATH"] = f"{self.assets}:{os.environ['PATH']}:/usr/sbin:/sbin"
        os.environ["CONTAINER_RUNTIME_ENDPOINT"] = SOCKET
        try:
            super().__enter__()
            os.environ["KUBECONFIG"] = str(self.kubeconfig)
            self.start_controllers()
            self._configure()
            self.start_containerd()
            for image in sorted((self.state / "images").glob("*.tar")):
                self.run("ctr", "-n", "k8s.io", "images", "import", image)
            self.start_kubelet()
            for name, *flags in (("kube-scheduler", "--kubeconfig", self.kubeconfig, "--leader-elect=false",
                                  "--secure-port", free_port()),
                                 ("kube-proxy", "--config", self.state / "proxy.json")):
                self.others.append(Process(self.state, [self.assets / name, *flags]))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        # Containers and shims end with the first process of the namespace.
        for process in (*self.others, self.kubelet, self.containerd):
            if process:
                process.stop()
        super().__exit__()

    def _configure(self):
        (self.state / "cni").mkdir(exist_ok=True)
        (self.state / "resolv.conf").write_text("")
        for name, content in (
                ("cni/10-pods.conflist", PODS_NETWORK),
                ("kubelet.json", {**KUBELET_CONFIGURATION, "resolvConf": str(self.state / "resolv.conf"),
                                  "volumePluginDir": str(self.state / "volume-plugins")}),
                ("proxy.json", {**PROXY_CONFIGURATION, "clientConnection": {"kubeconfig": str(self.kubeconfig)}})):
            (self.state / name).write_text(json.dumps(content))
        if crun := shutil.which("crun"):
            self.runtimes["crun"] = crun
        text = CONTAINERD.format(state=self.state, programs=self.assets)
        text += "".join(RUNTIME.format(name=name, program=path) for name, path in self.runtimes.items())
        (self.state / "containerd.toml").write_text(text)

    def start_containerd(self):
        self.containerd = Process(self.state, [self.assets / "containerd", "--config", self.state / "containerd.toml"])
        wait_until(lambda: self.containerd.check() or self.run("ctr", "version", code=None).returncode == 0,
                   "containerd answers")

    def start_kubelet(self):
        """Starts the kubelet, and waits until the API server hears of it."""
        before = {name: pathlib.Path("/proc/sys", name).read_text() for name in SYSCTLS}
        beat = self.heartbeat()
        self.kubelet = Process(self.state, [
            self.assets / "kubelet", "--config", self.state / "kubelet.json", "--kubeconfig", self.kubeconfig,
            "--hostname-override", "node", "--node-ip", ADDRESS])
        wait_until(lambda: self.kubelet.check() or self._is_healthy(), "the kubelet is healthy")
        wait_until(lambda: self.heartbeat() not in (None, beat), "the node is ready, by this kubelet")
        for name, value in before.items():
            pathlib.Path("/proc/sys", name).write_text(value)

    def heartbeat(self):
        """When the kubelet last said so; None while the node is not ready."""
        try:
            status = json.loads(self.get("/api/v1/nodes/node"))["status"]
            lease = json.loads(self.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node"))
        except urllib.error.HTTPError:  # of a new cluster
            return None
        ready = {each["type"]: each["status"] for each in status.get("conditions", [])}.get("Ready")
        return lease["spec"]["renewTime"] if ready == "True" else None

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

    def pid_of(self, namespace, pod, container="code-executor"):
        """The first process of a container, by its id on the node."""
        sandbox = self.run("crictl", "pods", "-q", "--state", "ready", "--namespace", namespace, "--name", f"^{pod}$")
        found = self.run("crictl", "ps", "-q", "--name", f"^{container}$", "--pod", sandbox.stdout.strip())
        return json.loads(self.run("crictl", "inspect", found.stdout.strip()).stdout)["info"]["pid"]

    @staticmethod
    def _processes_of_pods():
        return [int(pid) for directory, _, files in os.walk("/sys/fs/cgroup") if "kubepods" in directory
                for pid in pathlib.Path(directory, "cgroup.procs").read_text().split() if "cgroup.procs" in files]

    def lose_power(self):
        """Ends all that runs on the node but the control plane, and empties what is in memory."""
        for process in (self.kubelet, self.containerd):
            kill(process)
        shims = [int(path.parent.name) for path in pathlib.Path("/proc").glob("[0-9]*/cmdline")
                 if path.read_text(errors="replace").startswith(f"{self.assets}/containerd-shim")]
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

"""A node with its control plane, on this machine: to run in the namespaces that `isolate` makes."""

import json
import os
import shutil
import urllib.error

from daemons import ADDRESS, PROFILES, ROOT, Daemons, kill
from control_plane import ControlPlane, Process, free_port, wait_until

__all__ = ["PROFILES", "ROOT", "Node", "kill", "wait_until"]  # for the tests

PROXY_CONFIGURATION = {
    "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "iptables",
    "hostnameOverride": "node", "clusterCIDR": "10.91.0.0/24",
    "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    "iptables": {"minSyncPeriod": "100ms"},
}


class Node(ControlPlane, Daemons):
    """The control plane of the e2e tests, on the node's address, and the node. A context manager."""

    def __init__(self, programs, state):
        ControlPlane.__init__(self, programs, state / "plane", flags=[
            "--bind-address=0.0.0.0", f"--advertise-address={ADDRESS}", "--endpoint-reconciler-type=lease",
            "--kubelet-preferred-address-types=InternalIP"])
        runtimes = {"runc": self.assets / "runc"}
        if crun := shutil.which("crun"):
            runtimes["crun"] = crun
        Daemons.__init__(self, state, self.assets, self.assets / "kubelet", self.assets, runtimes)
        self.url = f"https://{ADDRESS}:{self.port}"  # the one that its certificate is for
        self.others = []

    def __enter__(self):
        try:
            super().__enter__()
            os.environ["KUBECONFIG"] = str(self.kubeconfig)
            self.start_controllers()
            # A pod that fails is tried again soon.
            self.configure(crashLoopBackOff={"maxContainerRestartPeriod": "4s"})
            self.start_containerd()
            self.import_images(self.state / "images")
            self.start_kubelet()
            proxy = {**PROXY_CONFIGURATION, "clientConnection": {"kubeconfig": str(self.kubeconfig)}}
            (self.state / "proxy.json").write_text(json.dumps(proxy))
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

    def start_kubelet(self, *flags):
        """Starts the kubelet, and waits until the API server hears of it."""
        beat = self.heartbeat()
        with self.sysctls_kept():
            super().start_kubelet("--kubeconfig", self.kubeconfig, *flags)
            wait_until(lambda: self.heartbeat() not in (None, beat), "the node is ready, by this kubelet")

    def heartbeat(self):
        """When the kubelet last said so; None while the node is not ready."""
        try:
            status = json.loads(self.get("/api/v1/nodes/node"))["status"]
            lease = json.loads(self.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node"))
        except urllib.error.HTTPError:  # of a new cluster
            return None
        ready = {each["type"]: each["status"] for each in status.get("conditions", [])}.get("Ready")
        return lease["spec"]["renewTime"] if ready == "True" else None

"""Pods that controllers make, in a namespace with everything that other admission plugins do."""

import json

import yaml

from control_plane import wait_until
from installed import ROOT
from pods import create, is_sandboxed, pod

SURROUNDINGS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: retool}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec:
  limits:
    - type: Container
      default: {cpu: 500m, memory: 512Mi}
      defaultRequest: {cpu: 100m, memory: 128Mi}
      max: {cpu: "4", memory: 8Gi}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec:
  hard: {pods: "20", requests.cpu: "20", requests.memory: 20Gi, limits.cpu: "40", limits.memory: 40Gi}
"""

PRIORITY = """
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: e2e}
value: 1000
"""


def test_a_deployment_gets_sandboxed_pods(plane, webhook, minor, namespace):
    plane.kubectl("apply", "-f", "-", stdin=PRIORITY)
    plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=SURROUNDINGS)
    deployment = yaml.safe_load((ROOT / "manifests/examples/deployment.yaml").read_text())
    deployment["spec"]["replicas"] = 3
    deployment["spec"]["template"]["spec"]["priorityClassName"] = "e2e"
    plane.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(deployment))

    def pods():
        return plane.get_json("pods", "-n", namespace, "-l", "retoolService=retool-code-executor")["items"]

    made = wait_until(lambda: len(found := pods()) == 3 and found, "the ReplicaSet made its pods")
    for each in made:
        assert each["metadata"]["generateName"].startswith("retool-code-executor-")
        assert each["spec"]["priority"] == 1000
        assert any(v["name"].startswith("kube-api-access-") for v in each["spec"]["volumes"])
        assert is_sandboxed(each) == (minor >= 33)
        if minor < 33:
            assert each["spec"]["containers"][0]["securityContext"] == {"privileged": True}
    quota = wait_until(lambda: (q := plane.get_json("resourcequota", "quota", "-n", namespace)["status"]).get("used")
                       and q["used"]["pods"] == "3" and q, "the quota counts them")
    assert quota["used"]["requests.memory"] != "0"


def test_the_init_containers_resources_count_towards_the_quota(plane, webhook, minor, namespace):
    """Without requests and limits of its own, a quota would refuse the pod."""
    if minor < 33:
        return
    stored = json.loads(create(plane, namespace, pod("in-quota", target={"resources": {
        "requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}})).stdout)
    installer = stored["spec"]["initContainers"][0]["resources"]
    assert installer == {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "100m", "memory": "32Mi"}}

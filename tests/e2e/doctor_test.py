"""manifests/doctor in a real API server. There are no nodes: its pod is made from the template."""

import json

from control_plane import wait_until
from installed import ROOT

FOLDER = ROOT / "manifests/doctor"
NAME = "code-executor-webhook-doctor"


def test_the_doctor_is_taken_as_it_is(plane, webhook, tmp_path):
    done = plane.kubectl("apply", "-k", FOLDER)
    assert "Warning" not in done.stderr, done.stderr
    wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", "-n", NAME, code=None).returncode == 0,
               "its service account is there")
    template = plane.get_json("daemonset", "-n", NAME, NAME)["spec"]["template"]
    file = tmp_path / "pod.json"
    file.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
        "metadata": {"name": "doctor", "labels": template["metadata"]["labels"]}}))
    plane.kubectl("create", "-n", NAME, "-f", file)
    pod = plane.get_json("pod", "-n", NAME, "doctor")["spec"]
    (doctor,), (asked,) = pod["initContainers"], template["spec"]["initContainers"]
    assert doctor["securityContext"] == asked["securityContext"]
    assert asked["securityContext"]["capabilities"]["add"] == ["SYS_ADMIN", "SETUID", "SETGID"]
    # The API server's own volume mounts, such as a token's, are not there.
    assert doctor["volumeMounts"] == asked["volumeMounts"]
    assert pod.get("hostUsers", True) is True
    plane.kubectl("delete", "-k", FOLDER, "--wait=false")

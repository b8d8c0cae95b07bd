"""Namespaces under Pod Security Admission: what the README says of each level."""

import pytest

from control_plane import wait_until
from pods import create, pod


@pytest.mark.parametrize(("level", "is_taken"), [("privileged", True), ("baseline", False), ("restricted", False)])
def test_sandboxed_pods_need_level_privileged(plane, webhook, level, is_taken):
    name = f"pod-security-{level}"
    plane.kubectl("create", "namespace", name)
    plane.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={level}")
    wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", "-n", name, code=None).returncode == 0,
               "its service account is there")
    done = create(plane, name, pod("p"), "--dry-run=server")
    assert (done.returncode == 0) == is_taken, done.stderr
    if not is_taken:
        assert f'violates PodSecurity "{level}:' in done.stderr

"""Namespaces under Pod Security Admission: what docs/security.md says of each level."""

import pytest

from control_plane import wait_until
from installed import ROOT
from pods import create, pod

# A code-executor pod, and what of it `baseline` refuses.
PODS = {
    "sandboxed": (pod("p"), ["hostPath", "NET_ADMIN"]),
    "privileged": (pod("p", target={"securityContext": {"privileged": True}}), ["privileged"]),
}


@pytest.fixture(scope="module", params=["privileged", "baseline", "restricted"])
def level(plane, request):
    name = f"pod-security-{request.param}"
    plane.kubectl("create", "namespace", name)
    plane.kubectl("label", "namespace", name, f"pod-security.kubernetes.io/enforce={request.param}")
    wait_until(lambda: plane.kubectl("get", "serviceaccount", "default", "-n", name, code=None).returncode == 0,
               "its service account is there")
    return request.param


@pytest.mark.parametrize("kind", PODS)
def test_code_executor_pods_need_level_privileged(plane, webhook, minor, level, kind):
    document, refused = PODS[kind if minor >= 33 else "privileged"]
    done = create(plane, f"pod-security-{level}", document, "--dry-run=server")
    if level == "privileged":
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1 and f'violates PodSecurity "{level}:' in done.stderr, done.stderr
    for what in refused:
        assert what in done.stderr


def test_the_page_says_so():
    page = (ROOT / "docs/security.md").read_text().replace("\n", " ")
    assert ("hostPath and NET_ADMIN never pass `baseline`, nor does the privileged pod that this replaces: the namespace "
            "needs `pod-security.kubernetes.io/enforce: privileged`") in page

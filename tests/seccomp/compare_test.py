"""profiles/README.md: its tables are those of the profile of now."""

import hashlib
import json
import pathlib
import re
import subprocess

import pytest

PROFILES = pathlib.Path(__file__).parents[2] / "profiles"
PODMAN = pathlib.Path("/usr/share/containers/seccomp.json")
README = (PROFILES / "README.md").read_text()
GROUPS = json.loads((PROFILES / "nsjail-seccomp.json").read_text())["syscalls"]


def compare(*arguments):
    return subprocess.run([PROFILES / "compare", *arguments], capture_output=True, text=True, check=False)


def test_the_table_of_podman_is_fresh():
    if not PODMAN.exists():
        pytest.skip(f"{PODMAN} is missing (apt-get install golang-github-containers-common)")
    if hashlib.sha256(PODMAN.read_bytes()).hexdigest() not in README:
        pytest.skip(f"{PODMAN} is of another release than the README's")
    done = compare("--check", "podman", PODMAN)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["moby", "containerd", "podman"])
def test_what_a_table_says_of_here_is_so(name):
    table = README.split(f"<!-- {name}:begin -->")[1].split(f"<!-- {name}:end -->")[0]
    rows = re.findall(r"^\| (wider|narrower) \| (.*?) \| (.*?) \| ", table, re.MULTILINE)
    assert len(rows) > 5
    for _, calls, here in rows:
        for call in re.findall(r"`(\w+)`", calls):
            allowing = [group for group in GROUPS if call in group["names"] and group["action"] == "SCMP_ACT_ALLOW"]
            assert (here == "no") == (not allowing), call
            assert (here == "yes") == any("args" not in group for group in allowing), call


def test_the_differences_are_of_both_directions(tmp_path):
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"syscalls": [
        {"names": ["read", "unshare", "chown32"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
        {"names": ["clone"], "action": "SCMP_ACT_ALLOW",
         "args": [{"index": 0, "value": 0x7e020000, "op": "SCMP_CMP_MASKED_EQ"}]}]}))
    table = compare("any", profile).stdout
    assert "| narrower | `unshare` | no | yes | Enter or make namespaces other than by clone. |" in table
    assert "| wider | `clone` | yes | arg0 & 0x7e020000 = 0x0 | The jail" in table
    assert "`write`" in table and "arg0 = 16, arg2 = 0" in table
    assert not {"`read`", "`chown32`", "`bpf`"} & set(re.findall(r"`\w+`", table))


def test_newer_calls_are_answered_as_the_table_says():
    section = README.split("## What Linux 6.0 to 6.18 brought")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?`) \| [\d.]+ \| (ENOSYS|allowed) \|", section, re.MULTILINE)
    said = {call: answer for calls, answer in rows for call in re.findall(r"`(\w+)`", calls)}
    assert len(said) == 21
    for call, answer in said.items():
        (group,) = [group for group in GROUPS if call in group["names"]]
        found = "allowed" if group["action"] == "SCMP_ACT_ALLOW" else group.get("errnoRet")
        assert found == {"ENOSYS": 38, "allowed": "allowed"}[answer], call

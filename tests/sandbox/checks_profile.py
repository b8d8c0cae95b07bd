"""What the profile's file on the node is: what its name says, whatever anyone else does there."""

import copy
import json
import os
import stat
import time

import machine
import oci
from proof import describe, expect, one_line

KEY = "nsjail-seccomp.json"
OF_NO_POD = 70000  # an id of the host that the pod's user namespace does not have
CHART = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}\n'  # stands for what others install

# Runs in the installer's container, with its arguments after a count: the chart's plain cp beside two
# installers, one of which is killed at some moment. Prints what it sees of a wrong file, and `killed N`.
RACE = r"""
script=$1 count=$2; shift 2
target=$2/$3 turn=0 killed=0
[ -d "$2/profiles" ] || mkdir "$2/profiles"
# What a runtime would read, at any moment.
while :; do
  seen=$({ sha256sum <"$target"; } 2>/dev/null)
  case $seen in "$4  -"|"") ;; *) echo "seen meanwhile: $seen" ;; esac
done & watcher=$!
while [ $turn -lt $count ]; do
  turn=$((turn + 1))
  [ $((turn % 3)) != 0 ] || rm -f "$target"
  cp /seccomp-profile/of-the-chart "$2/profiles/nsjail-seccomp.json" &
  sh -c "$script" victim "$@" >/dev/null 2>&1 & victim=$!
  sh -c "$script" other "$@" >/tmp/said 2>&1 & other=$!
  usleep $((turn * 377 % 12000))
  kill -9 $victim 2>/dev/null && killed=$((killed + 1))
  wait $other || echo "turn $turn: $(cat /tmp/said)"
  [ "$(sha256sum <"$target")" = "$4  -" ] || echo "turn $turn: $(sha256sum <"$target")"
done
kill $watcher
wait
echo "killed $killed"
"""

# The same, while the source changes between two profiles: the installer may fail, but never installs
# another. Prints how often it did either.
SWAP = r"""
script=$1 count=$2; shift 2
source=$1 target=$2/$3 turn=0 installed=0
while :; do
  for each in of-the-chart nsjail-seccomp.json; do
    cp /seccomp-profile/$each /tmp/next && mv /tmp/next /tmp/source
  done
done & swapper=$!
until [ -e /tmp/source ]; do :; done
shift
while [ $turn -lt $count ]; do
  turn=$((turn + 1))
  if sh -c "$script" installer /tmp/source "$@" >/dev/null 2>&1; then
    installed=$((installed + 1))
    [ "$(sha256sum <"$target")" = "$3  -" ] || echo "turn $turn: $(sha256sum <"$target")"
  fi
  [ ! -e "$target" ] || [ "$(sha256sum <"$target")" = "$3  -" ] || echo "turn $turn: another is there"
  rm -f "$target"
done
kill $swapper
echo "installed $installed of $count"
"""


def _named_by_content(proof, profile=None, name="a"):
    """A pod whose profile's file and ConfigMap have names of their own, and that ConfigMap."""
    return proof.mutated_with(profile=profile, config_map=f"profile-{name}")


def _node_with(proof, *config_maps):
    node = proof.node()
    for each in config_maps:
        node.config_maps |= each
    return node


def _other_profile(proof):
    profile = json.loads(proof.profile())
    profile["syscalls"].append({"names": ["unshare", "ptrace"], "action": "SCMP_ACT_ALLOW"})
    return json.dumps(profile)


def _assert_right(proof, node, pod):
    path = proof.installed(node, pod)
    status = os.lstat(path)
    expect(stat.S_ISREG(status.st_mode), f"{path}: no regular file")
    found = (status.st_uid, status.st_gid, status.st_mode & 0o7777)
    expect(found == (0, 0, 0o644), f"owner {found[0]}:{found[1]}, mode {found[2]:o}")
    with open(path, encoding="utf-8") as file:
        expect(file.read().rstrip() == proof.profile().decode().rstrip(), "another profile is installed")


def _assert_refused(proof, node, pod, *parts):
    result = proof.install(node, pod)
    expect(result.returncode != 0, describe(result))
    one_line(result, *parts)


def other_config_map(content):
    """A check: with `content(proof)` in the ConfigMap the init container fails, and nothing is installed."""

    def check(proof):
        pod, config_map = _named_by_content(proof)
        (name,) = config_map
        node = _node_with(proof, {name: {KEY: content(proof)}})
        wanted, found = proof.digest(proof.profile()), proof.digest(content(proof).encode())
        _assert_refused(proof, node, pod, wanted, found, "code-executor-webhook profile -o configmap")
        directory = os.path.dirname(proof.installed(node, pod))
        expect(os.listdir(directory) == [], f"left there: {os.listdir(directory)}")

    return check


def reboot_after_upgrade(proof):
    pod, config_map = _named_by_content(proof)
    node = _node_with(proof, config_map)
    one_line(proof.install(node, pod), "installed")
    (name,) = config_map
    for newer in ({name: {KEY: _other_profile(proof)}}, {name: {KEY: ""}}):
        before = os.stat(proof.installed(node, pod))
        node.config_maps |= newer
        one_line(proof.install(node, pod), "up to date")
        after = os.stat(proof.installed(node, pod))
        expect((before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns), "written again")


def rollout(proof):
    for order in ((0, 1, 0, 1), (1, 0, 1, 0)):
        sides = [_named_by_content(proof), _named_by_content(proof, _other_profile(proof), "b")]
        node = _node_with(proof, sides[0][1], sides[1][1])
        for side in order:
            result = proof.install(node, sides[side][0])
            expect(result.returncode == 0, describe(result))
        _assert_right(proof, node, sides[0][0])
        with open(proof.installed(node, sides[1][0]), encoding="utf-8") as file:
            expect(file.read() == _other_profile(proof), "the newer webhook's profile is another")


def owner_and_mode(proof):
    owners = [(1000, 0, 0o644), (0, 1000, 0o644), (65534, 65534, 0o644)]
    for uid, gid, mode in (*owners, (0, 0, 0o666), (0, 0, 0o600), (0, 0, 0o4644)):
        pod, config_map = _named_by_content(proof)
        node = _node_with(proof, config_map)
        path = proof.installed(node, pod)
        machine.write(path, proof.profile().decode())
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        one_line(proof.install(node, pod), "installed")
        _assert_right(proof, node, pod)


def foreign_owner(proof):
    for uid, gid in ((OF_NO_POD, 0), (0, OF_NO_POD)):
        pod, config_map = _named_by_content(proof)
        node = _node_with(proof, config_map)
        path = proof.installed(node, pod)
        machine.write(path, proof.profile().decode())
        os.chown(path, uid, gid)
        _assert_refused(proof, node, pod, f"{os.path.basename(path)}: belongs to an id of the host that no pod has")
        names = os.listdir(os.path.dirname(path))
        expect(names == [os.path.basename(path)], f"beside the profile: {names}")


def links_as_directories(proof):
    pod, config_map = proof.mutated_with(config_map="profile-a", path="a/b/c/profile.json")
    for component in ("a", "a/b", "a/b/c"):
        for to in ("/tmp", "/host-seccomp/elsewhere", "no/such/thing"):
            node = _node_with(proof, config_map)
            root = node.path("/var/lib/kubelet/seccomp")
            os.makedirs(os.path.join(root, "elsewhere/b/c"))
            os.makedirs(os.path.join(root, os.path.dirname(component)), exist_ok=True)
            os.symlink(to, os.path.join(root, component))
            _assert_refused(proof, node, pod, f"/host-seccomp/{component}: is 0:0 lrwxrwxrwx (expected a directory")
            expect(os.readlink(os.path.join(root, component)) == to, "the link is another")
            made = [os.path.join(d, f) for d, _, files in os.walk(root) for f in files]
            made = [path for path in made if not os.path.islink(path)]
            expect(made == [], f"written through the link: {made}")


def links_as_file(proof):
    for to in ("/tmp", "elsewhere", "../elsewhere/file", "no/such/thing"):
        pod, config_map = _named_by_content(proof)
        node = _node_with(proof, config_map)
        path = proof.installed(node, pod)
        machine.write(os.path.join(os.path.dirname(path), "../elsewhere/file"), proof.profile().decode())
        os.makedirs(os.path.join(os.path.dirname(path), "elsewhere"))
        os.symlink(to, path)
        one_line(proof.install(node, pod), "installed")
        _assert_right(proof, node, pod)
        expect(os.listdir(os.path.join(os.path.dirname(path), "elsewhere")) == [], "it was moved into a directory")


def directories_of_others(proof):
    owners = [(1000, 0, 0o755), (0, 1000, 0o755), (OF_NO_POD, OF_NO_POD, 0o755)]
    for uid, gid, mode in (*owners, (0, 0, 0o775), (0, 0, 0o757), (0, 0, 0o1777)):
        words = ["belongs to an id of the host that no pod has", "(expected 0:0"] if uid == OF_NO_POD else [
            "is ", "(expected a directory of 0:0"]
        pod, config_map = _named_by_content(proof)
        node = _node_with(proof, config_map)
        directory = os.path.dirname(proof.installed(node, pod))
        os.makedirs(directory)
        os.chown(directory, uid, gid)
        os.chmod(directory, mode)
        _assert_refused(proof, node, pod, "/host-seccomp/profiles: " + words[0], words[1])
        expect(os.listdir(directory) == [], "something was written")


def _driven(proof, script, count):
    """Runs `script` in the installer's container, with the installer's script, `count` and arguments."""
    # Large, as far as JSON may be, so that a copy takes its time.
    pod, config_map = _named_by_content(proof, proof.profile().decode() + " " * (200 << 10), "large")
    (name,) = config_map
    config_map[name]["of-the-chart"] = CHART
    node = _node_with(proof, config_map)
    (container,) = copy.deepcopy(pod["spec"]["initContainers"])
    shell, flag, installer, _, *arguments = container["command"]
    container["command"] = [shell, flag, script, "driver", installer, str(count), *arguments]
    container["securityContext"]["readOnlyRootFilesystem"] = False  # for the script's own /tmp
    config = oci.to_bundle(node, pod, container, proof.images["busybox"])
    result = proof.runtime.run(config, timeout=300)
    expect(result.returncode == 0, describe(result))
    return node, pod, result


def races(proof):
    node, pod, result = _driven(proof, RACE, proof.races)
    *wrong, last = result.stdout.splitlines()
    expect(not wrong, " | ".join(wrong[:3]))
    killed = int(last.removeprefix("killed "))
    expect(killed > 0, "none was killed")
    _assert_right(proof, node, pod)
    directory = os.path.dirname(proof.installed(node, pod))
    left = set(os.listdir(directory)) - {os.path.basename(proof.installed(node, pod)), KEY}
    expect(all(name.startswith(".install-seccomp.") for name in left), f"left there: {left}")
    expect(len(left) <= killed, f"{len(left)} temporary files of {killed} that were killed")
    for name in left:
        os.utime(os.path.join(directory, name), (0, 0))
    one_line(proof.install(node, pod), "up to date")
    left = set(os.listdir(directory)) - {os.path.basename(proof.installed(node, pod)), KEY}
    expect(not left, f"left there: {left}")


def swapped_source(proof):
    _, _, result = _driven(proof, SWAP, proof.races // 5)
    *wrong, last = result.stdout.splitlines()
    expect(not wrong, " | ".join(wrong[:3]))
    _, installed, _, count = last.split()
    expect(0 < int(installed) < int(count), f"the source did not change in time: {last}")


def stale_temporaries(proof):
    pod, config_map = _named_by_content(proof)
    node = _node_with(proof, config_map)
    directory = os.path.dirname(proof.installed(node, pod))
    old, young = time.time() - 20 * 60, time.time() - 5 * 60
    for name, when in ((".install-seccomp.abCD12", old), (".install-seccomp.efGH34", young),
                       (".install-seccomp.longer-name", old), ("nsjail-seccomp.json.abCD12", old)):
        machine.write(os.path.join(directory, name), "a part")
        os.utime(os.path.join(directory, name), (when, when))
    os.mkdir(os.path.join(directory, ".install-seccomp.direct"))
    machine.write(os.path.join(directory, ".install-seccomp.direct/kept"), "")
    os.utime(os.path.join(directory, ".install-seccomp.direct"), (old, old))
    os.symlink(".install-seccomp.efGH34", os.path.join(directory, ".install-seccomp.linked"))
    os.utime(os.path.join(directory, ".install-seccomp.linked"), (old, old), follow_symlinks=False)
    before = set(os.listdir(directory))
    one_line(proof.install(node, pod), "installed")
    after = set(os.listdir(directory)) - {os.path.basename(proof.installed(node, pod))}
    expect(before - after == {".install-seccomp.abCD12"} and after < before, f"left there: {sorted(after)}")


CHECKS = [
    ("A weakened ConfigMap is not installed: one line with both digests, a failing exit, nothing on the node", other_config_map(_other_profile)),
    ("Nor is the ConfigMap of an older release", other_config_map(lambda proof: proof.profile().decode() + "\n")),
    ("A reboot after an upgrade: the right file is found first, whatever the ConfigMap holds by then", reboot_after_upgrade),
    ("Two webhooks of different profiles during a rollout, in both orders: each pod has its own", rollout),
    ("A file of the right digest and a wrong owner or mode is replaced", owner_and_mode),
    ("A file of an id of the host that no pod has cannot be replaced, and is named as such", foreign_owner),
    ("A symbolic link in place of a directory, at each component, is refused and not followed", links_as_directories),
    ("A symbolic link in place of the file, to a file, a directory or nothing, is replaced and not followed", links_as_file),
    ("A directory of another owner, or that others may write to, is refused", directories_of_others),
    ("A source that changes between the check and the copy is never installed", swapped_source),
    ("The chart's plain cp and two installers at once, again and again, with kills in between: the file is right, and at most one temporary file a kill is left", races),
    ("A temporary file of a killed run is removed after ten minutes; a younger one, a directory, a link and other names stay", stale_temporaries),
]

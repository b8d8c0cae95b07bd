#!/usr/bin/python3
"""Runs the pod as the chart makes it and as the webhook does, and shows what its root can do in each:

    before_after.py --webhook build/release/code-executor-webhook

Exit code 1: the sandbox lets something through. 77: this machine cannot run it, and the output says why.
"""

import argparse
import copy
import errno
import json
import os
import sys

import checks_jail
import checks_refused
import machine
from proof import Proof, describe, expect

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77

# What root is tempted to do: (what, the key in standing.py), and system calls with arguments that do no harm.
DEEDS = [
    ("read a file of the node's root", "read"),
    ("write the node's core_pattern: a way to run as its root", "core_pattern"),
    ("make a device file of the node's disk", "disk"),
    ("mount a file system", "mount"),
]
CALLS = [
    ("load a kernel module", ("init_module", [0, 0, 0])),
    ("start another kernel: kexec_load", ("kexec_load", [0, 0, 0, -1])),
    ("load a program into the kernel: bpf", ("bpf", [-1, 0, 0])),
    ("watch the whole node: perf_event_open", ("perf_event_open", [0, 0, -1, -1, 0])),
    ("open a file by its handle, wherever it is mounted", ("open_by_handle_at", [-1, 0, 0])),
    ("use the kernel's keyrings: add_key", ("add_key", [0, 0, 0, 0, 0])),
    ("trace another process: ptrace", ("ptrace", [-1, 0, 0, 0])),
    ("speak to the kernel's packet filter: netlink", ("socket", [checks_refused.AF_NETLINK, 3, 12])),
]
UNKNOWN = "no such call here"  # of this kernel
REFUSED = (errno.EPERM, errno.EACCES, errno.EPROTONOSUPPORT)


def to_pods(proof):
    """The pod of the chart, and what `mutate` makes of it."""
    with open(proof.pod_file, encoding="utf-8") as file:
        text = file.read() + "      securityContext: {privileged: true}\n"
    machine.write(os.path.join(proof.directory, "before.yaml"), text)
    machine.write(os.path.join(proof.directory, "config.yaml"), "sandbox: {replaceChartDefault: true}\n")
    after = json.loads(proof.call(
        "mutate", "--config", os.path.join(proof.directory, "config.yaml"), "--kube-version", "1.34.3", "-o", "json",
        "-f", os.path.join(proof.directory, "before.yaml")))
    before = copy.deepcopy(after)
    before["spec"] = {"containers": [{**proof.target(after), "securityContext": {"privileged": True}}]}
    return before, after


def look(proof, node, pod):
    """{what: (text, whether the sandbox would have it so)} of one of the pods."""
    result = proof.execute(node, pod, "/usr/bin/python3", "/opt/standing.py")
    expect(result.returncode == 0, describe(result))
    seen = json.loads(result.stdout)
    escalated = proof.execute(node, pod, "sh", "-c", f"rm -f /tmp/id; {checks_jail.SETUID}").stdout.strip()
    jailed = proof.execute(node, pod, *checks_jail.BWRAP, "true").returncode == 0
    rows = {
        "root of the container is, on the node": (f"user {seen['root']}" if seen["root"] else "root", seen["root"] != 0),
        "capabilities": (f"{seen['capabilities']}, of {'its own' if seen['root'] else 'the node'}", seen["root"] != 0),
        "system calls are filtered": ("yes" if seen["filter"] else "no", seen["filter"]),
        "a setuid program makes a user": ("root" if escalated == "0" else "nothing more", escalated == "1000"),
    }
    answers = [(what, seen["attempts"][key]) for what, key in DEEDS]
    made = checks_refused.attempt(proof, node, pod, [call for _, call in CALLS])
    answers += zip([what for what, _ in CALLS], made.values())
    for what, answer in answers:
        refused = answer in REFUSED
        shown = f"refused: {errno.errorcode[answer]}" if refused else UNKNOWN if answer == errno.ENOSYS else "may"
        rows[what] = (shown, refused)
    rows["start a jail for a user's code: bubblewrap"] = ("may" if jailed else "fails", jailed)
    return rows


def to_lines(before, after, colours):
    """The table; with `colours`, red where a pod is not as the sandbox would have it."""
    def paint(text, good):
        return f"\033[{32 if good else 31}m{text}\033[0m" if colours and text.strip() != UNKNOWN else text

    width, middle = max(map(len, before)) + 2, max(len(text) for text, _ in before.values()) + 3
    yield f"{'':{width}}{'before':{middle}}after"
    for what, (text, good) in before.items():
        yield f"{what:{width}}{paint(f'{text:{middle}}', good)}{paint(*after[what])}"


def compare(directory, webhook):
    proof = Proof(webhook, os.path.join(HERE, "pod.yaml"), directory,
                  machine.Runtime(os.path.join(directory, "runtime")))
    proof.images["busybox"] = machine.make_busybox_image(os.path.join(directory, "busybox"))
    scripts = [os.path.join(HERE, name) for name in ("refused.py", "standing.py")]
    proof.images["machine"] = machine.make_machine_image(os.path.join(directory, "machine"), scripts)
    if reason := machine.reason_runtime_fails(proof):
        print(f"skipped: crun cannot run a container with a mapped mount here: {reason}")
        return SKIP
    before, after = to_pods(proof)
    node = proof.node()
    installed = proof.install(node, after)
    expect(installed.returncode == 0, describe(installed))
    # First the sandbox: what root of the node leaves in the image is not for it to write over.
    sandboxed = look(proof, node, after)
    for line in to_lines(look(proof, node, before), sandboxed, sys.stdout.isatty()):
        print(line)
    wrong = [what for what, (_, good) in sandboxed.items() if not good]
    if wrong:
        print(f"the sandbox does not hold: {'; '.join(wrong)}")
    return 1 if wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--webhook", required=True, help="the code-executor-webhook program")
    parser.add_argument("--directory", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.directory:
        return compare(arguments.directory, os.path.abspath(arguments.webhook))
    if reason := machine.reason_to_skip():
        print(f"skipped: {reason}")
        return SKIP
    return machine.run_in_directory(sys.executable, *sys.argv)


if __name__ == "__main__":
    sys.exit(main())

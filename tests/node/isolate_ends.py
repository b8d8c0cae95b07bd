#!/usr/bin/python3
"""What `isolate` runs ends with it, however that ends, and leaves /dev/null alone; where it cannot run it says why.
Exit code 77: not on this machine."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

ISOLATE = pathlib.Path(__file__).with_name("isolate")
WAITS = f"{3600 + os.getpid()}"  # seconds, which nothing else on the machine sleeps


def sleepers():
    """The processes that wait for so long, by their ids here."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            if path.read_bytes() == f"sleep\0{WAITS}\0".encode():
                found.append(int(path.parent.name))
    return found


def groups(process):
    # os.walk passes over what vanishes meanwhile; pathlib's glob does not.
    return [pathlib.Path(root, f"code-executor-node.{process.pid}") for root, names, _ in os.walk("/sys/fs/cgroup")
            if f"code-executor-node.{process.pid}" in names]


def remove(found):
    """Those of them that are still there: the kernel is not done with them at once when their processes are."""
    for each in found:
        subprocess.run(["find", each, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], stderr=subprocess.DEVNULL,
                       check=False)
    return [each for each in found if each.exists()]


def wait_until(condition, what):
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, f"not within 20 s: {what}"
        time.sleep(0.05)


def check_end(by):
    """After `by` to isolate alone; only SIGKILL leaves its groups, of which it cannot know."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as state, subprocess.Popen(
            [ISOLATE, "sleep", WAITS], env={**os.environ, "NODE_STATE": state}) as process:
        try:
            wait_until(lambda: process.poll() is not None or sleepers(), "the command runs")
            assert process.poll() is None, f"isolate: exit {process.returncode}"
            for _ in range(2):  # as a group of processes, and a script that passes it on, get it
                process.send_signal(by)
            process.wait()
            assert process.returncode == (-by if by == signal.SIGKILL else 130), process.returncode
            wait_until(lambda: not sleepers(), f"{by.name} to isolate ends the command")
            assert by == signal.SIGKILL or not groups(process), groups(process)
        finally:
            process.kill()
            for pid in sleepers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not remove(groups(process)), "nothing is left")


def check_reason():
    with tempfile.TemporaryDirectory() as directory:
        broken = pathlib.Path(directory, "iptables")
        broken.write_text("#!/bin/sh\necho 'iptables: no table' >&2\nexit 3\n")
        broken.chmod(0o755)
        asked = subprocess.run([ISOLATE, "--why-not"], capture_output=True, text=True, check=False,
                               env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"})
    assert asked.returncode == 1 and asked.stdout.endswith("iptables: no table\n"), asked


def check_devices():
    """What a pod's start does to /dev/null with crun."""
    before = os.stat("/dev/null")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as state:
        subprocess.run([ISOLATE, "chown", "1234:1234", "/dev/null"], check=True, env={**os.environ, "NODE_STATE": state})
    after = os.stat("/dev/null")
    os.chown("/dev/null", before.st_uid, before.st_gid)
    assert (after.st_uid, after.st_gid) == (before.st_uid, before.st_gid), after


def main():
    if os.geteuid() != 0:
        print("skipped: not root")
        sys.exit(77)
    asked = subprocess.run([ISOLATE, "--why-not"], capture_output=True, text=True, check=False)
    if asked.returncode != 0:
        assert asked.returncode == 1 and asked.stdout.strip(), asked
        print(f"skipped: {asked.stdout.strip()}")
        sys.exit(77)
    check_reason()
    check_devices()
    for by in (signal.SIGTERM, signal.SIGKILL):
        check_end(by)


if __name__ == "__main__":
    main()

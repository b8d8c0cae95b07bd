#!/usr/bin/python3
"""No core dump of a process that holds a private key: /proc/PID/mem of such a process is root's, whoever runs it.

Needs WEBHOOK_BINARY, the program under test.
"""

import fcntl
import os
import subprocess

import pytest

from webhook_server import make_certificates, wait_until

NOBODY = 65534
AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it becomes another user")


def owner(process):
    return os.stat(f"/proc/{process.pid}/mem").st_uid


@pytest.fixture(name="directory")
def make_directory(public):
    """A directory that user nobody owns and gets to. Not below pytest's own, which the next pytest that starts closes."""
    directory = public / "tls"
    directory.mkdir()
    os.chown(directory, NOBODY, NOBODY)
    return directory


def test_another_program_of_that_user_is_its_own():
    with subprocess.Popen(["sleep", "60"], **AS_NOBODY) as process:
        try:
            assert owner(process) == NOBODY
        finally:
            process.kill()


def test_serve(directory, public):
    make_certificates(directory, "--force")
    for path in directory.iterdir():
        os.chown(path, NOBODY, NOBODY)
    command = [public / "webhook", "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--kube-version", "1.34.1",
               "--tls-cert", directory / "tls.crt", "--tls-key", directory / "tls.key"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **AS_NOBODY) as process:
        try:
            line = process.stderr.readline()
            assert '"serving"' in line, line
            assert owner(process) == 0
        finally:
            process.kill()


def test_certs(directory, public):
    # Its last step, to print the caBundle, waits for room in a pipe.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    os.write(writer, bytes(fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)))
    os.set_blocking(writer, True)
    with subprocess.Popen([public / "webhook", "certs", "--out", directory], stdout=writer, stderr=subprocess.PIPE,
                          **AS_NOBODY) as process:
        try:
            wait_until((directory / "ca.crt").exists, "the CA is made")
            assert process.poll() is None and owner(process) == 0
        finally:
            process.kill()
            os.close(reader)
            os.close(writer)

#!/usr/bin/python3
"""Where nobody reads the log, reviews are answered and the program can be ended. Needs WEBHOOK_BINARY."""

import fcntl
import json
import os
import pathlib
import subprocess

from webhook_server import BINARY, DEADLINE, WebhookServer, wait_until

REVIEW = (pathlib.Path(__file__).parents[1] / "golden/cases/row18-supported/review.json").read_bytes()


class Unread(WebhookServer):
    """A server of whose log the first line is read, and then none before read_on()."""

    def __init__(self, keys, *flags):  # no thread reads here
        self.keys = keys
        self.process = subprocess.Popen(
            [BINARY, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert", keys / "tls.crt",
             "--tls-key", keys / "tls.key", "--kube-version", "1.34.1", *flags], stderr=subprocess.PIPE, bufsize=0)
        fcntl.fcntl(self.process.stderr, fcntl.F_SETPIPE_SZ, 8192)
        serving = json.loads(self.process.stderr.readline())
        self.port, self.ops_port = (int(serving[key].rsplit(":", 1)[1]) for key in ("address", "ops_address"))

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def lost(self):
        return self.metrics()["log_lines_lost_total"]


def test_reviews_are_answered_and_what_is_lost_is_told(keys):
    with Unread(keys) as server:
        connection = server.connect()

        def is_lost():
            assert server.post(REVIEW, connection=connection).status == 200
            return server.lost() > 2
        wait_until(is_lost, "the pipe is full")
        os.set_blocking(server.process.stderr.fileno(), False)
        kept = server.process.stderr.read()
        assert kept.endswith(b"\n") and [json.loads(line) for line in kept.splitlines()], "each is whole"
        lost = server.lost()
        assert server.post(REVIEW, connection=connection).status == 200
        told, review = map(json.loads, server.process.stderr.read().splitlines())
        assert told["level"] == "warning" and told["message"] == f"log: nobody took {lost:.0f} lines"
        assert review["message"] == "review"
        assert server.lost() == lost


def test_it_can_be_ended(keys, tmp_path):
    (tmp_path / "config.yaml").write_text("server: {shutdownDelay: 0s}")
    with Unread(keys, "--config", tmp_path / "config.yaml") as server:
        connection = server.connect()

        def is_lost():
            assert server.post(REVIEW, connection=connection).status == 200
            return server.lost() > 0
        wait_until(is_lost, "the pipe is full")
        server.process.terminate()
        assert server.process.wait(DEADLINE) == 0

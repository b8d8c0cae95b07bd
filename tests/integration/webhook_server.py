"""The real binary serving on loopback, and what a test asks of it. Needs WEBHOOK_BINARY."""

import http.client
import json
import os
import pathlib
import queue
import re
import signal
import ssl
import subprocess
import threading
import time

BINARY = os.environ["WEBHOOK_BINARY"]
DEADLINE = 30  # seconds until a condition that should come true counts as failed


def make_certificates(directory, *flags):
    """A CA and a serving pair for loopback in `directory`."""
    subprocess.run([BINARY, "certs", "--out", directory, "--dns-name", "localhost", "--ip",
                    "127.0.0.1", "--ip", "::1", *map(str, flags)], check=True, capture_output=True)
    return pathlib.Path(directory)


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def issue_client(ca, directory, name, *flags):
    """A client's pair (certificate, key) for `name`, issued by the CA in `ca`; flags of openssl x509."""
    directory.mkdir(exist_ok=True)
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout",
            directory / "key.pem", "-out", directory / "request", "-addext", "extendedKeyUsage=clientAuth")
    openssl("x509", "-req", "-in", directory / "request", "-CA", ca / "ca.crt", "-CAkey", ca / "ca.key",
            "-CAcreateserial", "-out", directory / "cert.pem", "-copy_extensions", "copy", *flags)
    return directory / "cert.pem", directory / "key.pem"


def wait_until(condition, what, deadline=DEADLINE):
    """What `condition` gives, as soon as that is true."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        time.sleep(0.02)
    return value


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)


class WebhookServer:
    """`serve` on free ports with the certificates in `keys`; a context manager that ends it.

    `command` stands before the program's own. `log` holds every line so far, parsed. The process may be ended by the test itself.
    Without `keys` the program makes its certificate itself.
    """

    def __init__(self, keys, *flags, version="1.34.1", client_ca=False, command=()):
        self.keys = keys
        command = [*command, BINARY, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"]
        if keys:
            command += ["--tls-cert", keys / "tls.crt", "--tls-key", keys / "tls.key"]
        if version:
            command += ["--kube-version", version]
        if client_ca:
            command += ["--client-ca", keys / "ca.crt"]
        self.process = subprocess.Popen([*map(str, command), *map(str, flags)], text=True,
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.log = []
        self.raw_log = ""
        started = queue.Queue()
        self._reader = threading.Thread(target=self._read_log, args=(started,), daemon=True)
        self._reader.start()
        serving = started.get(timeout=DEADLINE)
        if serving is None:
            raise RuntimeError(f"serve ended with {self.process.wait()}: {self.raw_log}")
        self.port, self.ops_port = (int(serving[key].rsplit(":", 1)[1])
                                    for key in ("address", "ops_address"))

    def _read_log(self, started):
        for line in self.process.stderr:
            self.raw_log += line
            try:
                entry = json.loads(line)
            except ValueError:  # --log-format text
                entry = {"message": line.strip(), **dict(re.findall(r'(\w+)="([^"]*)"', line))}
            self.log.append(entry)
            if "ops_address" in entry:
                started.put(entry)
        started.put(None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(DEADLINE)

    def tls(self, **more):
        """A client's context that trusts the CA of `keys`."""
        return ssl.create_default_context(cafile=self.keys / "ca.crt", **more)

    def connect(self, context=None):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE,
                                           context=context or self.tls())

    def post(self, body, path="/mutate", connection=None, **headers):
        """The answer to a POST; headers as keyword arguments, `_` for `-`."""
        fields = {"Content-Type": "application/json",
                  **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection = connection or self.connect()
        connection.request("POST", path, body, fields)
        return Answer(connection.getresponse())

    def ops(self, path, method="GET"):
        connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=DEADLINE)
        connection.request(method, path)
        return Answer(connection.getresponse())

    def metrics(self):
        """Every sample of /metrics: {'name{labels}': value}, the prefix taken off."""
        return {name: float(value) for name, value in re.findall(
            r"^code_executor_webhook_(\S+) (\S+)$", self.ops("/metrics").body.decode(), re.M)}

    def stop(self, sent=signal.SIGTERM):
        """Its exit code after `sent`, and every line of its log read."""
        self.process.send_signal(sent)
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def logged(self, text):
        """The entries whose message contains `text`."""
        return [entry for entry in self.log if text in entry["message"]]

    def wait_for_log(self, text):
        return wait_until(lambda: self.logged(text), f"log says '{text}'")

"""The servers that tests/bench/run compares, each on the core that it is told. All but ours are peers: the same mutation by
other means, or none at all. A peer whose tools are not there, or cannot be built, is a Missing, with the reason."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
BUILD = HERE.parents[1] / "build/bench"
os.environ.setdefault("WEBHOOK_BINARY", str(BUILD / "code-executor-webhook"))
sys.path.insert(0, str(HERE.parent / "integration"))

from webhook_server import BINARY, WebhookServer, wait_until  # noqa: E402


class Missing(Exception):
    """Why a peer is left out."""


def pin(core):
    return (lambda: os.sched_setaffinity(0, {core})) if core is not None else None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def accepts(port):
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that serves POST /mutate on 127.0.0.1:port; a context manager that ends it."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def start(self, command, core, log):
        """For those that are told their port: until it takes connections."""
        self.log = open(log, "wb")
        self.process = subprocess.Popen([*map(str, command)], stdout=self.log, stderr=self.log, preexec_fn=pin(core))
        wait_until(lambda: accepts(self.port) or self.process.poll() is not None, f"{command[0]} serves")
        if self.process.poll() is not None:
            raise Missing(f"it ended: {pathlib.Path(log).read_text()[-500:]}")


class Webhook(Server, WebhookServer):
    """The program; its log goes to a file, as on a node."""

    name = "code-executor-webhook"

    def __init__(self, directory, core, arguments=(), binary=BINARY):
        self.keys, self.log_file = directory, tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen(
            [*map(str, [binary, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert",
                        directory / "tls.crt", "--tls-key", directory / "tls.key", "--kube-version", "1.34.1",
                        *arguments])], stderr=self.log_file, preexec_fn=pin(core))
        wait_until(lambda: b"ops_address" in self.read_log(), "it serves")
        addresses = re.findall(r'address":"127.0.0.1:(\d+)"', self.read_log().decode())
        self.port, self.ops_port = map(int, addresses[:2])

    def read_log(self):
        with open(self.log_file.name, "rb") as file:
            return file.read(4096)

    def __exit__(self, *_):
        super().__exit__()
        self.log_file.close()


class Floor(Server):
    """tests/bench/floors.cc: the webhook's answer, made by nobody."""

    def __init__(self, which, directory, core):
        self.process = subprocess.Popen(
            [BUILD / "tests/bench/floors", which, directory / "tls.crt", directory / "tls.key", directory / "request",
             directory / "answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=pin(core))
        self.port = int(self.process.stdout.readline())


class Nginx(Server):
    """A fixed answer of the length of ours; without a log, and without a look at the body."""

    def __init__(self, directory, core):
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if binary is None:
            raise Missing("no nginx (apt-get install nginx-light)")
        self.port = free_port()
        (directory / "nginx").mkdir(exist_ok=True)
        answer = (directory / "answer").read_bytes().partition(b"\r\n\r\n")[2].decode()
        parts = re.findall(".{1,2000}", answer)
        words = "".join(f"set $part{number} '{part}'; " for number, part in enumerate(parts))
        words += "return 200 '" + "".join(f"${{part{number}}}" for number in range(len(parts))) + "';"
        config = directory / "nginx/nginx.conf"
        config.write_text((HERE / "peers/nginx.conf").read_text().replace("@PORT@", str(self.port))
                          .replace("@DIRECTORY@", str(directory)).replace("@ANSWER@", words))
        self.start([binary, "-c", config, "-p", directory / "nginx", "-e", directory / "nginx/error.log"], core,
                   directory / "nginx/out")


class Peer(Server):
    """A program of tests/bench/peers, built once by its own tool."""

    def __init__(self, directory, core):
        self.port = free_port()
        self.start([self.binary, self.port, directory, directory / "fragments.json"], core, directory / "peer.log")

    @classmethod
    def build(cls):
        if shutil.which(cls.tool) is None:
            raise Missing(f"no {cls.tool}")
        done = subprocess.run([*map(str, cls.command)], cwd=HERE / "peers" / cls.folder, capture_output=True, text=True)
        if done.returncode != 0:
            raise Missing(f"{cls.tool} cannot build it here: {done.stderr[-300:]}")


class ControllerRuntime(Peer):
    folder, tool = "controller-runtime", "go"
    binary = BUILD / "peers/controller-runtime"
    command = ["go", "build", "-o", binary, "."]


class Axum(Peer):
    folder, tool = "axum", "cargo"
    binary = BUILD / "peers/axum/release/peer-axum"
    command = ["cargo", "build", "--release", "--locked", "--target-dir", BUILD / "peers/axum"]


def versions():
    """Of what is compared, as far as its tools are there."""
    def ask(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
            return (done.stdout + done.stderr).strip().splitlines()[0]
        except (OSError, IndexError):
            return None

    lock, module = ((HERE / "peers" / name).read_text() for name in ("axum/Cargo.lock", "controller-runtime/go.mod"))
    crates = {name: re.search(rf'name = "{name}"\nversion = "(\S+)"', lock).group(1)
              for name in ("axum", "rustls", "kube-core")}
    go = re.search(r"controller-runtime (v\S+)", module).group(1)
    nginx = ask(shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-v")
    return "; ".join(filter(None, [
        ask("openssl", "version"), nginx and nginx.removeprefix("nginx version: "),
        ", ".join(f"{name} {version}" for name, version in crates.items()) + f" ({ask('rustc', '--version')})",
        f"controller-runtime {go} ({ask('go', 'version')})"]))

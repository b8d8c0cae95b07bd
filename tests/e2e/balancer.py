"""What a Service does for API servers on loopback: connections to one port go to the replicas that are ready."""

import contextlib
import json
import pathlib
import socket
import subprocess
import sys
import threading

# An API server that is told of another CA opens a connection for each review that waits.
BACKLOG = 4096


class Balancer:
    """A TCP proxy. Replicas come and go by their /readyz, as endpoints do; a context manager."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._replicas = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._process = None

    def add(self, server):
        with self._lock:
            self._replicas.append([server, False])

    def remove(self, server):
        with self._lock:
            self._replicas = [each for each in self._replicas if each[0] is not server]
            self._tell()

    def ready(self):
        with self._lock:
            return [server for server, is_ready in self._replicas if is_ready]

    def _probe(self):
        while not self._stopping.wait(0.3):
            with self._lock:
                replicas = list(self._replicas)
            for replica in replicas:
                is_ready = self._is_ready(replica[0])
                with self._lock:
                    if is_ready != replica[1]:
                        replica[1] = is_ready
                        self._tell()

    def _tell(self):
        if self._stopping.is_set():
            return
        ports = [server.port for server, is_ready in self._replicas if is_ready]
        with contextlib.suppress(BrokenPipeError):  # then nothing goes through it, which the test sees
            self._process.stdin.write(json.dumps(ports).encode() + b"\n")
            self._process.stdin.flush()

    @staticmethod
    def _is_ready(server):
        try:
            with socket.create_connection(("127.0.0.1", server.ops_port), 1) as probe:
                probe.settimeout(1)
                probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b" 200 " in probe.recv(64)
        except OSError:
            return False

    def __enter__(self):
        # In a process of its own: here it would share one interpreter, and its lock, with all clients.
        descriptor = self._listener.fileno()
        self._process = subprocess.Popen([sys.executable, pathlib.Path(__file__).with_name("tcp_proxy.py"), str(descriptor)],
                                         stdin=subprocess.PIPE, pass_fds=[descriptor], start_new_session=True)
        self._listener.close()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join(5)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(10)
        finally:
            self._process.kill()

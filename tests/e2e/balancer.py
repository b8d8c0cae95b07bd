"""What a Service does for API servers on loopback: connections to one port go to the replicas that are ready."""

import random
import socket
import threading


class Balancer:
    """A TCP proxy. Replicas come and go by their /readyz, as endpoints do; a context manager."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._replicas = []
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True),
                         threading.Thread(target=self._probe, daemon=True)]

    def add(self, server):
        with self._lock:
            self._replicas.append([server, False])

    def remove(self, server):
        with self._lock:
            self._replicas = [each for each in self._replicas if each[0] is not server]

    def ready(self):
        with self._lock:
            return [server for server, is_ready in self._replicas if is_ready]

    def _probe(self):
        while not self._stopping.wait(0.3):
            with self._lock:
                replicas = list(self._replicas)
            for replica in replicas:
                replica[1] = self._is_ready(replica[0])

    @staticmethod
    def _is_ready(server):
        try:
            with socket.create_connection(("127.0.0.1", server.ops_port), 1) as probe:
                probe.settimeout(1)
                probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b" 200 " in probe.recv(64)
        except OSError:
            return False

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            ready = self.ready()
            try:
                server = socket.create_connection(("127.0.0.1", random.choice(ready).port), 2)
            except (OSError, IndexError):
                client.close()
                continue
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        source.settimeout(None)
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

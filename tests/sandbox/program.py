"""What an ordinary Python program does: threads, processes, files, sockets, a small HTTP round trip."""

import concurrent.futures
import hashlib
import http.server
import importlib.util
import multiprocessing
import os
import socket
import subprocess
import tempfile
import threading
import urllib.request


def square(number):
    return number * number


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"hello"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def main():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(square, range(100))) == 328350
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(square, range(10))[9] == 81
    assert subprocess.run(["sh", "-c", "echo $((6 * 7))"], capture_output=True, check=True).stdout == b"42\n"

    with tempfile.NamedTemporaryFile() as file:
        file.write(os.urandom(1 << 16))
        file.flush()
        assert len(hashlib.file_digest(open(file.name, "rb"), "sha256").hexdigest()) == 64

    one, other = socket.socketpair()
    one.sendall(b"x")
    assert other.recv(1) == b"x"
    assert socket.getaddrinfo("127.0.0.1", 80)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    assert opener.open(f"http://127.0.0.1:{server.server_port}/").read() == b"hello"
    server.shutdown()

    if importlib.util.find_spec("numpy"):
        import numpy

        assert numpy.linalg.inv(numpy.eye(64)).sum() == 64
    print("all went well")


if __name__ == "__main__":
    main()

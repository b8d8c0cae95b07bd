"""A small HTTPS API server on loopback, whose every answer a test can script."""

import http.server
import itertools
import json
import socket
import ssl
import threading
import time


def version_info(git_version, major="1", minor="34", **more):
    """The body of GET /version (k8s.io/apimachinery/pkg/version.Info), as API servers print it."""
    info = {"major": major, "minor": minor, "gitVersion": git_version, "gitCommit": "0" * 40,
            "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24.6",
            "compiler": "gc", "platform": "linux/amd64", **more}
    return json.dumps(info, indent=2).encode()


def answer_with(body, status=200, headers=()):
    """A script: an ordinary answer."""
    def script(handler):
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
    return script


def answer_raw(*pieces, goodbye=True):
    """A script: these bytes and nothing else, then the end."""
    def script(handler):
        handler.close_connection = True
        handler.says_goodbye = goodbye
        for piece in pieces:
            handler.wfile.write(piece)
            handler.wfile.flush()
    return script


def by_connection(*scripts):
    """A script: one server for each of `scripts` behind one address, which take turns."""
    return lambda handler: scripts[handler.number % len(scripts)](handler)


def keep_all(handler):
    """A script for a POST: what is created is what was sent."""
    answer_with(handler.body, 201)(handler)


class Request:
    """What one request had in it."""

    def __init__(self, handler):
        self.method = handler.command
        self.path = handler.path
        self.body = handler.body
        self.headers = handler.headers
        self.connection_number = handler.number
        self.client_certificate = handler.connection.getpeercert()
        self.server_name = handler.connection.requested_name


class FakeApiServer:
    """Serves `certificate` from construction to stop(). `script` answers each GET, `post_script` each POST, `patch_script`
    each PATCH. Its clock is `clock_offset` seconds ahead."""

    def __init__(self, certificate, key, script=answer_with(b"{}"), address="127.0.0.1", port=0,
                 client_ca=None):
        self.script = script
        self.post_script = self.patch_script = keep_all
        self.clock_offset = 0
        self.stopping = threading.Event()  # what a script waits on that answers late, or never
        self._requests = []
        self._open = set()
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        context.sni_callback = lambda connection, name, _: setattr(
            connection, "requested_name", name)
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            says_goodbye = True  # TLS's close_notify, without which an end may be an attacker's

            def setup(self):
                # Not in the accepting thread, which a client that only connects would hold up.
                self.request.settimeout(30)
                self.request = context.wrap_socket(self.request, server_side=True)
                fake._open.add(self.request)
                self.number = next(fake._numbers)  # of the connection
                super().setup()

            def finish(self):
                fake._open.discard(self.request)
                super().finish()
                if self.says_goodbye:
                    self.request = self.request.unwrap()

            def do_GET(self):
                self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fake._note(Request(self))
                {"GET": fake.script, "POST": fake.post_script, "PATCH": fake.patch_script}[self.command](self)

            do_POST = do_PATCH = do_GET

            def date_time_string(self, timestamp=None):
                return super().date_time_string((timestamp or time.time()) + fake.clock_offset)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):  # a client that turns away is part of the tests
                pass

        self._server = Server((address, port), Handler)
        self.address = address
        self.port = self._server.server_address[1]
        host = f"[{address}]" if ":" in address else address
        self.url = f"https://{host}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def _note(self, request):
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def wait_for_request(self, matches=lambda request: True, seconds=20):
        """The first request from now on, or already there, that `matches`."""
        def found():
            return next((each for each in self._requests if matches(each)), None)
        with self._changed:
            assert self._changed.wait_for(found, seconds), "the API server was not asked"
            return found()

    def requests(self):
        """All of them so far."""
        with self._changed:
            return list(self._requests)

    def wait_for_more_requests(self, count, seconds=20):
        """Until `count` more requests have come."""
        with self._changed:
            want = len(self._requests) + count
            assert self._changed.wait_for(lambda: len(self._requests) >= want, seconds)

    def stop(self):
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in list(self._open):  # clients keep them for their next request
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

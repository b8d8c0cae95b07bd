"""Clients that call as API servers do: HTTP/1.1, connections kept, no second try of a POST."""

import http.client
import threading
import time


class Load:
    """`clients` threads that POST `body` without pause to 127.0.0.1:port, from construction to stop().

    A connection that is refused is no loss while `may_refuse` is set: nobody serves there any more.
    """

    def __init__(self, port, context, body, clients):
        self.port = port
        self.context = context
        self.body = body
        self.may_refuse = False
        self.served = 0
        self.failures = []
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._client, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _connect(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.context)
        connection.connect()
        return connection

    def _client(self):
        connection = None
        while not self._stopping.is_set():
            try:
                connection = connection or self._connect()
            except ConnectionRefusedError as error:
                if self.may_refuse:
                    return
                self._fail(error)
                time.sleep(0.01)
                continue
            except OSError as error:
                self._fail(error)
                continue
            connection = self._call(connection)

    def _call(self, connection):
        """The connection, if it can be used again."""
        try:
            connection.request("POST", "/mutate", self.body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                self._fail(response.status)
            with self._lock:
                self.served += 1
            return None if response.will_close else connection
        except (OSError, http.client.HTTPException) as error:
            self._fail(error)
            return None

    def _fail(self, what):
        with self._lock:
            self.failures.append(repr(what))

    def join(self):
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def stop(self):
        """What failed, once every client has its last answer."""
        self._stopping.set()
        self.join()
        return self.failures

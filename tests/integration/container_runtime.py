"""A container runtime's CRI socket: Version and Status of runtime.v1.RuntimeService, by Debian's python3-h2."""

import contextlib
import socket
import threading

import h2.config
import h2.connection
import h2.events


def field(number, value):
    """A protobuf field of fewer than 128 bytes, or a number below 128."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    value = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(value)]) + value


def version(name, number):
    return field(1, "0.1.0") + field(2, name) + field(3, number) + field(4, "v1")


def status(**handlers):
    return b"".join(field(3, field(1, name) + field(2, field(1, 1) + field(2, int(has)))) for name, has in handlers.items())


def framed(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


def answer(connection, messages):
    """Answers the call that `connection` holds, as gRPC does."""
    path = ""
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    peer.initiate_connection()
    connection.sendall(peer.data_to_send())
    while received := connection.recv(65536):
        for event in peer.receive_data(received):
            if isinstance(event, h2.events.RequestReceived):
                path = dict(event.headers)[b":path"].decode()
            if isinstance(event, h2.events.StreamEnded):
                message = messages.get(path.rpartition("/")[2])
                assert path.startswith("/runtime.v1.RuntimeService/")
                peer.send_headers(event.stream_id, [(":status", "200"), ("content-type", "application/grpc")])
                if message is not None:
                    peer.send_data(event.stream_id, message)
                trailers = [("grpc-status", "0")] if message is not None else [
                    ("grpc-status", "12"), ("grpc-message", "unknown service runtime.v1.RuntimeService")]
                peer.send_headers(event.stream_id, trailers, end_stream=True)
        connection.sendall(peer.data_to_send())


@contextlib.contextmanager
def runtime(path, serve):
    """Serves each connection to the socket `path` by `serve(connection)`."""
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def accept():
            with contextlib.suppress(OSError):
                while True:
                    connection = listener.accept()[0]
                    with connection, contextlib.suppress(OSError):
                        serve(connection)
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def answering(**messages):
    return lambda connection: answer(connection, messages)

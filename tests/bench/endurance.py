"""What the server takes without harm: idle, half-open and bursting connections, a start, probes under load, a soak. Each
function measures one thing, and says it to row(what, seen, wanted, whether that holds)."""

import socket
import statistics
import subprocess
import threading
import time

from compare import Load
from servers import BINARY, Webhook


def connect_tls(server, context):
    sock = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return context.wrap_socket(sock, server_hostname="127.0.0.1")


def fresh_request(server, context, body):
    """ms from connecting to the whole answer of one review on a new connection."""
    began = time.perf_counter()
    with connect_tls(server, context) as sock:
        sock.sendall(b"POST /mutate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    return (time.perf_counter() - began) * 1e3


def median_fresh(server, context, body, count=50):
    return statistics.median(fresh_request(server, context, body) for _ in range(count))


def idle_connections(keys, core, body, row):
    with Webhook(keys, core) as webhook:
        context = webhook.tls()
        none = median_fresh(webhook, context, body)
        held = [connect_tls(webhook, context) for _ in range(500)]
        before, began = webhook.processor_seconds(), time.monotonic()
        time.sleep(5)
        share = (webhook.processor_seconds() - before) / (time.monotonic() - began) * 100
        with_held = median_fresh(webhook, context, body)
        row("500 idle TLS connections: memory", f"{webhook.memory():.1f} MB", "under 24 MB", webhook.memory() < 24)
        row("500 idle TLS connections: of a core", f"{share:.2f} %", "under 1 %", share < 1)
        row("500 idle TLS connections: a request on a fresh one", f"{with_held:.2f} ms; with none {none:.2f} ms",
            "at most 1.25 times it", with_held <= none * 1.25)
        for sock in held:
            sock.close()


def half_open_connections(keys, core, body, row):
    with Webhook(keys, core) as webhook:
        context = webhook.tls()
        held, stopping = [socket.create_connection(("127.0.0.1", webhook.port)) for _ in range(2000)], threading.Event()

        def dribble():
            while not stopping.wait(0.5):
                for number, sock in enumerate(held):
                    try:
                        if number % 2:
                            sock.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03"[:1])
                    except OSError:
                        pass

        threading.Thread(target=dribble, daemon=True).start()
        slowest = statistics.median(fresh_request(webhook, context, body) for _ in range(50))
        row("2,000 half-open or dribbling connections: a fresh request", f"{slowest:.2f} ms", "under 10 ms", slowest < 10)
        time.sleep(8)
        stopping.set()
        left = webhook.metrics()["open_connections"]
        row("2,000 half-open or dribbling connections: left after 8 s", f"{left:.0f}", "none", left == 0)
        for sock in held:
            sock.close()


def burst(keys, core, row):
    with Webhook(keys, core) as webhook:
        context, times = webhook.tls(), []

        def connect():
            began = time.perf_counter()
            connect_tls(webhook, context).close()
            times.append((time.perf_counter() - began) * 1e3)

        # One thread for each, so that all are there at once; what the client's core spends counts, too.
        threads = [threading.Thread(target=connect) for _ in range(200)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        whole = (time.perf_counter() - began) * 1e3
        row("a burst of 200 new TLS connections: refused", f"{200 - len(times)}", "none", len(times) == 200)
        row("a burst of 200 new TLS connections: median until connected", f"{statistics.median(times):.1f} ms; all in {whole:.0f} ms", "under 50 ms",
            statistics.median(times) < 50)


def start_time(keys, binary=BINARY):
    """ms from exec until it says where it serves."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [binary, "serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--tls-cert",
         str(keys / "tls.crt"), "--tls-key", str(keys / "tls.key"), "--kube-version", "1.34"],
        stderr=subprocess.PIPE)
    process.stderr.readline()
    took = (time.perf_counter() - began) * 1e3
    process.kill()
    process.wait()
    return took


def start(keys, rounds, row):
    times = [start_time(keys) for _ in range(max(rounds, 5))]
    row("from exec to serving", f"{statistics.median(times):.1f} ms", "under 50 ms", statistics.median(times) < 50)


def probes(keys, row):
    with Webhook(keys, None) as webhook:  # on every core, and so is the load
        load = threading.Thread(target=Load(keys, None).run, args=(webhook, 128, 6))
        load.start()
        time.sleep(1)
        times = []
        for _ in range(100):
            began = time.perf_counter()
            assert webhook.ops("/livez").status == 200
            times.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.03)
        load.join()
    times.sort()
    row("liveness while reviews saturate every core: p99", f"{times[98]:.1f} ms; p50 {times[49]:.1f} ms",
        "under 50 ms", times[98] < 50)


def soak(keys, cores, body, row):
    load = Load(keys, cores[1])
    with Webhook(keys, cores[0]) as webhook:
        context = webhook.tls()
        load.run(webhook, 32, 10)
        for _ in range(2000):
            fresh_request(webhook, context, body)
        before, served = webhook.memory(), webhook.metrics()['http_responses_total{code="200"}']
        for _ in range(48_000):
            fresh_request(webhook, context, body)
        while webhook.metrics()['http_responses_total{code="200"}'] - served < 1_000_000:
            load.run(webhook, 32, 20)
        after = webhook.memory()
        row("memory after 1,000,000 requests and 50,000 connections", f"{after:.1f} MB; {before:.1f} MB before",
            "at most 1.1 times it", after <= before * 1.1)

"""What a review costs in each server: rounds in turn, one load, medians, answers checked."""

import contextlib
import dataclasses
import json
import statistics
import subprocess

import jsonpatch
from kube_request import REVIEW, split_answer, to_patch, to_request
from servers import BUILD, Axum, ControllerRuntime, Floor, Missing, Nginx, Webhook, pin

PEERS = {"Rust: axum, rustls, kube-core": Axum, "Go: controller-runtime": ControllerRuntime}
NGINX = "nginx: a fixed answer of the same length"
TRANSPORT, BARE = "our transport: the same answer, fixed", "epoll and OpenSSL: the same answer, unasked"
OURS = "code-executor-webhook"
CONNECTIONS = (8, 128)


@dataclasses.dataclass
class Sample:
    micros: float  # of processor time, user's and system's, per request
    rate: float  # requests per second
    p50: float  # ms
    p99: float  # ms


class Load:
    """tests/bench/load.cc on its own core."""

    def __init__(self, directory, core, request="request"):
        self.directory, self.core, self.request = directory, core, directory / request

    def run(self, server, connections, seconds):
        """A Sample; leaves the answer in file `seen`."""
        load = subprocess.Popen([*map(str, [BUILD / "tests/bench/load", server.port, connections, seconds, self.request,
                                            self.directory / "seen"])], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                text=True, preexec_fn=pin(self.core))
        assert load.stdout.readline() == "connected\n"
        before = server.processor_seconds()
        out, _ = load.communicate("\n", timeout=seconds + 60)
        assert load.returncode == 0
        used, seen = server.processor_seconds() - before, json.loads(out)
        # Go's library takes the operations of a patch out of a map, in any order.
        assert seen["differing"] == 0 or isinstance(server, ControllerRuntime)
        return Sample(micros=used / seen["requests"] * 1e6, rate=seen["requests"] / seen["seconds"],
                      p50=seen["p50_us"] / 1e3, p99=seen["p99_us"] / 1e3)

    def answer(self):
        return (self.directory / "seen").read_bytes()


def median(samples):
    return Sample(*(statistics.median(column) for column in zip(*map(dataclasses.astuple, samples))))


def changed(answer):
    """What the sandbox sets in the pod that is reviewed: servers may print the rest of it in another way."""
    review = json.loads(REVIEW.read_text())
    pod = jsonpatch.apply_patch(review["request"]["object"], to_patch(split_answer(answer)))
    spec = pod["spec"]
    return {"annotations": pod["metadata"]["annotations"], "hostUsers": spec["hostUsers"], "volumes": spec["volumes"],
            "initContainers": spec["initContainers"], "securityContext": spec["containers"][0]["securityContext"]}


def write_inputs(directory, webhook, load):
    """The request, our answer to it, and what the peers are to inject to give the same."""
    (directory / "request").write_bytes(to_request(REVIEW.read_bytes()))
    load.run(webhook, 1, 0.1)
    (directory / "answer").write_bytes(load.answer())
    ours, before = changed(load.answer()), json.loads(REVIEW.read_text())["request"]["object"]
    new = {key: value for key, value in ours["annotations"].items() if key not in before["metadata"]["annotations"]}
    (directory / "fragments.json").write_text(json.dumps({
        "annotations": new, "volumes": ours["volumes"][len(before["spec"]["volumes"]):],
        "installer": ours["initContainers"][0], "securityContext": ours["securityContext"]}))


def check(name, server, load, directory):
    load.run(server, 1, 0.1)
    ours, seen = (directory / "answer").read_bytes(), load.answer()
    if name in PEERS:
        assert changed(seen) == changed(ours), f"{name}: its patch is another"
    else:
        assert split_answer(seen) == split_answer(ours), f"{name}: its answer is another"


def start_all(stack, directory, core, load, missing):
    """Ours first: it says what the others have to answer."""
    servers = {OURS: stack.enter_context(Webhook(directory, core))}
    write_inputs(directory, servers[OURS], load)
    for name, peer in PEERS.items():
        try:
            peer.build()
            servers[name] = stack.enter_context(peer(directory, core))
        except Missing as why:
            missing[name] = str(why)
    try:
        servers[NGINX] = stack.enter_context(Nginx(directory, core))
    except Missing as why:
        missing[NGINX] = str(why)
    servers[TRANSPORT] = stack.enter_context(Floor("transport", directory, core))
    servers[BARE] = stack.enter_context(Floor("bare", directory, core))
    for name, server in servers.items():
        check(name, server, load, directory)
    return servers


def compare(directory, cores, rounds, seconds):
    """{(server, connections): Sample}, and {peer: why it is missing}."""
    load, missing, seen = Load(directory, cores[1]), {}, {}
    with contextlib.ExitStack() as stack:
        servers = start_all(stack, directory, cores[0], load, missing)
        for connections in CONNECTIONS:
            for number in range(rounds + 1):
                for name, server in servers.items():
                    sample = load.run(server, connections, seconds if number else 0.3)
                    if number:  # the first round warms up
                        seen.setdefault((name, connections), []).append(sample)
    return {key: median(samples) for key, samples in seen.items()}, missing


def to_table(samples):
    few, many = CONNECTIONS
    lines = [f"| | µs of processor, {few} connections | {many} | reviews/s, {few} | {many} | p50, p99 at {few} | at {many} |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for name in dict.fromkeys(name for name, _ in samples):
        a, b = samples[name, few], samples[name, many]
        shown = f"**{name}**" if name == OURS else name
        lines.append(f"| {shown} | {a.micros:.1f} | {b.micros:.1f} | {a.rate:,.0f} | {b.rate:,.0f} | "
                     f"{a.p50:.2f}, {a.p99:.2f} ms | {b.p50:.2f}, {b.p99:.2f} ms |")
    return lines


def goals(samples):
    """(what, seen, wanted, whether it holds) of each goal whose peer is there."""
    rust, go = PEERS
    for peer, most in ((rust, 1 / 5), (go, 1 / 25), (NGINX, 2)):
        for connections in CONNECTIONS:
            if (peer, connections) not in samples:
                continue
            ratio = samples[OURS, connections].micros / samples[peer, connections].micros
            yield (f"processor time, {connections} connections, as a share of: {peer}", f"{ratio:.3f}", f"at most {most:g}",
                   ratio <= most)
    for connections in CONNECTIONS:
        ratio = samples[OURS, connections].rate / samples[TRANSPORT, connections].rate
        yield f"rate, {connections} connections, as a share of: {TRANSPORT}", f"{ratio:.2f}", "at least 0.7", ratio >= 0.7
    many = CONNECTIONS[-1]
    for peer in (*PEERS, NGINX):
        if (peer, many) in samples:
            ours, theirs = samples[OURS, many].p99, samples[peer, many].p99
            yield f"p99, {many} connections, beside: {peer}", f"{ours:.2f} ms to {theirs:.2f} ms", "under it", ours < theirs


def losses(samples):
    """Where another server is better than ours, in words; floors are floors."""
    for (name, connections), sample in samples.items():
        if name in (OURS, TRANSPORT, BARE):
            continue
        ours = samples[OURS, connections]
        pairs = {"processor time": (ours.micros, sample.micros), "rate": (-ours.rate, -sample.rate),
                 "p50": (ours.p50, sample.p50), "p99": (ours.p99, sample.p99)}
        lost = [what for what, (mine, theirs) in pairs.items() if mine > theirs]
        if lost:
            yield f"{name}, {connections} connections: {', '.join(lost)}"

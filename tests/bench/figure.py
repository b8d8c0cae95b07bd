"""How the cost of a review grows with its size: measured, and drawn as an SVG that is readable in light and dark."""

import json
import math
import statistics

from compare import Load
from kube_request import REVIEW, to_request
from servers import Webhook

SIZES = (6_000, 40_000, 1_000_000, 7_000_000)
SHAPES = {"many small containers": 200, "a few large containers": None}
COLOURS = ("#2f81f7", "#d9822b")  # told apart on white and on black
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 400, 70, 30, 20, 50


def to_text(value):
    return json.dumps(value, separators=(",", ":"))


def make_container(number, size):
    container = {"name": f"c{number:06}", "image": "registry.example/image:1.0", "env": []}
    variable = {"name": "SETTING_000000", "value": "a value of some length"}
    count = (size - len(to_text(container))) // (len(to_text(variable)) + 1)
    container["env"] = [variable | {"name": f"SETTING_{each:06}"} for each in range(count)]
    return container


def make_review(size, container_bytes):
    """A review of about `size` bytes: containers of `container_bytes` beside the target, or three that share the rest."""
    review = json.loads(REVIEW.read_text())
    containers = review["request"]["object"]["spec"]["containers"]
    containers[0]["env"] = []
    rest = size - len(to_text(review))
    each = len(to_text(make_container(0, container_bytes or rest // 3))) + 1
    containers += [make_container(number, each) for number in range(round(rest / each))]
    return to_text(review).encode()


def measure(directory, cores, rounds, seconds):
    """{shape: [(bytes, µs of processor)]}"""
    points = {shape: [] for shape in SHAPES}
    with Webhook(directory, cores[0]) as webhook:
        for shape, container_bytes in SHAPES.items():
            for size in SIZES:
                body = make_review(size, container_bytes)
                (directory / "sized").write_bytes(to_request(body))
                load = Load(directory, cores[1], "sized")
                load.run(webhook, 1, seconds / 2)
                micros = statistics.median(load.run(webhook, 1, seconds).micros for _ in range(rounds))
                points[shape].append((len(body), micros))
    return points


def per_byte(points):
    """The largest cost of a byte beyond the smallest review, by the smallest such cost: 1 is a straight line."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for line in points.values() for a, b in zip(line[1:], line[2:])]
    return max(slopes) / min(slopes)


def to_svg(points):
    xs, ys = ([point[axis] for line in points.values() for point in line] for axis in (0, 1))
    low_x, high_x = math.log10(min(xs)), math.log10(max(xs))
    low_y, high_y = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def at(x, y):
        return (LEFT + (math.log10(x) - low_x) / (high_x - low_x) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - (math.log10(y) - low_y) / (high_y - low_y) * (HEIGHT - TOP - BOTTOM))

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" '
             'font-size="13">', "<title>Processor time of a review, by the size of its body</title>",
             # Dark where the reader's browser says so, on a panel of its own, as the page may be otherwise.
             "<style>text { fill: #24292f } .grid { stroke: #d0d7de } .panel { fill: #ffffff } "
             "@media (prefers-color-scheme: dark) "
             "{ text { fill: #c9d1d9 } .grid { stroke: #484f58 } .panel { fill: #0d1117 } }</style>",
             f'<rect class="panel" width="{WIDTH}" height="{HEIGHT}" rx="10"/>']
    for power in range(low_y, high_y + 1):
        _, y = at(min(xs), 10**power)
        label = f"{10**power:g} µs" if power < 3 else f"{10**(power - 3):g} ms"
        lines.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    for size, label in zip(SIZES, ("6 KB", "40 KB", "1 MB", "7 MB")):
        x, _ = at(min(max(size, min(xs)), max(xs)), 10**low_y)
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{label}</text>')
    lines.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">body of the review; '
                 "processor time of the whole server, with TLS</text>")
    for number, (shape, line) in enumerate(points.items()):
        colour, places = COLOURS[number], [at(*point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = ' stroke-dasharray="6 4"' if number else ""
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in places]
        y = TOP + 10 + 20 * number
        lines.append(f'<line x1="{LEFT + 12}" y1="{y}" x2="{LEFT + 40}" y2="{y}" stroke="{colour}" stroke-width="2"{dash}/>')
        lines.append(f'<text x="{LEFT + 48}" y="{y + 4}">{shape}: '
                     + ", ".join(f"{micros:,.0f}" for _, micros in line) + " µs</text>")
    return "\n".join([*lines, "</svg>", ""])

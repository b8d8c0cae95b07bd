"""What the pictures have in common: a panel of their own, so that they are readable whatever page they stand on, in
light, and in dark where the reader's browser asks for it."""

from html import escape

# Class: light, dark. Text and lines of a class have the same colour.
COLOURS = {
    "plain": ("#1f2328", "#e6edf3"),
    "quiet": ("#59636e", "#9198a1"),
    "bad": ("#cf222e", "#ff7b72"),
    "good": ("#1a7f37", "#3fb950"),
    "blue": ("#0969da", "#58a6ff"),
}
PANEL, BORDER = ("#ffffff", "#0d1117"), ("#d1d9e0", "#3d444d")
SOFT = {"bad": ("#ffebe9", "#3a1d1f"), "good": ("#e6f7ea", "#14301d"), "blue": ("#e7f3ff", "#12253d"),
        "quiet": ("#f6f8fa", "#161b22")}
SANS = "-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"


def _rules(shade):
    for name, colours in COLOURS.items():
        yield f".{name} {{ fill: {colours[shade]} }} .l-{name} {{ stroke: {colours[shade]} }}"
    for name, colours in SOFT.items():
        yield f".s-{name} {{ fill: {colours[shade]} }}"
    yield f".panel {{ fill: {PANEL[shade]}; stroke: {BORDER[shade]} }} .frame {{ stroke: {BORDER[shade]} }}"


class Picture:
    """An SVG that grows: coordinates are pixels of `width` by `height`, texts stand on their base line."""

    def __init__(self, width, height, title, style=""):
        self.lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="{SANS}" '
            'font-size="14">',
            f"<title>{escape(title)}</title>", "<style>", *_rules(0),
            "@media (prefers-color-scheme: dark) {", *_rules(1), "}",
            f".mono {{ font-family: {MONO}; font-size: 12px }} .big {{ font-size: 17px; font-weight: 600 }}",
            *([style] if style else []), "</style>",
            f'<rect class="panel" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>']

    def box(self, x, y, width, height, kind="frame", soft=None, dashed=False):
        dash = ' stroke-dasharray="6 4"' if dashed else ""
        line = kind if kind == "frame" else f"l-{kind}"
        fill = f'class="{line} s-{soft}"' if soft else f'class="{line}" fill="none"'
        self.lines.append(f'<rect {fill} x="{x}" y="{y}" width="{width}" height="{height}" rx="6"{dash}/>')

    def text(self, x, y, words, kind="plain", anchor="start"):
        """`kind` is a class of COLOURS and, after a blank, mono or big."""
        middle = "" if anchor == "start" else f' text-anchor="{anchor}"'
        words = escape(words, quote=False)
        self.lines.append(f'<text class="{kind}" x="{x}" y="{y}" xml:space="preserve"{middle}>{words}</text>')

    def arrow(self, points, kind="quiet"):
        """A line through the points, with a head at the last."""
        path = " ".join(f"{x},{y}" for x, y in points)
        (x0, y0), (x1, y1) = points[-2:]
        right, down = (x1 > x0) - (x1 < x0), (y1 > y0) - (y1 < y0)
        back = [(x1 - 8 * right - 4 * down, y1 - 8 * down - 4 * right), (x1 - 8 * right + 4 * down, y1 - 8 * down + 4 * right)]
        self.lines.append(f'<polyline class="l-{kind}" points="{path}" fill="none" stroke-width="1.5"/>')
        self.lines.append(f'<polygon class="{kind}" points="' + " ".join(f"{x},{y}" for x, y in [(x1, y1), *back]) + '"/>')

    def __str__(self):
        return "\n".join([*self.lines, "</svg>", ""])

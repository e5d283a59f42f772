# SPDX-License-Identifier: GPL-3.0-or-later
"""A log-log plot as SVG, written by hand: nothing to install, and it reads well as a diff."""
import math
from dataclasses import dataclass

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 76, 190, 36, 56
LABEL_GAP = 15


@dataclass
class Line:
    name: str
    colour: str
    points: dict  # x: y
    dashed: bool = False


def number(value):
    return f"{value:,}" if value >= 1000 else f"{value:g}"


class Scale:
    def __init__(self, values, first, last, margin):
        self.low, self.high = math.log10(min(values) / margin), math.log10(max(values) * margin)
        self.first, self.last = first, last

    def at(self, value):
        share = (math.log10(value) - self.low) / ((self.high - self.low) or 1)
        return self.first + share * (self.last - self.first)

    def marks(self, steps):
        """Values inside: powers of ten times each of `steps`."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        values = [step * 10 ** power for power in powers for step in steps]
        return [value for value in values if self.low <= math.log10(value) <= self.high]


def spread(wanted):
    """Heights of labels, moved apart: [(height wanted, key)] to {key: height}."""
    placed, last = {}, -math.inf
    for height, key in sorted(wanted):
        last = max(height, last + LABEL_GAP)
        placed[key] = last
    over = last - (HEIGHT - BOTTOM)
    return {key: height - max(0, over) for key, height in placed.items()}


def grid(x, y, counts, x_title, y_title):
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    out = []
    for value in y.marks((1, 2, 5)):
        strong = math.log10(value).is_integer()
        at = y.at(value)
        out.append(f'<line x1="{LEFT}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" '
                   f'stroke="{"#ccc" if strong else "#eee"}"/>')
        if strong or y.high - y.low < 2:
            out.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
                       f'{number(round(value, 3))}</text>')
    for count in counts:
        out.append(f'<line x1="{x.at(count):.1f}" x2="{x.at(count):.1f}" y1="{TOP}" y2="{bottom}" '
                   f'stroke="#eee"/><text x="{x.at(count):.1f}" y="{bottom + 18}" '
                   f'text-anchor="middle">{number(count)}</text>')
    out.append(f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{x_title}</text>'
               f'<text x="18" y="{(TOP + bottom) / 2}" transform="rotate(-90 18 {(TOP + bottom) / 2})" '
               f'text-anchor="middle">{y_title}</text>')
    return out


def svg(lines, x_title, y_title, title=""):
    lines = [line for line in lines if line.points]
    counts = sorted({count for line in lines for count in line.points})
    values = [value for line in lines for value in line.points.values()]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
           f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">'
           '<rect width="100%" height="100%" fill="white"/>']
    if title:
        out.append(f'<text x="{LEFT}" y="20" font-size="14">{title}</text>')
    if counts:
        x = Scale(counts, LEFT, WIDTH - RIGHT, 1.0)
        y = Scale(values, HEIGHT - BOTTOM, TOP, 1.2)
        out += grid(x, y, counts, x_title, y_title)
        heights = spread([(y.at(line.points[max(line.points)]), at) for at, line in enumerate(lines)])
        for at, line in enumerate(lines):
            out += draw(line, x, y, heights[at])
    return "\n".join(out) + "\n</svg>\n"


def draw(line, x, y, label):
    points = [(x.at(count), y.at(value)) for count, value in sorted(line.points.items())]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dash = ' stroke-dasharray="6 4"' if line.dashed else ""
    out = [f'<polyline points="{path}" fill="none" stroke="{line.colour}" stroke-width="2"{dash}/>']
    out += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{line.colour}"/>' for a, b in points]
    end, height = points[-1]
    if end < WIDTH - RIGHT - 1:  # it stopped early: the label stands where it did
        return [*out, f'<text x="{end + 8:.1f}" y="{height + 4:.1f}" fill="{line.colour}">{line.name}</text>']
    return [*out, f'<text x="{WIDTH - RIGHT + 10}" y="{label + 4:.1f}" fill="{line.colour}">'
            f'{line.name}</text>']

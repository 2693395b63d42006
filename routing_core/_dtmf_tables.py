"""The tone detector's constants: `python -m routing_core._dtmf_tables` writes them anew.

All three bands are one window, a Dolph-Chebyshev of 6 ms whose side lobes are 45 dB down, moved to
three centres: so much keeps dial tone (up to 450 Hz) out of the low tones' band, and the groups out
of each other's.
"""

import math
from pathlib import Path

TABLES = Path(__file__).parent / "csrc" / "dtmf_tables.h"

WINDOW = 48  # samples
SAMPLE_RATE_HZ = 8000
SIDE_LOBES_DB = 45.0

# The low tones; 1209 and 1336 Hz; 1477 and 1633 Hz. Half way between the outermost, a little up.
CENTRES_HZ = {"LOW": 823, "MIDDLE": 1272, "UPPER": 1560}

# What a window sums to: 32768 times it fits 32 bits.
TAPS_SUM = 65_000

# The droop is fitted as far as a tone can lie from its band's centre.
DROOP_SPAN_HZ = 200
DROOP_TERMS = 4


def window() -> list[float]:
    """The prototype, summing to TAPS_SUM."""
    order = WINDOW - 1
    beta = math.cosh(math.acosh(10 ** (SIDE_LOBES_DB / 20)) / order)

    def chebyshev(x: float) -> float:
        return math.cos(order * math.acos(x)) if x <= 1 else math.cosh(order * math.acosh(x))

    def tap(middle: float) -> float:
        return chebyshev(beta) + 2 * sum(
            chebyshev(beta * math.cos(math.pi * k / WINDOW))
            * math.cos(2 * math.pi * k * middle / WINDOW)
            for k in range(1, WINDOW // 2)
        )

    taps = [tap(n - order / 2) for n in range(WINDOW)]
    scale = TAPS_SUM / sum(taps)
    return [scale * value for value in taps]


def band(hz: float) -> tuple[list[int], list[int]]:
    """The window turned against a tone of this frequency, its middle unturned: (re, im)."""
    middle = (WINDOW - 1) / 2
    turns = [2 * math.pi * hz * (n - middle) / SAMPLE_RATE_HZ for n in range(WINDOW)]
    re = [round(tap * math.cos(turn)) for tap, turn in zip(window(), turns, strict=True)]
    im = [round(-tap * math.sin(turn)) for tap, turn in zip(window(), turns, strict=True)]
    return re, im


def droop() -> list[float]:
    """Least squares: the window's amplitude as a polynomial in the square of (Hz / 100)."""
    taps = window()
    rows, kept = [], []
    for hz in range(DROOP_SPAN_HZ):
        turn = 2 * math.pi * hz / SAMPLE_RATE_HZ
        response = sum(tap * math.cos(turn * (n - 23.5)) for n, tap in enumerate(taps))
        kept.append(response / sum(taps))
        rows.append([(hz / 100) ** (2 * term) for term in range(DROOP_TERMS)])
    normal = [
        [sum(row[i] * row[j] for row in rows) for j in range(DROOP_TERMS)]
        + [sum(row[i] * value for row, value in zip(rows, kept, strict=True))]
        for i in range(DROOP_TERMS)
    ]
    return _solved(normal)


def _solved(rows: list[list[float]]) -> list[float]:
    for i, pivot in enumerate(rows):
        rows[i] = pivot = [value / pivot[i] for value in pivot]
        for j, row in enumerate(rows):
            if j != i:
                rows[j] = [a - row[i] * b for a, b in zip(row, pivot, strict=True)]
    return [row[-1] for row in rows]


def _array(ctype: str, name: str, values: list[str]) -> str:
    lines, line = [], "\t"
    for value in values:
        if len(line) + len(value) > 80:
            lines.append(line.rstrip())
            line = "\t"
        line += f"{value}, "
    lines.append(line.rstrip(" ,") + "};")
    return f"static const {ctype} {name}[{len(values)}] = {{\n" + "\n".join(lines) + "\n"


def tables() -> str:
    """The header as it stands in csrc."""
    parts = [
        "/* The bands of the tone detector, made by routing_core/_dtmf_tables.py: change that. */\n"
        "#ifndef RC_DTMF_TABLES_H\n#define RC_DTMF_TABLES_H\n\n#include <stdint.h>\n"
    ]
    for name, hz in CENTRES_HZ.items():
        re, im = band(hz)
        parts.append(f"/* {hz} Hz */\n" + _array("int16_t", f"{name}_RE", [*map(str, re)]))
        parts.append(_array("int16_t", f"{name}_IM", [*map(str, im)]))
    centres = [f"{hz}.0f" for hz in CENTRES_HZ.values()]
    parts.append(_array("float", "CENTRE_HZ", centres))
    parts.append(f"/* The taps' sum. */\nstatic const float TAPS_SUM = {TAPS_SUM}.0f;\n")
    parts.append(
        "/* What a band keeps of an amplitude, in powers of (Hz from its centre / 100)^2 */\n"
        + _array("float", "DROOP", [f"{value:.7f}f" for value in droop()])
    )
    return "\n".join(parts) + "\n#endif\n"


if __name__ == "__main__":
    TABLES.write_text(tables())

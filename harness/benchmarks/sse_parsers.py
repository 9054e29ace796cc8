"""Event stream parsers side by side: how fast each one is.

    python harness/benchmarks/sse_parsers.py [--megabytes 50] [--shape data,typed] [--only speed,growth]

All parsers run in one process, in turns over the same chunks, through their public interface. A turn takes about a
megabyte; a rate is the median of the turns, and a ratio is the median of the ratios within a turn, so that a slow
moment of the machine meets all alike. Time is the CPU time of the process. The *ceiling* is what any parser in Python
has to do at least: split the bytes at the blank lines and decode the pieces. Prints Markdown. Which streams each one
gets wrong is told by `sse_faults.py`.
"""

import argparse
import platform
import random
import statistics
import time
from collections.abc import Callable, Iterable

from sse_contestants import Contestant, Count, present

TEXT = "a tram is late at stop number seven; the next bus on line 12 has data: city = Oslo, delay 4 min."
WORDS = TEXT.split(" ")
GROWTH = (1, 2, 4, 8)  # megabytes in one event
PATIENCE = 2.0  # seconds for one event; a parser that took longer is spared the larger ones


def ceiling(end: bytes) -> Contestant:
    """Split and decode; nothing is interpreted, and the cuts are ignored."""

    def count(chunks: Iterable[bytes]) -> int:
        return sum(len([piece.decode() for piece in chunk.split(end + end)]) for chunk in chunks)

    return Contestant("ceiling: split, decode", count)


def stream_of(shape: str, size: int, end: bytes, total: int) -> list[bytes]:
    """Events of `size` bytes (with LF) that make up about `total` bytes."""
    generator = random.Random(f"{shape} {size}")  # noqa: S311 - sample text
    events = []
    for number in range(max(1, total // size)):
        head = "" if shape == "data" else f"event: delay\nid: {number:07}\n"
        text = f"{head}data: "
        while len(text) < size:
            text += generator.choice(WORDS) + " "
        events.append(f"{text[: size - 3]}.\n\n".encode().replace(b"\n", end))
    return events


def chunked(events: list[bytes], size: int) -> list[bytes]:
    """The stream in chunks of `size` bytes; 0 is one event in each chunk."""
    if size == 0:
        return events
    stream = b"".join(events)
    return [stream[start : start + size] for start in range(0, len(stream), size)]


def timed(count: Count, chunks: list[bytes]) -> tuple[float, int]:
    """The CPU seconds and the number of events."""
    start = time.process_time()
    events = count(chunks)
    return time.process_time() - start, events


def speed(contestants: list[Contestant], shapes: list[str], megabytes: float, turn: float) -> None:
    """Print the rates, one row a kind of stream and a parser."""
    for shape in shapes:
        print(f"\n## Speed, {shape} events\n")
        print("| event | line end | chunk | parser | MB/s | x httpx-sse | of the ceiling |")
        print("|---|---|---|---|---:|---:|---:|")
        for size in (70, 1024):
            for end, end_name in ((b"\n", "LF"), (b"\r\n", "CRLF")):
                events = stream_of(shape, size, end, int(turn * 1e6))
                for chunk in (0, 4096, 65536):
                    racers = [*contestants, ceiling(end)]
                    times = race(racers, chunked(events, chunk), len(events), max(1, round(megabytes / turn)))
                    bytes_in_turn = sum(map(len, events))
                    for racer in racers:
                        rate = bytes_in_turn / statistics.median(times[racer.name]) / 1e6
                        base = ratio(times, racer, lambda name: name.startswith("httpx-sse "))
                        top = ratio(times, racer, lambda name: name.startswith("ceiling"))
                        kind = f"| {size} B | {end_name} | {chunk or 'an event'} |"
                        print(f"{kind} {racer.name} | {rate:.0f} | {base} | {top} |", flush=True)


def race(racers: list[Contestant], chunks: list[bytes], events: int, turns: int) -> dict[str, list[float]]:
    """The times of each racer, turn by turn; who is first changes with each turn."""
    times: dict[str, list[float]] = {racer.name: [] for racer in racers}
    for number in range(-1, turns):  # one turn to warm up
        for position in range(len(racers)):
            racer = racers[(position + number) % len(racers)]
            seconds, counted = timed(racer.count, chunks)
            if counted != events and not racer.name.startswith("ceiling"):
                raise SystemExit(f"{racer.name} found {counted} events, not {events}")
            if number >= 0:
                times[racer.name].append(seconds)
    return times


def ratio(times: dict[str, list[float]], racer: Contestant, is_base: Callable[[str], bool]) -> str:
    """How many times as fast as the base, as the median over the turns."""
    for name in filter(is_base, times):
        return f"{statistics.median(b / a for a, b in zip(times[racer.name], times[name], strict=True)):.2f}"
    return "-"


def growth(contestants: list[Contestant], turns: int) -> None:
    """Print what a byte costs in one event of growing size; a linear parser has the same number all along."""
    print("\n## One large event in chunks of 1 KB: nanoseconds a byte\n")
    print(f"| lines | parser | {' | '.join(f'{size} MB' for size in GROWTH)} |")
    print(f"|---|---|{'---:|' * len(GROWTH)}")
    for lines, line in (("one", b""), ("of 100 bytes", b"data: " + b"x" * 93 + b"\n")):
        for contestant in contestants:
            cells: list[str] = []
            best = 0.0
            for size in GROWTH:
                if best > PATIENCE:
                    cells.append("-")
                    continue
                body = line * (size * 1_000_000 // len(line)) if line else b"data: " + b"x" * size * 1_000_000 + b"\n"
                chunks = chunked([body + b"\n"], 1024)
                best = min(timed(contestant.count, chunks)[0] for _ in range(turns))
                cells.append(f"{best / len(body) * 1e9:.2f}")
            print(f"| {lines} | {contestant.name} | {' | '.join(cells)} |", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run what was asked for and print it."""
    options = argparse.ArgumentParser(description="Event stream parsers side by side.")
    options.add_argument("--megabytes", type=float, default=50, help="how much each parser gets of each kind of stream")
    options.add_argument("--turn", type=float, default=1, help="megabytes a turn")
    options.add_argument("--shape", default="data", help="data, typed (event, id and data), or both with a comma")
    options.add_argument("--only", default="speed,growth", help="which tables")
    chosen = options.parse_args(arguments)
    contestants, missing = present()
    print("# Event stream parsers\n")
    print(f"Python {platform.python_version()}, {platform.machine()}; {chosen.megabytes:g} MB of each kind of stream.")
    print(f"Missing: {', '.join(missing) or 'none'}.")
    tables = chosen.only.split(",")
    if "speed" in tables:
        speed(contestants, chosen.shape.split(","), chosen.megabytes, min(chosen.turn, chosen.megabytes))
    if "growth" in tables:
        growth(contestants, 1 if chosen.megabytes < 10 else 3)


if __name__ == "__main__":
    main()

"""Event stream parsers side by side: how fast each one is, and which of the test vectors it gets wrong.

    python harness/benchmarks/sse_parsers.py [--megabytes 50] [--shape data,typed] [--only speed,growth,faults]

All parsers run in one process, in turns over the same chunks, through their public interface. A turn takes about a
megabyte; a rate is the median of the turns, and a ratio is the median of the ratios within a turn, so that a slow
moment of the machine meets all alike. Time is the CPU time of the process. The *ceiling* is what any parser in Python
has to do at least: split the bytes at the blank lines and decode the pieces. Prints Markdown.
"""

import argparse
import importlib.metadata
import importlib.util
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType

HARNESS = Path(__file__).resolve().parents[1]
if importlib.util.find_spec("asgi_conformance") is None:  # a checkout that is not installed
    sys.path.insert(0, str(HARNESS))

from asgi_conformance.sse import EventStreamParser  # noqa: E402 - after the path

Seen = tuple[str, str, str]  # type, data, id
Parse = Callable[[Iterable[bytes]], Iterable[Seen]]  # for the vectors
Count = Callable[[Iterable[bytes]], int]  # for the clock
TEXT = "a tram is late at stop number seven; the next bus on line 12 has data: city = Oslo, delay 4 min."
WORDS = TEXT.split(" ")
GROWTH = (1, 2, 4, 8)  # megabytes in one event
PATIENCE = 2.0  # seconds for one event; a parser that took longer is spared the larger ones


class Contestant:
    """A parser: how to count the events of a stream, and how to read them."""

    def __init__(self, name: str, count: Count, parse: Parse | None = None) -> None:
        self.name = name
        self.count = count
        self.parse = parse


def ours() -> Contestant:
    """The parser of this project."""

    def count(chunks: Iterable[bytes]) -> int:
        parser = EventStreamParser()
        feed, events = parser.feed, 0
        for chunk in chunks:
            for _ in feed(chunk):
                events += 1
        return events

    def parse(chunks: Iterable[bytes]) -> Iterator[Seen]:
        parser = EventStreamParser()
        for chunk in chunks:
            for event in parser.feed(chunk):
                yield event.type, event.data, event.last_event_id

    return Contestant("asgi_conformance.sse", count, parse)


def httpx_sse() -> Contestant:
    """httpx-sse, as its users have it: over the text that httpx makes of the response."""
    import httpx  # noqa: PLC0415 - each contestant may be missing
    import httpx_sse  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[httpx_sse.ServerSentEvent]:
        response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=iter(chunks))
        return httpx_sse.EventSource(response).iter_sse()

    return Contestant(
        f"httpx-sse {version('httpx-sse')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id) for event in events(chunks)),
    )


def httpx_sse_decoders() -> Contestant:
    """The two decoders of httpx-sse without an httpx response around them, fed with text decoded as httpx does it."""
    import codecs  # noqa: PLC0415

    from httpx_sse._decoders import SSEDecoder, SSELineDecoder  # noqa: PLC0415

    def count(chunks: Iterable[bytes]) -> int:
        text, lines, events = codecs.getincrementaldecoder("utf-8")("replace"), SSELineDecoder(), SSEDecoder()
        total = 0
        for chunk in chunks:
            for line in lines.decode(text.decode(chunk)):
                if events.decode(line) is not None:
                    total += 1
        return total

    return Contestant("httpx-sse, its decoders alone", count)


def httpx2() -> Contestant:
    """The event source that is part of httpx2."""
    import httpx2  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[httpx2.ServerSentEvent]:
        response = httpx2.Response(
            200,
            headers={"content-type": "text/event-stream"},
            content=iter(chunks),
            request=httpx2.Request("GET", "http://127.0.0.1/"),
        )
        return iter(httpx2.EventSource(response, max_event_size=None))

    return Contestant(
        f"httpx2 {version('httpx2')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id) for event in events(chunks)),
    )


def sseclient_py() -> Contestant:
    """The client that takes any iterable of bytes."""
    import sseclient  # noqa: PLC0415

    def events(chunks: Iterable[bytes]) -> Iterator[sseclient.Event]:
        return sseclient.SSEClient(chunks).events()

    return Contestant(
        f"sseclient-py {version('sseclient-py')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.id or "") for event in events(chunks)),
    )


def launchdarkly() -> Contestant:
    """The client of LaunchDarkly, with the chunks in the place of its connection."""
    from ld_eventsource import SSEClient  # noqa: PLC0415
    from ld_eventsource.actions import Event  # noqa: PLC0415
    from ld_eventsource.config import ConnectionClient, ConnectionResult, ConnectStrategy  # noqa: PLC0415

    class Chunks(ConnectStrategy, ConnectionClient):
        def __init__(self, chunks: Iterable[bytes]) -> None:
            self.chunks = chunks

        def create_client(self, logger: object) -> ConnectionClient:
            return self

        def connect(self, last_event_id: str | None) -> ConnectionResult:
            return ConnectionResult(iter(self.chunks), None)

    def events(chunks: Iterable[bytes]) -> Iterable[Event]:
        return SSEClient(Chunks(chunks)).events

    return Contestant(
        f"launchdarkly-eventsource {version('launchdarkly-eventsource')}",
        lambda chunks: sum(1 for _ in events(chunks)),
        lambda chunks: ((event.event, event.data, event.last_event_id or "") for event in events(chunks)),
    )


def version(distribution: str) -> str:
    """The installed version."""
    return importlib.metadata.version(distribution)


CONTESTANTS = (ours, httpx_sse, httpx_sse_decoders, httpx2, sseclient_py, launchdarkly)


def ceiling(end: bytes) -> Contestant:
    """Split and decode; nothing is interpreted, and the cuts are ignored."""

    def count(chunks: Iterable[bytes]) -> int:
        return sum(len([piece.decode() for piece in chunk.split(end + end)]) for chunk in chunks)

    return Contestant("ceiling: split, decode", count)


def present() -> tuple[list[Contestant], list[str]]:
    """The contestants that are installed, and the names of those that are not."""
    found, missing = [], []
    for make in CONTESTANTS:
        try:
            found.append(make())
        except ImportError as error:
            missing.append(f"{make.__name__} ({error})")
    return found, missing


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


def faults(contestants: list[Contestant]) -> None:
    """Print how many categories of the test vectors each parser gets wrong."""
    vectors = load_vectors().VECTORS
    categories = sorted({vector.category for vector in vectors})
    print(f"\n## Vectors: categories of {len(categories)} with a wrong result ({len(vectors)} vectors)\n")
    print("Type and data of the events, whole and byte by byte; then the same with the last event id.\n")
    print("| parser | whole | byte by byte | either | either, with ids | exceptions |\n|---|---:|---:|---:|---:|---:|")
    details = []
    for contestant in contestants:
        if contestant.parse is None:
            continue
        wrong: dict[str, set[str]] = {"whole": set(), "bytes": set(), "ids": set()}
        exceptions = set()
        for vector in vectors:
            expected = list(vector.events)
            for how, chunks in (("whole", [vector.stream]), ("bytes", [bytes([byte]) for byte in vector.stream])):
                try:
                    got: list[Seen] | None = list(contestant.parse(chunks))
                except Exception as error:  # whatever a parser raises is its answer
                    got = None
                    exceptions.add(type(error).__name__)
                if got is None or [event[:2] for event in got] != [event[:2] for event in expected]:
                    wrong[how].add(vector.category)
                if got != expected:
                    wrong["ids"].add(vector.category)
        either = wrong["whole"] | wrong["bytes"]
        print(
            f"| {contestant.name} | {len(wrong['whole'])} | {len(wrong['bytes'])} | {len(either)} "
            f"| {len(wrong['ids'])} | {', '.join(sorted(exceptions)) or 'none'} |"
        )
        if wrong["ids"]:
            details.append(f"- {contestant.name}: {', '.join(sorted(wrong['ids']))}")
    print("\n" + "\n".join(details))


def load_vectors() -> ModuleType:
    """The vectors of the tests, which are no package that could be imported by name."""
    path = HARNESS / "tests" / "sse" / "vectors.py"
    spec = importlib.util.spec_from_file_location("sse_vectors", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"the vectors are not at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main(arguments: list[str] | None = None) -> None:
    """Run what was asked for and print it."""
    options = argparse.ArgumentParser(description="Event stream parsers side by side.")
    options.add_argument("--megabytes", type=float, default=50, help="how much each parser gets of each kind of stream")
    options.add_argument("--turn", type=float, default=1, help="megabytes a turn")
    options.add_argument("--shape", default="data", help="data, typed (event, id and data), or both with a comma")
    options.add_argument("--only", default="speed,growth,faults", help="which tables")
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
    if "faults" in tables:
        faults(contestants)


if __name__ == "__main__":
    main()

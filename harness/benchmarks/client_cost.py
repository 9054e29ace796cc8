"""What a request through `InProcess` costs over a bare ``await app(…)``, beside the clients that people use.

``python harness/benchmarks/client_cost.py [--seconds S] [--loop asyncio|uvloop]``. The application is a raw one that
reads its request and sends a small answer. CPU time of the whole process, paired batches in shuffled rounds.
"""

import argparse
import importlib.util
import math

from asgi_conformance.bench import stats
from asgi_conformance.bench.analysis import by_group
from asgi_conformance.bench.processes import Sampling, sample_in_processes
from asgi_conformance.bench.scenarios import FLOOR, STACKS, Group, Variant
from asgi_conformance.loading import AppRef

CALLERS = "asgi_conformance.bench.callers:"
CLIENTS = {
    "floor": (FLOOR, None),
    "floor, again": (FLOOR, None),
    "a task for each request": (f"{CALLERS}TaskCaller", None),
    "InProcess": (f"{CALLERS}InProcessCaller", None),
    "httpx: transport alone": (f"{CALLERS}BareHttpxTransportCaller", "httpx"),
    "httpx: client and transport": (f"{CALLERS}HttpxTransportCaller", "httpx"),
    "async-asgi-testclient": (f"{CALLERS}AsyncTestClientCaller", "async_asgi_testclient"),
    "Starlette's TestClient": (f"{CALLERS}TestClientCaller", "starlette"),
}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4.0, help="in each process")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    present = {
        name: caller for name, (caller, needs) in CLIENTS.items() if not needs or importlib.util.find_spec(needs)
    }
    print(f"missing: {', '.join(CLIENTS.keys() - present.keys()) or 'none'}")
    arguments = {"framework": "raw", "style": "none", "layers": 0}
    variants = tuple(Variant(name, AppRef(STACKS), arguments, caller=caller) for name, caller in present.items())
    group = Group("clients", variants, loop=options.loop, clock="process")
    samples = by_group(sample_in_processes([group], Sampling(options.processes, options.seconds)))[0]
    times = {
        name: sum(stats.median([t for t in s["cpu"][number] if t is not None]) for s in samples) / len(samples) / 1000
        for number, name in enumerate(present)
    }
    ours = times["InProcess"]
    print("| client | µs a request | times the floor | interval | over the floor, µs | InProcess is cheaper by |")
    print("|---|---:|---:|---:|---:|---:|")
    for number, name in enumerate(present):
        ratios = [stats.log_ratios(sample["cpu"][number], sample["cpu"][0]) for sample in samples]
        found = stats.estimate(ratios) if number else None
        interval = f"{found.low:.2f} – {found.high:.2f}" if found else ""
        times_floor = f"{math.exp(found.value):.2f}" if found else "1"
        over = times[name] - times["floor"]
        print(f"| {name} | {times[name]:.2f} | {times_floor} | {interval} | {over:.2f} | {times[name] / ours:.1f}× |")


if __name__ == "__main__":
    main()

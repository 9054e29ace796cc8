"""Makes ``docs/signals.md``: what a server does with each signal and each kind of open work.

``python harness/benchmarks/signals.py [--write] [SERVER]``
"""

import argparse
import asyncio
from importlib import metadata
from pathlib import Path
from signal import SIGINT

from asgi_conformance.loading import AppRef
from asgi_conformance.suites.server import signals
from asgi_conformance.suites.server.signals import Story

PAGE = Path(__file__).resolve().parents[2] / "docs" / "signals.md"
APP = AppRef("asgi_conformance.fixtures.server.working:app", fresh=True)
GRACE = 4  # seconds: long beside what a busy machine adds
AT_ONCE = 4  # stories that are told side by side, while they wait

HEAD = """# Signals

What {server} {version} does when it is told to end, with each kind of work under way. Made by
`python harness/benchmarks/signals.py --write`; the application is [working.py](../fixtures/server/working.py), whose
every piece of work cleans up for a moment when it ends. The checks `server.signals.*` hold a server to the same:
the work ends, then comes the lifespan's shutdown, then the end of the process; and that within the grace period.

Times are in units of the grace period, down to quarters: 0 is at once, 1 is when the period is over. A second signal
comes after a quarter of it, where the process has a reason to be there still. SIGKILL is left out: it ends the
process at once, and nothing of the application runs any more. Exit codes below 0 are those of a process that a signal
has ended.

In short: what ends by itself within the period is waited for, and then everything happens in order. What does not is
cancelled when the period is over, and the lifespan's shutdown begins at once beside its cleanup, which the end of the
process then cuts off ([signals_cleanup.py](reproductions/signals_cleanup.py)). A second SIGINT leaves the shutdown out
and cancels everything, a second SIGTERM changes nothing; and without a period, which is the default, there is no end
of what does not end by itself ([signals_second_sigterm.py](reproductions/signals_second_sigterm.py)).
"""

LIMITED = """## With a grace period

`timeout_graceful_shutdown={grace}`.
"""

UNLIMITED = """## Without a grace period

The default: there is no limit. The process is watched for {watched} s, and killed when it goes on; times are in units
of {grace} s.
"""

COLUMNS = """| under way | signal | what happens, and when | the client sees | exit code | in order |
|---|---|---|---|---|---|"""


async def page(server: str, grace: int = GRACE) -> str:
    """The page, from some sixty server processes that are told to end."""
    limited = [(work, sent) for work in signals.WORK for sent in _sent(work)]
    unlimited = [(work, sent) for work in signals.WORK if work.waited_for and not work.in_time for sent in _sent(work)]
    places = asyncio.Semaphore(AT_ONCE)

    async def told(work: signals.Work, sent: tuple[signals.Signals, ...], limit: int | None) -> Story:
        async with places:
            patience = None if limit is not None else 2.0 * grace
            return await signals.story(server, APP, work, sent, grace=limit, unit=grace, patience=patience)

    stories = await asyncio.gather(
        *(told(work, sent, grace) for work, sent in limited),
        *(told(work, sent, None) for work, sent in unlimited),
    )
    first = [row(story, grace) for story in stories[: len(limited)]]
    second = [row(story, grace) for story in stories[len(limited) :]]
    version = metadata.version(server.partition("-")[0])
    parts = [HEAD.format(server=server, version=version), LIMITED.format(grace=grace), COLUMNS, *first]
    parts += [UNLIMITED.format(watched=2 * grace, grace=grace), COLUMNS, *second]
    return "\n".join(parts) + "\n"


def _sent(work: signals.Work) -> list[tuple[signals.Signals, ...]]:
    return [*signals.ONCE, *(signals.TWICE if work.waited_for else ())]


def row(story: Story, unit: int) -> str:
    """One story as a line of the table."""
    moments = [f"{moment.what} {units(moment.at, unit)}" for moment in story.moments]
    if story.exit_code is None:
        moments.append("goes on")
    return (
        f"| {story.work.name} | {signals.names(story.signals)} | {', '.join(moments)} | {story.client} "
        f"| {'killed' if story.exit_code is None else story.exit_code} | {verdict(story)} |"
    )


def verdict(story: Story) -> str:
    """Whether the order is kept; what a second signal asks for is that it need not be."""
    problem = signals.disorder(story)
    if problem is None:
        return "yes"
    hurried = len(story.signals) > 1 and story.signals[0] is SIGINT and story.exit_code is not None
    return "no, as asked for" if hurried else f"**no**: {problem[0]}"


def units(seconds: float, unit: int) -> str:
    """Seconds in units of the grace period, rounded down to quarters, because a busy machine only adds."""
    whole, quarter = divmod(int(4 * seconds / unit), 4)
    return f"{whole or ''}{'¼½¾'[quarter - 1] if quarter else ''}" or "0"


def main() -> None:
    """Print the page, or write it to its place."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", nargs="?", default="uvicorn")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    made = asyncio.run(page(given.server))
    if given.write:
        PAGE.write_text(made, encoding="utf-8")
    else:
        print(made, end="")


if __name__ == "__main__":
    main()

"""Makes checks of cases: one for what the server does, and one for how it ends the connection where it has to."""

import sys
from collections.abc import Awaitable, Callable, Iterable

from asgi_conformance import SHOULD, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.spec import RFC_6455, Clause
from asgi_conformance.verdict import Level
from asgi_conformance.websocket.frames import NO_CLOSE, NO_CODE

from .case import Case, Cut, described, described_end
from .engine import play
from .wire import WITHIN, Wire

MIRROR = frozenset({"wire", "websocket.mirror"})
TOLD = frozenset({"wire", "websocket.told"})
FAILING = RFC_6455["section-7.1.7"]
CLOSES = """How the connection is ended tells the client why: a close frame comes first, then the end of TCP.

Usual cause: the connection is dropped on an error, or every error is closed with the same code.
"""
ALL: dict[str, tuple[Case, ...]] = {}  # by category, for reports


def register(module: str, category: str, about: str, cases: Iterable[Case]) -> None:
    """Define the checks of a category in the module of that name; `about` is told with each of them."""
    made = tuple(cases)
    ALL[category] = made
    for case in made:
        needs = MIRROR if case.told is None else TOLD
        document = f"{case.shows}\n\n{about}"
        define(module, f"{category}.{case.name}", (case.level, case.clause, needs), document, _behaviour(case))
        if case.ends:
            document = f"{case.shows.rstrip('.')}: the connection should end with the right code.\n\n{CLOSES}"
            define(module, f"{category}.{case.name}-close", (SHOULD, FAILING, needs), document, _closing(case))


Judge = Callable[[Probe], Awaitable[None]]


Binding = tuple[Level, Clause, frozenset[str]]  # how strongly, by which sentence, and what it needs


def define(module: str, name: str, binding: Binding, document: str, judge: Judge) -> None:
    """Define one check, as a test function of that module: that is where pytest and the catalogue look for it."""

    async def judged(probe: Probe) -> None:
        await judge(probe)

    judged.__name__ = judged.__qualname__ = f"test_{name.partition('.')[2].replace('-', '_')}"
    judged.__doc__ = document
    judged.__module__ = module
    vars(sys.modules[module])[judged.__name__] = judged
    level, clause, needs = binding
    check(f"rfc6455.{name}", level=level, clause=clause, needs=needs)(judged)


def _behaviour(case: Case) -> Judge:
    async def judge(probe: Probe) -> None:
        for cut in case.cuts:
            result = await play(probe, case, cut)
            if result.outcome is None:
                raise Violation(expected=_expected(case), observed=result.observed + _in(cut, case))
        if case.survives:
            await survived(probe)

    return judge


def _closing(case: Case) -> Judge:
    async def judge(probe: Probe) -> None:
        for cut in case.cuts:
            result = await play(probe, case, cut, to_the_end=True)
            if result.outcome is None or result.outcome.end is None:
                # The check of the behaviour tells; here there is no end to be judged.
                raise NotApplicable(f"an end of the connection as it has to be: {result.observed}")
            end = result.outcome.end
            if result.code not in end.right:
                code = {NO_CLOSE: "the end of TCP without a close frame", NO_CODE: "a close without a code"}.get(
                    result.code or 0, f"a close with {result.code}"
                )
                raise Violation(expected=described_end(end), observed=code + _in(cut, case))
            if not result.tcp_ended:
                raise Violation(
                    expected="the end of TCP after the close", observed=f"it open for {WITHIN:g} s" + _in(cut, case)
                )

    return judge


def _expected(case: Case) -> str:
    return ", or ".join(dict.fromkeys(described(outcome) for outcome in case.accepts))


def _in(cut: Cut, case: Case) -> str:
    if len(case.cuts) == 1:
        return ""
    words = {"whole": "all in one segment", "frames": "a segment for each frame", "octets": "octet by octet"}
    return f" ({words.get(str(cut), f'segments of {cut} bytes')})"


async def survived(probe: Probe) -> None:
    """Ask for a plain echo on a new connection. Raises Violation when there is none."""
    expected = "a server that serves others afterwards"
    async with Wire(probe) as wire:
        try:
            await wire.shake()
        except Blocked as reason:
            raise Violation(expected=expected, observed=str(reason)) from None
        if not await wire.hello():
            raise Violation(expected=expected, observed="no echo on a new connection")

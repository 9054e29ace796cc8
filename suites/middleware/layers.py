"""The layers of the application under test, recorded for the length of a check."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_conformance import NotApplicable, Probe, VirtualLoop
from asgi_conformance.onion import Onion


def seconds(virtual: float) -> float:
    """That many seconds, or a tenth of them where they would really pass, but not less than a tenth of a second.

    A thread or a socket of the application keeps the virtual clock at wall speed.
    """
    loop = asyncio.get_running_loop()
    costs_nothing = isinstance(loop, VirtualLoop) and not loop.outside_work()
    return virtual if costs_nothing else max(0.1, virtual / 10)


@asynccontextmanager
async def layers(
    probe: Probe, *, pause: float = 0.0, linger: float = 0.0, start: bool = True, deep: bool = False
) -> AsyncIterator[Onion]:
    """Record what passes each layer of the application; with `start` it is started, and its lifespan left out.

    With `deep` also the layers of routes and of mounted applications are recorded.

    Raises NotApplicable where no application can be seen inside another one.
    """
    driver = probe.inprocess
    pause, linger = (seconds(length) if length else 0.0 for length in (pause, linger))
    with Onion(driver.app, pause=pause, linger=linger, deep=deep) as onion:
        if onion.innermost == 0:
            raise NotApplicable(f"no layer can be seen in {onion.names[0]}")
        whole, driver.app = driver.app, onion.app
        probe.transcript.add("note", f"layers: {onion.picture()}")
        try:
            if start:
                await probe.start()
                onion.steps.clear()
            yield onion
        finally:
            driver.app = whole

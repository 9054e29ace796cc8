"""The layers of the application under test, recorded for the length of a check."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_conformance import NotApplicable, Probe
from asgi_conformance.onion import Onion


@asynccontextmanager
async def layers(probe: Probe, *, pause: float = 0.0, start: bool = True) -> AsyncIterator[Onion]:
    """Record what passes each layer of the application; with `start` it is started, and its lifespan left out.

    Raises NotApplicable where no application can be seen inside another one.
    """
    driver = probe.inprocess
    with Onion(driver.app, pause=pause) as onion:
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

"""The layers of the application under test, recorded for the length of a check."""

from collections.abc import Iterator
from contextlib import contextmanager

from asgi_conformance import NotApplicable, Probe
from asgi_conformance.onion import Onion


@contextmanager
def layers(probe: Probe, *, pause: float = 0.0) -> Iterator[Onion]:
    """Record what passes each layer of the application.

    Raises NotApplicable where no application can be seen inside another one.
    """
    driver = probe.inprocess
    with Onion(driver.app, pause=pause) as onion:
        if onion.innermost == 0:
            raise NotApplicable(f"no layer can be seen in {onion.names[0]}")
        whole, driver.app = driver.app, onion.app
        probe.transcript.add("note", f"layers: {onion.picture()}")
        try:
            yield onion
        finally:
            driver.app = whole

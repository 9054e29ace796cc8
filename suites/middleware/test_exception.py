"""Middleware: an exception stays an exception on its way out."""

import contextlib
import io
import logging
from collections.abc import Iterator

from asgi_conformance import PRACTICE, Probe, Violation, check
from asgi_conformance.onion import Onion, Passing
from asgi_conformance.spec import ASGI, PRACTICES

from .layers import layers

WITHIN = 30.0


@check(
    "middleware.exception.midway-stays-visible",
    level=PRACTICE,
    clause=PRACTICES["middleware-midway"],
    needs={"http.raises-midway", "script"},
)
async def test_no_layer_ends_what_has_failed(probe: Probe) -> None:
    """A layer must not end a response that the application inside has left unfinished.

    The client has no other sign of the failure: the status went out before. With a proper end half a file
    looks like a whole one, and is cached and stored as such.

    Usual cause: a layer that passes the body on through a queue or a generator, and sends the last body
    message whenever the inner application is over, failed or not. `BaseHTTPMiddleware` is one.
    Usual mend: a pure ASGI layer, which hands messages on as they are.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for layer in range(onion.innermost):
        if _ended(onion, layer) and not _ended(onion, layer + 1) and onion.at(layer + 1, Passing.RAISED):
            raise Violation(
                expected=f"a response that stays unfinished outside {onion.names[layer]}",
                observed=f"{onion.names[layer]} ends it",
            )


def _ended(onion: Onion, layer: int) -> bool:
    """Whether the layer began a response and sent its last body message."""
    return any(step.is_end for step in onion.at(layer))


@check(
    "middleware.exception.becomes-known",
    level=PRACTICE,
    clause=ASGI["error-handling"],
    needs={"http.raises", "script"},
)
async def test_unhandled_exception_reaches_server_or_log(probe: Probe) -> None:
    """An exception that the endpoint did not expect must reach the server, or a log with its traceback.

    Otherwise the operators see a 500 and never learn why. A log is what goes through `logging`, or is printed.

    Usual cause: a layer that turns every exception into a response and keeps what it caught for itself.
    Usual mend: register a handler for `Exception`, which answers and lets the exception go on; or log it with
    `logger.exception(...)` before answering.
    """
    await probe.start()
    with _listening() as heard:
        async with probe.exchange() as exchange:
            ending = await exchange.ending(WITHIN)
    if ending.how == "returned" and not heard:
        raise Violation(expected="the exception at the server or in the log", observed="no trace of it")


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """Collect what is logged with an exception, by any logger, and tracebacks that are printed."""
    heard: list[str] = []
    factory = logging.getLogRecordFactory()

    def made(*args: object, **kwargs: object) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        if record.exc_info and record.exc_info[0] is not None:
            heard.append(record.exc_info[0].__name__)
        return record

    printed = io.StringIO()
    logging.setLogRecordFactory(made)
    try:
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
            yield heard
    finally:
        logging.setLogRecordFactory(factory)
        if "Traceback" in printed.getvalue():
            heard.append("printed")


@check(
    "middleware.exception.not-wrapped",
    level=PRACTICE,
    clause=PRACTICES["middleware-exception"],
    needs={"http.raises", "script"},
)
async def test_exception_is_not_put_into_a_group(probe: Probe) -> None:
    """An exception must not leave a layer inside an `ExceptionGroup`.

    Handlers are registered for the exception, and do not match a group: what had an answer of its own becomes a
    500, and the log tells of a group instead of the fault.

    Usual cause: a layer that runs the application inside in a task group.
    Usual mend: take a group of one apart again, `raise group.exceptions[0]`; or `await` the application directly.
    """
    async with layers(probe) as onion, probe.exchange() as exchange:
        await exchange.ending(WITHIN)
    for layer in range(onion.innermost - 1, -1, -1):
        outer, inner = (next(iter(onion.at(number, Passing.RAISED)), None) for number in (layer, layer + 1))
        if outer is None or inner is None or outer.error is inner.error:
            continue
        if isinstance(outer.error, BaseExceptionGroup) and not isinstance(inner.error, BaseExceptionGroup):
            raise Violation(
                expected=f"{type(inner.error).__name__} to leave {onion.names[layer]}",
                observed=f"{type(outer.error).__name__} around it",
            )

"""Middleware: an exception stays an exception on its way out."""

import contextlib
import io
import logging
from collections.abc import Iterator

from asgi_conformance import PRACTICE, Blocked, Probe, Violation, check
from asgi_conformance.drivers.base import Unanswered
from asgi_conformance.spec import ASGI, PRACTICES

WITHIN = 30.0


@check(
    "middleware.exception.midway-stays-visible",
    level=PRACTICE,
    clause=PRACTICES["middleware-midway"],
    needs={"http.raises-midway"},
)
async def test_failure_after_the_start_is_not_made_a_complete_response(probe: Probe) -> None:
    """A response whose producer fails midway must not be ended as if it were complete.

    The client has no other sign: the status went out before. With a proper end half a file looks like a
    whole one, and is cached and stored as such.

    Usual cause: a layer that passes the body on through a queue or a generator, and sends the last body
    message whenever the inner application is over, failed or not. `BaseHTTPMiddleware` is one.
    Usual mend: a pure ASGI layer, which hands messages on as they are.
    """
    await probe.start()
    async with probe.exchange() as exchange:
        try:
            await exchange.head(WITHIN)
            while await exchange.piece(WITHIN) is not None:
                pass
        except Unanswered as reason:
            raise Blocked(f"the response does not begin, or does not end: {reason}") from None
        complete = exchange.complete
    if complete:
        raise Violation(expected="a response that is cut off", observed="a complete response")


@check(
    "middleware.exception.becomes-known",
    level=PRACTICE,
    clause=ASGI["error-handling"],
    needs={"http.raises", "script"},
)
async def test_unhandled_exception_reaches_server_or_log(probe: Probe) -> None:
    """An exception that the endpoint did not expect must reach the server, or a log with its traceback.

    Otherwise the operators see a 500 and never learn why.

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
        with contextlib.redirect_stderr(printed):
            yield heard
    finally:
        logging.setLogRecordFactory(factory)
        if "Traceback" in printed.getvalue():
            heard.append("printed")

"""What the documents claim about handlers of exceptions."""

import json

from asgi_conformance import CLAIM, Blocked, Probe, Violation, check
from asgi_conformance.spec import FASTAPI

HANDLERS = FASTAPI["handling-errors"]
PLACES = ("route", "dependency", "middleware-before", "middleware-after", "stream", "background")
BODIES = {
    "JSON data": ("/items/", b"application/json", b'{"name": "Lamp", "price": "cheap"}'),
    "broken JSON": ("/items/", b"application/json", b'{"name": "Lamp", '),
    "no body": ("/items/", b"application/json", b""),
    "text": ("/items/", b"text/plain", b"a lamp"),
    "a form": ("/form/", b"application/x-www-form-urlencoded", b"count=many"),
}


@check(
    "claims.errors.global-handler",
    level=CLAIM,
    clause=HANDLERS,
    needs={"pattern:errors.global", "http.raises-anywhere"},
)
async def test_handler_for_exception_is_asked_about_everything(probe: Probe) -> None:
    """A handler for `Exception` is a global handler for everything unexpected.

    What it answers reaches the client only as long as the response has not begun: of a failure in the middle of a
    stream or in a background task the handler learns, and the client does not.
    """
    statuses = {}
    for place in PLACES:
        try:
            statuses[place] = (await probe.request(path=f"/{place}")).status
        except Blocked:
            statuses[place] = 0
    handled = json.loads((await probe.request()).body)
    missing = [place for place in PLACES if place not in handled]
    told = f"asked about {', '.join(handled)}"
    if missing:
        observed = f"depends on the place: {told}; not about {', '.join(missing)}"
        raise Violation(expected=f"asked about {', '.join(PLACES)}", observed=observed)
    probe.measured(f"{told}; clients get {', '.join(f'{status} ({place})' for place, status in statuses.items())}")


@check(
    "claims.errors.validation-body",
    level=CLAIM,
    clause=HANDLERS,
    needs={"pattern:errors.validation-body", "http.echoes-invalid"},
)
async def test_validation_handler_can_return_the_body(probe: Probe) -> None:
    """A validation handler can return the received body through `exc.body`.

    What it gets there depends on the body: parsed JSON, the bytes of what is no JSON, the form as an object of the
    framework's; the last two are no JSON, and a handler that returns them fails itself.
    """
    told = {}
    for kind, (path, media_type, body) in BODIES.items():
        response = await probe.request(path=path, headers=((b"content-type", media_type),), body=body)
        try:
            told[kind] = f"status {response.status}, body {json.loads(response.body).get('body', 'left out')!r}"
        except (ValueError, AttributeError):
            told[kind] = f"status {response.status}, {response.ending.error or 'no JSON'}"
    text = "; ".join(f"{kind}: {what}" for kind, what in told.items())
    if not all(what.startswith("status 422, body") for what in told.values()):
        raise Violation(expected="a 422 with the body for each", observed=f"depends on the body: {text}")
    probe.measured(text)

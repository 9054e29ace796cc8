"""Requests that carry a value of the check's choice in one parameter of the route's query."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from asgi_conformance import Probe
from asgi_conformance.drivers.base import Response


async def with_value(probe: Probe, name: str, value: str) -> Response:
    """The response to the route with the parameter `name` set to `value`, the rest of the query as declared."""
    parts = urlsplit(probe.route.path)
    given = dict(parse_qsl(parts.query, keep_blank_values=True)) | {name: value}
    return await probe.request(path=f"{parts.path}?{urlencode(given, quote_via=quote)}")

"""Reading an application's schema."""

import json
from typing import Any

from asgi_conformance import Blocked, Probe


async def schema(probe: Probe) -> dict[str, Any]:
    """The schema at the route. Raises Blocked where none is to be had: `openapi.schema.form` tells about that."""
    response = await probe.request()
    try:
        document = json.loads(response.body)
    except ValueError:
        document = None
    if response.status != 200 or not isinstance(document, dict):
        raise Blocked(f"no schema: status {response.status} and {len(response.body)} bytes")
    return document


def tag_names(document: dict[str, Any]) -> list[str]:
    """The names of the described tags, in their order."""
    return [tag.get("name", "") for tag in document.get("tags", ()) if isinstance(tag, dict)]


def server_urls(document: dict[str, Any]) -> list[str]:
    """The addresses of the named servers, in their order."""
    return [server.get("url", "") for server in document.get("servers", ()) if isinstance(server, dict)]

"""Takes the content coding off a response while it comes."""

import zlib
from collections.abc import Callable

from asgi_conformance.drivers.base import Head


def decoding(head: Head) -> Callable[[bytes], bytes] | None:
    """What decodes the body piece by piece (zlib.error when it cannot); None for a coding that is not known here."""
    coding = (head.get("content-encoding") or "identity").strip().lower()
    if coding in {"identity", ""}:
        return bytes
    return zlib.decompressobj(31).decompress if coding in {"gzip", "x-gzip"} else None

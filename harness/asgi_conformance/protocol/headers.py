"""Header pairs: their shape, and the form of names and values."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NamedTuple

from asgi_conformance.protocol.problem import NONE, Problem, Problems, show


class HeaderRules(NamedTuple):
    """The ids of the rules that bind one list of headers; None where nothing binds."""

    pairs: str
    case: str
    pseudo: str
    name: str | None = "event.header.name"
    value: str | None = "event.header.value"
    forbidden: tuple[tuple[bytes, str], ...] = ()  # (name, rule)


# A lower-case field name: the token of RFC 9110, section 5.6.2, without capitals.
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")

# Names that most messages consist of; they need no closer look.
_COMMON = frozenset(
    b"""
    accept accept-encoding accept-language accept-ranges access-control-allow-credentials
    access-control-allow-headers access-control-allow-methods access-control-allow-origin
    access-control-expose-headers access-control-max-age age allow authorization cache-control connection
    content-disposition content-encoding content-language content-length content-range
    content-security-policy content-type cookie date dnt etag expires forwarded host if-match
    if-modified-since if-none-match if-range if-unmodified-since keep-alive last-event-id last-modified link
    location origin pragma priority range referer referrer-policy retry-after sec-fetch-dest sec-fetch-mode
    sec-fetch-site sec-fetch-user sec-websocket-accept sec-websocket-extensions sec-websocket-key
    sec-websocket-version server set-cookie strict-transport-security te trailer transfer-encoding upgrade
    upgrade-insecure-requests user-agent vary via www-authenticate x-content-type-options x-forwarded-for
    x-forwarded-host x-forwarded-proto x-frame-options x-real-ip x-request-id x-xss-protection
    """.split()
)

_LF, _CR, _COLON = 10, 13, 58


def header_look(rules: HeaderRules) -> Callable[[Any], Problems]:
    """A function that finds what is wrong with the headers of a message or scope, each rule told at most once.

    Headers that can be read only once (a generator, or a pair that is one) it leaves alone: looking at them
    would take them away from whom they are for.
    """
    any_value = rules.value is None
    any_name = not rules.forbidden

    def look(headers: Any) -> Problems:
        if type(headers) is not list and (not isinstance(headers, Collection) or isinstance(headers, (str, bytes))):
            if isinstance(headers, Iterable) and not isinstance(headers, (str, bytes)):
                return NONE
            return [Problem(rules.pairs, "an iterable of header pairs", show(headers))]
        found: dict[str, Problem] | None = None
        for pair in headers:
            kind = type(pair)
            if (kind is tuple or kind is list) and len(pair) == 2:
                name, value = pair
                if (
                    type(name) is bytes
                    and type(value) is bytes
                    and (name in _COMMON or (any_name and _NAME.fullmatch(name)))
                    and (any_value or not (_LF in value or _CR in value))
                ):
                    continue
            for problem in _pair_problems(pair, rules):
                found = found or {}
                found.setdefault(problem.rule, problem)
        return NONE if found is None else [*found.values()]

    return look


def _pair_problems(pair: Any, rules: HeaderRules) -> Iterator[Problem]:
    if isinstance(pair, Iterable) and not isinstance(pair, Collection):
        return
    if not isinstance(pair, Collection) or isinstance(pair, (str, bytes)) or len(pair) != 2:
        yield Problem(rules.pairs, "a name and a value", show(pair))
        return
    name, value = pair
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        yield Problem(rules.pairs, "a name and a value that are byte strings", show(pair))
        return
    yield from _name_problems(name, rules)
    for forbidden, rule in rules.forbidden:
        if name.lower() == forbidden:
            yield Problem(rule, f"no header {forbidden.decode()}", show(pair))
    if rules.value is not None and (_LF in value or _CR in value):
        yield Problem(rules.value, "a header value without line breaks", show(pair))


def _name_problems(name: bytes, rules: HeaderRules) -> Iterator[Problem]:
    if _NAME.fullmatch(name):
        return
    if name[:1] == b":":
        yield Problem(rules.pseudo, "no pseudo header", show(name))
    elif name != name.lower():
        yield Problem(rules.case, "a header name in lower case", show(name))
    elif rules.name is not None:
        yield Problem(rules.name, "a header name of letters, digits and !#$%&'*+-.^_`|~", show(name))


def values_of(headers: Any, wanted: bytes) -> list[bytes] | None:
    """The values of every header of that name (lower case); None if looking would use the headers up.

    The headers have to be free of problems.
    """
    if type(headers) is not list and not isinstance(headers, Collection):
        return None
    values = []
    try:
        for pair in headers:
            if pair[0] == wanted:
                values.append(pair[1])  # noqa: PERF401 - a comprehension takes longer for a few headers
    except TypeError:
        return None  # a pair that can only be iterated over
    return values

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

# Names that were found right before; looking them up is faster than looking at them. The limit is for servers
# whose clients send names that they make up.
_RIGHT: set[bytes] = set()
_REMEMBERED = 2000

_PAIRS = frozenset({tuple, list})

_LF, _CR = 10, 13


def header_look(rules: HeaderRules) -> Callable[[Any], Problems]:
    """A function that finds what is wrong with the headers of a message or scope, each rule told at most once.

    Headers that can be read only once (a generator, or a pair that is one) it leaves alone: looking at them
    would take them away from whom they are for.
    """
    any_value = rules.value is None
    thorough = bool(rules.forbidden)

    def look(headers: Any) -> Problems:
        try:
            if not thorough and type(headers) in _PAIRS:
                for pair in headers:
                    if type(pair) is not tuple and type(pair) is not list:
                        break
                    name, value = pair
                    if name not in _RIGHT or type(value) is not bytes:
                        break
                    if not any_value and (_LF in value or _CR in value):
                        break
                else:
                    return NONE
        except (TypeError, ValueError, BytesWarning):
            pass
        return _thorough(headers, rules)

    return look


def _thorough(headers: Any, rules: HeaderRules) -> Problems:
    if not isinstance(headers, Iterable) or isinstance(headers, (str, bytes)):
        return [Problem(rules.pairs, "an iterable of header pairs", show(headers))]
    if not isinstance(headers, Collection):
        return NONE
    found: dict[str, Problem] = {}
    for pair in headers:
        problems = [*_pair_problems(pair, rules)]
        for problem in problems:
            found.setdefault(problem.rule, problem)
        if not problems and isinstance(pair, (tuple, list)) and len(_RIGHT) < _REMEMBERED and _NAME.fullmatch(pair[0]):
            _RIGHT.add(pair[0])
    return [*found.values()] or NONE


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

    Names are compared without regard to case.
    """
    if not isinstance(headers, Collection):
        return None
    values = []
    for pair in headers:
        if not isinstance(pair, Collection):
            return None
        name, value = pair
        if name == wanted or name.lower() == wanted:
            values.append(value)
    return values

"""The shape of a dict: which keys, required or not, with which values."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from asgi_conformance.protocol.headers import HeaderRules, header_look
from asgi_conformance.protocol.problem import NONE, Problem, Problems, show
from asgi_conformance.protocol.quick import quick
from asgi_conformance.protocol.values import LARGEST, SMALLEST, value_problems
from asgi_conformance.protocol.version import Version

Test = Callable[[Any], bool]
Look = Callable[[Any], Problems]


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a message or scope.

    Args:
        name: the key.
        rule: the rule that is broken when the key is missing though required, or fails its test.
        expected: the right value as a noun phrase.
        exact: values of exactly this type pass the test.
        test: whether any other value passes (a subclass, None, ...); None if every value does.
        required: whether the key has to be there.
        look: finds what else is wrong with a value that passed the test.
        usual: an expression over `value` for the quick look, which is true of right values only.
        since: the version of the page that brought the key.
        early: the rule that is broken when the key carries something though the version is older.
    """

    name: str
    rule: str
    expected: str
    exact: type | None
    test: Test | None
    required: bool = False
    look: Look | None = None
    since: Version | None = None
    early: str | None = None
    usual: str = ""


class Also(NamedTuple):
    """What the keys of a message or scope have to agree on.

    `look` finds what is wrong with the whole. `perhaps` is an expression over `content` for the quick look,
    which is false if there is certainly nothing wrong.
    """

    look: Look
    perhaps: str


class Shape:
    """What a message of one type, or a scope, has to look like.

    Keys that the shape does not name are free; in a message (`plain_extras`) their values have to be plain.
    """

    __slots__ = ("_also", "_by_name", "_plain_extras", "keys", "name", "quick")

    def __init__(self, name: str, *keys: Key, also: Iterable[Also] = (), plain_extras: bool = True) -> None:
        self.name = name
        self.keys = keys
        self._by_name = {key.name: key for key in keys}
        self._also = tuple(also)
        self._plain_extras = plain_extras
        self.quick = quick(name, keys, self._also, plain_extras=plain_extras)

    def at(self, version: Version) -> "Shape":
        """The shape as a page of that version has it: later keys are unknown, and using some of them is a fault."""
        keys = [
            _too_early(key) if key.since is not None and version < key.since else key
            for key in self.keys
            if key.since is None or version >= key.since or key.early is not None
        ]
        return Shape(self.name, *keys, also=self._also, plain_extras=self._plain_extras)

    def problems(self, content: Mapping[str, Any]) -> Problems:
        """Everything that is wrong with the content; empty when nothing is."""
        if self.quick(content):
            return NONE
        found: list[Problem] = []
        for key, value in content.items():
            found += self._value_problems(key, value)
        for known in self.keys:
            if known.required and known.name not in content:
                found.append(Problem(known.rule, _as(known), "no such key"))
        for also in self._also:
            found += also.look(content)
        return found or NONE

    def _value_problems(self, key: Any, value: Any) -> Iterable[Problem]:
        known = self._by_name.get(key)
        if known is not None:
            if type(value) is not known.exact and known.test is not None and not known.test(value):
                return [Problem(known.rule, _as(known), show(value))]
            return NONE if known.look is None else known.look(value)
        if key == "type":
            return NONE
        if not isinstance(key, str):
            rule = "event.message.keys" if self._plain_extras else "scope.mapping.keys"
            return [Problem(rule, "str keys", show(key))]
        return value_problems(value) if self._plain_extras else NONE


def _as(key: Key) -> str:
    return f"{key.expected} as {key.name!r}"


def _too_early(key: Key) -> Key:
    def unused(value: Any) -> bool:
        # An empty one says nothing, and a framework that always writes the key uses nothing.
        return not value

    later = ".".join(map(str, key.since or ()))
    return Key(key.name, key.early or key.rule, f"nothing before version {later}", None, unused)


# The kinds of values.


def byte_string(name: str, rule: str, *, required: bool = False, none: bool = False) -> Key:
    """A key for ``bytes``. A bytearray or memoryview is not one; None is, where the page says so."""
    return Key(name, rule, "a byte string", bytes, _instance(bytes, none=none), required)


def string(name: str, rule: str, *, required: bool = False, none: bool = False, look: Look | None = None) -> Key:
    """A key for ``str``, or None where the page says so."""
    return Key(name, rule, "a str", str, _instance(str, none=none), required, look)


def one_of(name: str, rule: str, *right: str, required: bool = False) -> Key:
    """A key for one of a few ``str``."""
    expected = f"one of {', '.join(sorted(right))}"
    values = frozenset(right)

    def look(value: str) -> Problems:
        return NONE if value in values else [Problem(rule, expected, show(value))]

    return Key(name, rule, expected, str, _instance(str), required, look, usual=among(right))


def boolean(name: str, rule: str) -> Key:
    """A key for ``bool``; 0 and 1 are numbers."""
    return Key(name, rule, "a bool", bool, _never)


def integer(name: str, rule: str, *, required: bool = False, look: Look | None = None) -> Key:
    """A key for ``int``; a bool is not one, a member of an IntEnum is."""
    return Key(name, rule, "an int", int, is_int, required, look)


def dictionary(name: str, rule: str, *, required: bool = False, look: Look | None = None) -> Key:
    """A key for a ``dict``."""
    return Key(name, rule, "a dict", dict, _instance(dict), required, look)


def header_pairs(name: str, rules: HeaderRules, *, required: bool = False) -> Key:
    """A key for headers: any iterable of pairs of byte strings."""
    return Key(name, rules.pairs, "header pairs", None, None, required, header_look(rules))


def among(right: Iterable[str], what: str = "value") -> str:
    """An expression for the quick look: whether `what` is one of these."""
    return f"{what} in {{{', '.join(map(repr, right))}}}"


def is_int(value: Any) -> bool:
    """Whether the value is an integer and not a bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def strings(value: Any) -> bool:
    """Whether the value is an iterable of ``str``, as far as looking does not use it up."""
    return _items(value, str)


def byte_strings(value: Any) -> bool:
    """Whether the value is an iterable of ``bytes``, as far as looking does not use it up."""
    return _items(value, bytes)


def _items(value: Any, kind: type) -> bool:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        return False
    return not isinstance(value, Collection) or all(isinstance(item, kind) for item in value)


def _instance(kind: type, *, none: bool = False) -> Test:
    def test(value: Any) -> bool:
        return isinstance(value, kind) or (none and value is None)

    return test


def _never(_value: Any) -> bool:
    return False


def fits(value: int) -> Problems:
    """Whether an integer fits into the 64 bits that an event has for it."""
    if SMALLEST <= value <= LARGEST:
        return NONE
    return [Problem("event.value.integer", "an integer of at most 64 bits with its sign", show(value))]

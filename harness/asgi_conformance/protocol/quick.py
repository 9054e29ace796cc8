"""A shape as one straight function that only says whether all is well.

Nearly every message is well formed, and a linter may cost a few microseconds only. So a shape is written out
as source code, one test after the other without a loop, and compiled once: about three times as fast as
walking through its keys. Whatever the function does not recognise at once is left to the shape itself, which
takes its time and explains.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asgi_conformance.protocol.shape import Also, Key

Quick = Callable[[Mapping[str, Any]], bool]

ONLY_STR = frozenset({str})


def quick(name: str, keys: Iterable["Key"], also: Iterable["Also"], *, plain_extras: bool) -> Quick:
    """The function for a shape of these keys: true means that the shape has no objection.

    It may say false of something that is right: a subclass of dict or str, a key that the shape does not name.
    """
    names: dict[str, Any] = {"ONLY_STR": ONLY_STR}
    required = [key for key in keys if key.required]
    lines = [f"known = {1 + len(required)}"]
    for number, key in enumerate(keys):
        test = _test(number, key, names)
        if key.required:
            lines += [f"value = content[{key.name!r}]", f"if not ({test}):", "    return False"]
        else:
            lines += [f"if {key.name!r} in content:", f"    value = content[{key.name!r}]"]
            lines += [f"    if not ({test}):", "        return False", "    known += 1"]
    lines += [line for other in also for line in (f"if {other.perhaps}:", "    return False")]
    extras = "" if plain_extras else " or {*map(type, content)} == ONLY_STR"
    lines.append(f"return known == len(content){extras}")
    body = "\n".join(f"        {line}" for line in lines)
    # A value that cannot be hashed, or bytes compared with str under -bb: nothing that is usual.
    source = (
        f"def quick(content):\n    try:\n{body}\n"
        "    except (KeyError, TypeError, ValueError, BytesWarning):\n        return False\n"
    )
    exec(compile(source, f"<the quick look at {name}>", "exec"), names)  # noqa: S102 - as dataclasses do it
    made: Quick = names["quick"]
    return made


def _test(number: int, key: "Key", names: dict[str, Any]) -> str:
    """The expression that is true of a right `value`; `names` gets what it refers to."""
    parts = []
    if key.exact is not None and key.test is not None:
        names[f"test_{number}"] = key.test
        parts.append(f"(type(value) is {key.exact.__name__} or test_{number}(value))")
    elif key.test is not None:
        names[f"test_{number}"] = key.test
        parts.append(f"test_{number}(value)")
    if key.look is not None:
        names[f"look_{number}"] = key.look
        parts.append(f"not look_{number}(value)")
    told = " and ".join(parts) or "True"
    return f"({key.usual}) or ({told})" if key.usual else told

"""The version of the protocol page that a scope claims."""

import re

Version = tuple[int, int]

OLDEST: Version = (2, 0)  # what an absent `spec_version` counts as, in http and websocket scopes
NEWEST: Version = (2, 5)

ACCEPT_HEADERS: Version = (2, 1)
CLOSE_REASON: Version = (2, 3)
SEND_RAISES: Version = (2, 4)
DISCONNECT_REASON: Version = (2, 5)

KNOWN: dict[str, Version] = {f"2.{minor}": (2, minor) for minor in range(NEWEST[1] + 1)}
_NUMBERS = re.compile(r"(\d{1,4})\.(\d{1,4})")


def spec_version(claimed: str | None) -> Version:
    """The version that a scope claims, within the known ones; what says nothing counts as the oldest."""
    return OLDEST if claimed is None else KNOWN.get(claimed) or _read(claimed)


def readable(claimed: object) -> bool:
    """Whether the value is a string that names a version: two numbers with a dot between them."""
    return isinstance(claimed, str) and _NUMBERS.fullmatch(claimed) is not None


def _read(claimed: str) -> Version:
    numbers = _NUMBERS.fullmatch(claimed)
    if numbers is None:
        return OLDEST
    return min(max((int(numbers[1]), int(numbers[2])), OLDEST), NEWEST)

"""``results.jsonl``: verdicts written one a line as they come, so that a killed run loses nothing it found."""

import json
from collections.abc import Iterable
from typing import IO

from asgi_conformance.verdict import Verdict

from .masking import masked


def append(file: IO[str], verdict: Verdict) -> None:
    """Write one verdict, without secrets, and hand it to the operating system at once.

    A file has one writer; under several processes, the one that collects the verdicts.
    """
    file.write(json.dumps(masked(verdict).to_json(), separators=(",", ":")) + "\n")
    file.flush()


def read(lines: Iterable[str]) -> tuple[Verdict, ...]:
    """The verdicts of an open file, or of its lines.

    A last line that is torn, because its writer was killed, is left out.

    Raises:
        ValueError: another line is no verdict; the text says which.
    """
    verdicts = []
    for number, line in enumerate(lines, 1):
        try:
            verdicts.append(Verdict.from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if not line.endswith("\n"):
                break
            raise ValueError(f"line {number} is not a verdict: {error}") from error
    return tuple(verdicts)

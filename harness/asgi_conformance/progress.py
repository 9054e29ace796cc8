"""How a run looks while it happens: a bar on a terminal, a line of letters a target elsewhere."""

from typing import IO, Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from asgi_conformance.verdict import Outcome, Verdict

LETTERS = {
    Outcome.PASSED: ".",
    Outcome.FAILED: "F",
    Outcome.WARNED: "w",
    Outcome.NOT_APPLICABLE: "n",
    Outcome.COULD_NOT_RUN: "?",
}


class Progress:
    """Shows verdicts as they come. Without a terminal: plain lines, nothing redrawn, no colour."""

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False, soft_wrap=True)
        self._bar: Bar | None = None
        self._task: Any = None
        self._place: tuple[str, str] | None = None
        self._counts: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._place is not None:
            self._console.out("", highlight=False)

    def begin(self, cases: int, heading: str, notes: tuple[str, ...]) -> None:
        """Say what the run is about."""
        self._console.out(heading)
        for note in notes:
            self._console.out(f"note    {note}")
        if self._console.is_terminal:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[found]}"),
                TimeElapsedColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("", total=cases, found="")
            self._bar.start()

    def verdict(self, verdict: Verdict) -> None:
        """One more verdict."""
        letter = letter_of(verdict)
        if self._bar is not None:
            self._counts[letter] = self._counts.get(letter, 0) + 1
            found = "  ".join(f"{count} {_WORDS[letter]}" for letter, count in self._counts.items() if letter != ".")
            self._bar.update(self._task, advance=1, description=f"{verdict.target}  {verdict.driver}", found=found)
            return
        place = (verdict.target, verdict.driver)
        if place != self._place:
            if self._place is not None:
                self._console.out("", highlight=False)
            self._console.out(f"  {verdict.target}  {verdict.driver}  ", end="", highlight=False)
            self._place = place
        self._console.out(letter, end="", highlight=False)


_WORDS = {"F": "failed", "w": "warned", "n": "not applicable", "?": "could not run", "k": "known", "s": "stale"}


def letter_of(verdict: Verdict) -> str:
    """One character for a verdict; what was expected to be broken has letters of its own."""
    if verdict.stale:
        return "s"
    return "k" if verdict.broken and verdict.known else LETTERS[verdict.outcome]

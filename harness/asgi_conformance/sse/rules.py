"""The rules that the linter applies to a producer's raw stream, as data."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a broken rule does to clients."""

    ERROR = "error"  # a conforming client loses or changes something
    WARNING = "warning"  # legal, but known to break clients, or hardly what was meant


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its number, a name to read and search for, and what it asks for."""

    id: str
    name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One place where a stream breaks a rule; `offset` counts bytes from the start of the stream."""

    rule: str  # P1, P2, …: a key of RULES
    name: str
    severity: Severity
    offset: int
    expected: str
    observed: str

    def __str__(self) -> str:
        return (
            f"{self.rule} {self.name} ({self.severity}) at byte {self.offset}: "
            f"expected {self.expected}, observed {self.observed}"
        )


RULES = {
    rule.id: rule
    for rule in (
        Rule("P1", "utf-8", "The bytes should be valid UTF-8; a client gets U+FFFD for what is not."),
        Rule("P2", "no-bom", "There should be no byte order mark, first of all at the start of a later line."),
        Rule("P3", "one-line-end", "The stream should use one kind of line end from start to end."),
        Rule("P4", "known-field", "Each line should be a comment or a field that clients know, spelt exactly."),
        Rule("P5", "colon", "Each line should have a colon."),
        Rule(
            "P6", "block-that-counts", "Each block should carry data, or be made of comments, or set a retry or an id."
        ),
        Rule("P7", "id-without-nul", "An id should have no NUL in it; clients ignore one that has."),
        Rule("P8", "field-once", "A block should have one id, one event and one retry at most; the last one counts."),
        Rule("P9", "retry-sane", "A retry should be made of ASCII digits, not be 0, and be below an hour."),
        Rule("P10", "id-without-outer-blanks", "An id should neither begin nor end with a blank."),
        Rule("P11", "no-foreign-line-end", "No field should contain what some clients take for a line end."),
        Rule("P12", "last-block-ended", "The stream should end behind the blank line of its last block."),
        Rule("P13", "message-ends-block", "Each body message should end where a block ends."),
        Rule("P14", "keep-alive-comment", "A keep-alive should be a comment: no event, and above all no id."),
        Rule(
            "P15",
            "declared-json",
            "Where JSON is declared, the data of each event should be one JSON value of that kind.",
        ),
        Rule("P16", "id-on-every-event", "If there are ids, each event that a client may resume from should have one."),
    )
}

"""Masking: the values of secrets in transcripts, commands and addresses, hidden before anybody sees them.

It errs on the side of hiding: a report is an artifact that gets published, and a transcript can be had
again by running the check.
"""

import re
from dataclasses import replace

from asgi_conformance.verdict import Entry, Verdict

HIDDEN = "***"

_HEADERS = "proxy-authorization|authorization|set-cookie|cookie|x-api-key"
_FIELDS = "token|passw(?:or)?d|api[_-]?key|secret"

# Each pattern starts at a fixed word, so that a megabyte of anything is read once.
_PATTERNS = (
    # (b'authorization', b'Bearer …'), "cookie": "…": a quoted name, then a quoted value; the closing quote may
    # be missing because the text was cut, and one after a backslash does not close, however many there are:
    # nobody knows how often the text was quoted.
    re.compile(
        rf"""(?P<keep>(?:{_HEADERS}|{_FIELDS})(?P<q>['"])\s*[,:=]\s*(?:[a-z]{{1,12}}\()?b?(?P<v>['"]))"""
        r"""(?:(?!(?P=v))[^\\]|\\+(?:.|$))*""",
        re.IGNORECASE | re.DOTALL,
    ),
    # The same inside a string literal, where the quotes are escaped.
    re.compile(
        rf"""(?P<keep>(?:{_HEADERS}|{_FIELDS})\\(?P<q>['"])\s*[,:=]\s*b?\\(?P<v>['"]))"""
        r"""(?:\\{2,}(?:.|$)|(?!\\(?P=v)).)*""",
        re.IGNORECASE | re.DOTALL,
    ),
    # authorization: Bearer …: a header line, real or escaped, with the lines that continue it.
    re.compile(
        rf"(?P<keep>(?:{_HEADERS})[ \t]*:[ \t]*)(?:(?:\r?\n|\\r\\n|\\n)(?:[ \t]|\\t)|[^\r\n\\]|\\(?![rn]))+",
        re.IGNORECASE,
    ),
    # ?token=…&password=…
    re.compile(rf"""(?P<keep>(?:{_FIELDS})=)[^&\s'"#;,\\<>)\]}}]+""", re.IGNORECASE),
    # https://user:password@host
    re.compile(r"(?P<keep>://)[^/\s@'\"]{1,400}(?=@)"),
)
# Most texts have none of these, and cost no more than finding that out.
_WORTH_A_LOOK = ("authorization", "cookie", "api", "token", "passw", "secret", "@")


def mask(text: str) -> str:
    """The text with the values of secret headers, query parameters and user names in addresses hidden.

    Headers: authorization, cookie, set-cookie, x-api-key, proxy-authorization; parameters and object keys
    that end in token, password, api_key or secret. Masking twice is masking once.
    """
    lowered = text.lower()
    if not any(word in lowered for word in _WORTH_A_LOOK):
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<keep>{HIDDEN}", text)
    return text


def masked(verdict: Verdict) -> Verdict:
    """The verdict without secrets in what it shows."""
    return replace(
        verdict,
        target=mask(verdict.target),
        route=_mask_optional(verdict.route),
        expected=_mask_optional(verdict.expected),
        observed=_mask_optional(verdict.observed),
        known=_mask_optional(verdict.known),
        transcript=tuple(_mask_entry(entry) for entry in verdict.transcript),
    )


def _mask_optional(text: str | None) -> str | None:
    return text if text is None else mask(text)


def _mask_entry(entry: Entry) -> Entry:
    text = mask(entry.text)
    return entry if text is entry.text else replace(entry, text=text)

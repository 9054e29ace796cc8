"""RFC 6455, sections 4.1 to 4.4: opening handshakes, correct ones in odd forms and others."""

from collections.abc import Iterator

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455, RFC_9112
from asgi_conformance.websocket.frames import TEXT, encode

from .handshakes import (
    ANYTHING,
    EITHER,
    REFUSAL,
    Ask,
    Look,
    chosen_from,
    decoded,
    names_versions,
    no_extension,
    register_handshakes,
)

READING, SENDING = RFC_6455["section-4.2.1"], RFC_6455["section-4.2.2"]
ABOUT = """What is no handshake must be answered by an HTTP error; what is one, in whatever form, must be understood.

Usual cause: header values compared as whole strings, or looked for anywhere in them.
"""


def correct(name: str, shows: str, *headers: tuple[str, str], look: Look | None = None) -> Ask:
    """A handshake in another form that has to be understood."""
    return Ask(name, shows, READING, headers=headers, look=look)


def wrong(name: str, shows: str, *headers: tuple[str, str], without: str = "", key: bytes | None = None) -> Ask:
    """What is no handshake."""
    left_out = frozenset(without.split())
    return Ask(name, shows, READING, REFUSAL, headers=headers, without=left_out, key=key)


def unruled(name: str, shows: str, *headers: tuple[str, str], look: Look | None = None) -> Ask:
    """A handshake for which RFC 6455 has no rule: it has to be answered."""
    return Ask(name, shows, READING, EITHER, PRACTICE, headers=headers, look=look)


def asks() -> Iterator[Ask]:
    """Request line, the five headers, then everything that is optional."""
    yield from _lines()
    yield from _upgrades()
    yield from _keys_and_versions()
    yield from _hosts_and_origins()
    yield from _subprotocols()
    yield from _extensions()
    yield from _bytes()


def _lines() -> Iterator[Ask]:
    yield Ask("correct", "A correct handshake must be accepted.", READING)
    for method in ("POST", "PUT", "HEAD", "OPTIONS"):
        shows = f"A handshake by {method} must be refused: it is a GET."
        yield Ask(f"method-{method.lower()}", shows, READING, REFUSAL, method=method)
    yield Ask("http-1-0", "A handshake in HTTP/1.0 must be refused.", READING, REFUSAL, version="HTTP/1.0")
    yield Ask("absolute-target", "A handshake whose target is a whole URL should be answered.",
              RFC_9112["section-3.2.2"], EITHER, PRACTICE, target="http://{host}{path}", echoes=False)  # fmt: skip


def _upgrades() -> Iterator[Ask]:
    yield wrong("upgrade-missing", "A request without Upgrade must not be taken for a handshake.", without="upgrade")
    yield wrong("upgrade-empty", "A request with an empty Upgrade must not be taken for a handshake.", ("Upgrade", ""))
    yield wrong("upgrade-other", "A request to upgrade to something else must not be taken for a handshake.",
                ("Upgrade", "h2c"))  # fmt: skip
    yield wrong("upgrade-longer-word", "An Upgrade that only begins with the word must not be taken for a handshake.",
                ("Upgrade", "websockets"))  # fmt: skip
    yield correct("upgrade-in-capitals", "The word in Upgrade must be understood in any case.",
                  ("Upgrade", "WebSocket"))  # fmt: skip
    yield unruled("upgrade-list", "An Upgrade with another word beside it should be answered.",
                  ("Upgrade", "h2c, websocket"))  # fmt: skip
    yield wrong("connection-missing", "A request without Connection must not be taken for a handshake.",
                without="connection")  # fmt: skip
    yield wrong("connection-keep-alive", "A request whose Connection has no upgrade must not be taken for a handshake.",
                ("Connection", "keep-alive"))  # fmt: skip
    yield correct("connection-lower-case", "The word in Connection must be understood in any case.",
                  ("Connection", "upgrade"))  # fmt: skip
    yield correct("connection-list", "A Connection with several words must be understood, as some browsers send it.",
                  ("Connection", "keep-alive, Upgrade"))  # fmt: skip
    yield correct("connection-two-lines", "A Connection in two header lines must be understood.",
                  ("Connection", "keep-alive"), ("Connection", "Upgrade"))  # fmt: skip


def _keys_and_versions() -> Iterator[Ask]:
    yield wrong("key-missing", "A handshake without a key must be refused.", without="sec-websocket-key")
    yield wrong("key-empty", "A handshake with an empty key must be refused.", key=b"")
    note = "should be refused, though the server need not decode it"
    for name, words, key in (
        ("key-short", "of 8 bytes", decoded(8)),
        ("key-long", "of 24 bytes", decoded(24)),
        ("key-not-base64", "that is no base64", b"%%%%%%%%%%%%%%%%%%%%=="),
    ):
        yield Ask(name, f"A key {words} {note}.", SENDING, EITHER, PRACTICE, key=key)
    yield Ask("key-twice", "A key in two header lines should be answered somehow.", READING, EITHER, PRACTICE,
              headers=(("Sec-WebSocket-Key", "{key}"), ("Sec-WebSocket-Key", "{key}")),
              accept=False)  # fmt: skip
    yield correct("key-with-blanks", "Blanks around the key must not count.", ("Sec-WebSocket-Key", "  {key}\t "))
    yield wrong("version-missing", "A handshake without a version must be refused.", without="sec-websocket-version")
    for version in ("0", "7", "12", "14", "255", "thirteen", ""):
        shows = f"A handshake with the version {version or 'left empty'} must be refused, and 13 be named."
        yield Ask(f"version-{version or 'empty'}", shows, RFC_6455["section-4.4"], REFUSAL,
                  headers=(("Sec-WebSocket-Version", version),), look=names_versions)  # fmt: skip
    yield unruled("version-list", "A handshake with a list of versions should be answered.",
                  ("Sec-WebSocket-Version", "13, 8"))  # fmt: skip


def _hosts_and_origins() -> Iterator[Ask]:
    yield wrong("host-missing", "A handshake without Host must be refused.", without="host")
    yield Ask("host-twice", "A handshake with two Host lines must be refused.", RFC_9112["section-3.2"], REFUSAL,
              headers=(("Host", "{host}"), ("Host", "other.example")))  # fmt: skip
    for name, origin in (("origin", "http://{host}"), ("origin-null", "null"), ("origin-other", "https://a.example")):
        yield unruled(name, f"A handshake with the origin {origin.format(host='of the server')} should be answered.",
                      ("Origin", origin))  # fmt: skip
    yield correct("other-headers", "Headers that the server does not know must not matter.",
                  *((f"X-Header-{number}", "value") for number in range(30)))  # fmt: skip
    yield correct("long-header", "A header of 4 KiB must not matter.", ("Cookie", "c=" + "x" * 4096))


def _subprotocols() -> Iterator[Ask]:
    name = "Sec-WebSocket-Protocol"
    for case, words, values, offered in (
        ("subprotocol", "one subprotocol", ("chat",), ("chat",)),
        ("subprotocols", "a list of subprotocols", ("chat, v2.chat, x",), ("chat", "v2.chat", "x")),
        ("subprotocols-in-lines", "subprotocols in several lines", ("chat", "v2.chat"), ("chat", "v2.chat")),
        ("subprotocols-with-blanks", "odd blanks between subprotocols", ("chat ,\tv2.chat",), ("chat", "v2.chat")),
    ):
        shows = f"A handshake with {words} must be accepted, with one of them or none."
        headers = tuple((name, value) for value in values)
        yield correct(f"{case}-offered", shows, *headers, look=chosen_from(*offered))
    for case, words, value in (
        ("subprotocols-empty-item", "an empty item between subprotocols", "chat,,v2.chat"),
        ("subprotocols-twice", "the same subprotocol twice", "chat, chat"),
        ("subprotocols-with-blank-inside", "a subprotocol with a blank inside", "chat room"),
        ("subprotocols-empty", "an empty list of subprotocols", ""),
    ):
        shows = f"A handshake with {words} should be answered."
        yield unruled(case, shows, (name, value), look=chosen_from("chat", "v2.chat", "chat room"))


def _extensions() -> Iterator[Ask]:
    name, clause = "Sec-WebSocket-Extensions", RFC_6455["section-9.1"]
    for case, words, value in (
        ("extension-unknown", "an unknown extension", "x-unknown"),
        ("extension-unknown-parameters", "an unknown extension with parameters", 'x-unknown; a; b=1; c="two"'),
        ("extensions-unknown", "several unknown extensions", "x-one, x-two; a=1, x-three"),
    ):
        shows = f"A handshake with {words} must be accepted without it."
        yield correct(case, shows, (name, value), look=no_extension)
    for case, words, value in (
        ("extension-without-name", "a parameter and no extension", "; client_no_context_takeover"),
        ("extension-without-parameter", "an equals sign and no parameter", "permessage-deflate; =10"),
        ("extension-bad-name", "a name that is no token", "permessage deflate"),
        ("extension-quote-open", "a quote that is never closed", 'permessage-deflate; server_max_window_bits="10'),
    ):
        shows = f"A handshake whose list of extensions has {words} must be refused."
        yield Ask(case, shows, clause, REFUSAL, headers=((name, value),))


def _bytes() -> Iterator[Ask]:
    yield Ask("octet-by-octet", "A handshake that comes octet by octet must be accepted.", READING, octets=True)
    yield correct("header-names-in-capitals", "Names of headers must be understood in any case.",
                  ("UPGRADE", "websocket"), ("CONNECTION", "Upgrade"), ("SEC-WEBSOCKET-VERSION", "13"))  # fmt: skip
    yield correct("header-names-in-lower-case", "Names of headers in lower case must be understood.",
                  ("upgrade", "websocket"), ("connection", "upgrade"), ("sec-websocket-version", "13"))  # fmt: skip
    shows = "A handshake with a body, for which RFC 6455 has no rule, should be answered or dropped."
    yield Ask("body", shows, READING, ANYTHING, PRACTICE, headers=(("Content-Length", "5"),), behind=b"hello",
              echoes=False)  # fmt: skip
    shows = "A frame in the same segment as the handshake, which a client may not send yet, should do no harm."
    yield Ask("frame-too-early", shows, RFC_6455["section-4.1"], ANYTHING, PRACTICE,
              behind=encode(TEXT, b"too early"), echoes=False)  # fmt: skip


register_handshakes(__name__, "handshake", ABOUT, asks())

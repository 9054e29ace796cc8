"""RFC 6455, section 4.2.2: the server's answer to a correct handshake."""

from asgi_conformance import PRACTICE
from asgi_conformance.spec import RFC_6455, RFC_9110

from .handshakes import ANYTHING, REFUSAL, Ask, Look, chose, chosen_from, no_extension, register_handshakes
from .wire import Heads

CLAUSE = RFC_6455["section-4.2.2"]
ABOUT = """A client has to give up a connection whose answer is not exactly what it asked for.

Usual cause: a header of the application or of a proxy that is passed on as it is.
"""
PROTOCOLS = (("Sec-WebSocket-Protocol", "chat, v2.chat"),)


def line(head: Heads) -> str | None:
    """The status line is that of HTTP/1.1."""
    return None if head.version == "1.1" else f"HTTP/{head.version}"


def upgrade(head: Heads) -> str | None:
    """Upgrade says websocket, and nothing else."""
    found = ", ".join(head.all(b"upgrade"))
    return None if found.lower() == "websocket" else f"Upgrade: {found or 'none'}"


def connection(head: Heads) -> str | None:
    """Connection has the word upgrade."""
    found = ", ".join(head.all(b"connection"))
    return None if "upgrade" in found.lower().replace(" ", "").split(",") else f"Connection: {found or 'none'}"


def framing(head: Heads) -> str | None:
    """A 101 has no content, and no header that announces one."""
    found = [name for name in ("content-length", "transfer-encoding") if head.all(name.encode())]
    return f"{' and '.join(found)} in a 101" if found else None


def denial(head: Heads) -> str | None:
    """The refusal that the application was told to give."""
    return None if (head.status, head.body) == (418, b"denied") else f"status {head.status}, body {head.body[:40]!r}"


def header(head: Heads) -> str | None:
    """The header that the application was told to send."""
    return None if head.all(b"x-told") == ["yes"] else f"x-told: {', '.join(head.all(b'x-told')) or 'none'}"


def injected(head: Heads) -> str | None:
    """No header that came out of another one's value."""
    return "a second header out of one value" if head.all(b"x-injected") else None


def plain(name: str, shows: str, look: Look) -> Ask:
    """A look at the answer to a plain handshake."""
    return Ask(name, shows, CLAUSE, look=look)


ASKS = (
    Ask("accept", "The accept value must be the one that belongs to the key.", CLAUSE, key=b"dGhlIHNhbXBsZSBub25jZQ=="),
    plain("status-line", "The answer must be one of HTTP/1.1.", line),
    plain("upgrade", "The answer must have an Upgrade that says websocket.", upgrade),
    plain("connection", "The answer must have a Connection with the word upgrade.", connection),
    Ask("no-content", "The answer must not announce content.", RFC_9110["section-8.6"], look=framing),
    plain("no-subprotocol", "No subprotocol must be chosen where none was offered.", chosen_from()),
    plain("no-extension", "No extension must be agreed on where none was offered.", no_extension),
    Ask("subprotocol-first", "The first subprotocol must be chosen when the application says so.", CLAUSE,
        headers=PROTOCOLS, told="subprotocol=chat", look=chose("chat")),
    Ask("subprotocol-second", "The second subprotocol must be chosen when the application says so.", CLAUSE,
        headers=PROTOCOLS, told="subprotocol=v2.chat", look=chose("v2.chat")),
    Ask("subprotocol-none", "No subprotocol must be chosen when the application chooses none.", CLAUSE,
        headers=PROTOCOLS, told="", look=chosen_from()),
    Ask("subprotocol-unoffered", "A subprotocol that was not offered must not be answered, whoever chose it.", CLAUSE,
        ANYTHING, headers=PROTOCOLS, told="subprotocol=other", look=chosen_from("chat", "v2.chat")),
    Ask("refusal", "A refusal must have the status and body that the application gives it.", CLAUSE, REFUSAL,
        PRACTICE, told="deny=418", look=denial),
    Ask("header", "A header of the application should be in the answer.", CLAUSE, level=PRACTICE,
        told="header=x-told:yes", look=header),
    Ask("header-injection", "A header value with a line break should not become two headers.", CLAUSE,
        ANYTHING, PRACTICE, told="header=x-told:yes%0D%0Ax-injected:%20yes",
        look=injected),
)  # fmt: skip

register_handshakes(__name__, "handshake-answer", ABOUT, ASKS)

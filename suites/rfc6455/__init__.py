"""The WebSocket protocol on the wire, case by case: RFC 6455 over HTTP/1.1, and RFC 7692.

Each case is a check of its own, ``rfc6455.<category>.<case>``. The server under test has to echo: what it is sent
comes back as a message of the same kind with the same payload (``websocket.mirror``). That is tried first with a plain
"hello", so that an endpoint that does something else is told once and not accused by every case. Cases in which the
server chooses a subprotocol, refuses or begins the close need an application that does as it is told
(``websocket.told``).

Two verdicts are kept apart. The check that bears the name of the case judges the *behaviour*: a message comes back, or
the connection is failed and nothing more is served. Where the server has to end the connection, a second check,
``<case>-close``, judges *how* it did: a close frame with the right code, and then the end of TCP. RFC 6455 (section
7.1.7) has a SHOULD for the frame, so this one warns.

Several outcomes of a case may be acceptable, and are declared in it: the first one is strict, others are non-strict
(the RFC allows them) or informational (no rule). All of them pass. A case is played in several *cuts*: all bytes in one
segment, a segment for each frame, and octet by octet.

There are no cases for WebSocket over HTTP/2 (RFC 8441) or HTTP/3 (RFC 9220).
"""

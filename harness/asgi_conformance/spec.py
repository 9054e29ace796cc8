"""The specifications that rules come from, and their clauses."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """One section of a specification, with the address that shows it."""

    document: str
    section: str
    url: str

    def __str__(self) -> str:
        return f"{self.document}, {self.section}"


@dataclass(frozen=True, slots=True)
class Document:
    """A specification whose sections are found by an anchor: ``ASGI_HTTP["response-start-send-event"]``."""

    name: str
    url: str

    def __getitem__(self, anchor: str) -> Clause:
        return Clause(self.name, anchor, f"{self.url}#{anchor}")


ASGI = Document("ASGI 3.0", "https://asgi.readthedocs.io/en/latest/specs/main.html")
ASGI_HTTP = Document("ASGI HTTP 2.5", "https://asgi.readthedocs.io/en/latest/specs/www.html")
ASGI_WEBSOCKET = Document("ASGI WebSocket 2.5", "https://asgi.readthedocs.io/en/latest/specs/www.html")
ASGI_LIFESPAN = Document("ASGI Lifespan 2.0", "https://asgi.readthedocs.io/en/latest/specs/lifespan.html")
ASGI_EXTENSIONS = Document("ASGI Extensions", "https://asgi.readthedocs.io/en/latest/extensions.html")
ASGI_TLS = Document("ASGI TLS 0.2", "https://asgi.readthedocs.io/en/latest/specs/tls.html")
HTML_SSE = Document("HTML, Server-sent events", "https://html.spec.whatwg.org/multipage/server-sent-events.html")
FETCH = Document("Fetch", "https://fetch.spec.whatwg.org/")
RFC_9110 = Document("RFC 9110, HTTP Semantics", "https://www.rfc-editor.org/rfc/rfc9110")
RFC_9111 = Document("RFC 9111, HTTP Caching", "https://www.rfc-editor.org/rfc/rfc9111")
RFC_9112 = Document("RFC 9112, HTTP/1.1", "https://www.rfc-editor.org/rfc/rfc9112")
RFC_6265 = Document("RFC 6265, Cookies", "https://www.rfc-editor.org/rfc/rfc6265")
RFC_6455 = Document("RFC 6455, WebSocket", "https://www.rfc-editor.org/rfc/rfc6455")
RFC_7692 = Document("RFC 7692, WebSocket compression", "https://www.rfc-editor.org/rfc/rfc7692")
OPENAPI = Document("OpenAPI 3.1", "https://spec.openapis.org/oas/v3.1.1.html")
GRAPHQL_WS = Document("GraphQL over WebSocket", "https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md")
STARLETTE = Document("Starlette, Middleware", "https://www.starlette.io/middleware/")
FASTAPI = Document("FastAPI, Advanced", "https://fastapi.tiangolo.com/advanced/")
PRACTICES = Document("Practices of this project", "docs/practices.md")

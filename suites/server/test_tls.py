"""Server: the TLS extension, on connections with and without a client's certificate."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgi_conformance import MUST, Blocked, NotApplicable, Probe, Violation, check
from asgi_conformance.drivers.server import ServerDriver, ServerOptions
from asgi_conformance.drivers.server.adapters import find_variant
from asgi_conformance.drivers.wire import read_response
from asgi_conformance.drivers.wire_connection import connect
from asgi_conformance.judging import require
from asgi_conformance.protocol.problem import show
from asgi_conformance.protocol.tls import tls_problems
from asgi_conformance.spec import ASGI_HTTP, ASGI_TLS

from .script import OK, PROMPTLY, Record, head, life, new_name, record_on

FILES = Path(__file__).with_name("tls")
CLAUSE = ASGI_TLS["tls-connection-scope"]
NEEDS = {"server.script", "wire", "process"}
VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
NAME = "CN=client,O=asgi-conformance"


def _context(*, certified: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(FILES / "authority.pem"))
    if certified:
        context.load_cert_chain(str(FILES / "client.pem"))
    return context


@dataclass(frozen=True, slots=True)
class Called:
    """A call over TLS: its record, and what was negotiated (version and cipher by name)."""

    record: Record
    version: str
    cipher: str

    @property
    def extension(self) -> dict[str, Any]:
        """The extension in the scope. Raises NotApplicable where the server does not offer it."""
        entry: dict[str, Any] | None = (self.record.scope.get("extensions") or {}).get("tls")
        if entry is None:
            raise NotApplicable("a scope with the tls extension on a connection over TLS")
        return entry


async def _called(probe: Probe, *, certified: bool = False) -> Called:
    server = probe.driver_as(ServerDriver)
    if "certificate" not in find_variant(server.name).adapter.supports:
        raise NotApplicable("a server that the harness can start with a certificate")
    options = ServerOptions(certificate=str(FILES / "server.pem"), client_authority=str(FILES / "authority.pem"))
    async with life(probe, options=options) as own:
        called = new_name()
        connection = await connect(*own.server.process.address, tls=_context(certified=certified))
        try:
            await connection.send(head(own.server, OK, called))
            if (await read_response(connection, within=PROMPTLY)).status != 200:
                raise Blocked("no response over TLS")
            told = await record_on(probe, connection, called)
            secure = connection.tls
            if secure is None:
                raise Blocked("a connection without TLS")
            return Called(told, secure.version() or "", (secure.cipher() or ("",))[0])
        finally:
            await connection.dispose()


@check("server.tls.scheme", level=MUST, clause=ASGI_HTTP["http-connection-scope"], needs=NEEDS)
async def test_scheme_is_https(probe: Probe) -> None:
    """The scope's `scheme` must be "https" on a connection over TLS: links and cookies depend on it."""
    scheme = (await _called(probe)).record.scope.get("scheme")
    if scheme != "https":
        raise Violation(expected="scheme 'https'", observed=show(scheme))


@check("server.tls.shape", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_extension_has_its_keys(probe: Probe) -> None:
    """The `tls` extension must have `server_cert`, `tls_version` and `cipher_suite`, and every value its type.

    None stands for what a server cannot know. `client_cert_error` is None or says something.
    """
    problems = tls_problems((await _called(probe)).extension)
    require(problems, *{problem.rule for problem in problems})


@check("server.tls.negotiated", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_version_and_cipher_are_those_negotiated(probe: Probe) -> None:
    """The `tls_version` and the `cipher_suite` must be the numbers of what was negotiated, where they are known."""
    call = await _called(probe)
    numbers = {cipher["name"]: cipher["id"] & 0xFFFF for cipher in _context(certified=False).get_ciphers()}
    expected = {"tls_version": VERSIONS.get(call.version), "cipher_suite": numbers.get(call.cipher)}
    for key, number in expected.items():
        told = call.extension.get(key)
        if told is not None and number is not None and told != number:
            raise Violation(expected=f"{key} {number:#06x}", observed=show(told))


@check("server.tls.no-client-certificate", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_chain_is_empty_without_certificate(probe: Probe) -> None:
    """Without a client certificate the `client_cert_chain` must be empty, or absent."""
    chain = (await _called(probe)).extension.get("client_cert_chain")
    if chain:
        raise Violation(expected="an empty chain", observed=show(chain))


@check("server.tls.client-certificate", level=MUST, clause=CLAUSE, needs=NEEDS)
async def test_client_certificate_is_told(probe: Probe) -> None:
    """With a client certificate, `client_cert_chain` must begin with it, and `client_cert_name` be its subject.

    The name is written as RFC 4514 has it: from the last part of the subject to the first.
    """
    entry = (await _called(probe, certified=True)).extension
    chain = list(entry.get("client_cert_chain") or ())
    if not chain:
        raise NotApplicable("a server that tells of client certificates")
    pem = (FILES / "client.pem").read_text("ascii")
    expected = ssl.PEM_cert_to_DER_cert(pem[pem.index("-----BEGIN CERT") :])
    if ssl.PEM_cert_to_DER_cert(chain[0]) != expected:
        raise Violation(expected="the client's own certificate first", observed="another one")
    if entry.get("client_cert_name") != NAME:
        raise Violation(expected=f"client_cert_name {NAME!r}", observed=show(entry.get("client_cert_name")))

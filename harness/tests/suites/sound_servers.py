"""Layers that make a server of more than it is: they offer extensions and keep their rules, or mend what it gets wrong.

Each stands between uvicorn and the application, as the mutants of servers do.
"""

import os
import ssl
from pathlib import Path

from asgi_conformance.fixtures.mutants.server._layers import on_http, on_lifespan, rescoped, resent, wire

VERSIONS = {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


def offers_everything(app):
    """Trailers, files by name and by descriptor, hints (left out) and push (left out), each as its page has it."""

    async def around(inner, scope, receive, send):
        wanted = (b"te", b"trailers") in [(name.lower(), value) for name, value in scope["headers"]]
        announced, lines = False, b""

        async def handle(message):
            nonlocal announced, lines
            kind = message["type"] if isinstance(message, dict) and "type" in message else None
            if kind == "http.response.start":
                announced = message.get("trailers", False)
                await send(message)
            elif kind == "http.response.trailers":
                lines += b"".join(name + b": " + value + b"\r\n" for name, value in message["headers"])
                if not message.get("more_trailers"):
                    if wanted:
                        wire(send).write(b"0\r\n" + lines + b"\r\n")
                    else:
                        await send({"type": "http.response.body"})
            elif kind == "http.response.body" and announced:
                await send({**message, "more_body": True})
            elif kind == "http.response.pathsend":
                await send({"type": "http.response.body", "body": Path(message["path"]).read_bytes()})
            elif kind == "http.response.zerocopysend":
                content = os.pread(message["file"].fileno(), 1 << 20, 0)
                await send({"type": "http.response.body", "body": content})
            elif kind not in {"http.response.push", "http.response.early_hint"}:
                await send(message)

        names = ("trailers", "pathsend", "zerocopysend", "push", "early_hint")
        await inner({**scope, "extensions": {f"http.response.{name}": {} for name in names}}, receive, handle)

    return on_http(around, app)


def tells_of_tls(app):
    """The tls extension with what it can know."""

    async def around(inner, scope, receive, send):
        if scope["scheme"] != "https":
            await inner(scope, receive, send)
            return
        secure = wire(send).get_extra_info("ssl_object")
        der = secure.getpeercert(binary_form=True)
        cipher = next(c["id"] & 0xFFFF for c in secure.context.get_ciphers() if c["name"] == secure.cipher()[0])
        entry = {"server_cert": None, "tls_version": VERSIONS[secure.version()], "cipher_suite": cipher}
        chain = [] if der is None else [ssl.DER_cert_to_PEM_cert(der)]
        entry |= {"client_cert_chain": chain, "client_cert_name": "CN=client,O=asgi-conformance" if chain else None}
        await inner({**scope, "extensions": {"tls": {**entry, "client_cert_error": None}}}, receive, send)

    return on_http(around, app)


def mended(app):
    """What uvicorn gets wrong with httptools, put right."""

    def scoped(scope):
        root = scope["root_path"]
        doubled = bool(root) and scope["path"].startswith(root + root)
        path = scope["path"].removeprefix(root) if doubled else scope["path"]
        raw = scope["raw_path"].removeprefix(root.encode()) if doubled else scope["raw_path"]
        headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        return {**scope, "path": path, "raw_path": raw, "headers": headers}

    async def handle(message, send):
        if isinstance(message, dict) and message.get("type") == "http.response.start" and "headers" in message:
            dropped = {b"transfer-encoding"} | ({b"content-length"} if message.get("status") == 204 else set())
            headers = [pair for pair in message["headers"] if pair[0] not in dropped]
            message = {**message, "headers": headers}
        await send(message)

    async def around(inner, scope, receive, send):
        try:
            await inner(scope, receive, send)
        except Exception as error:
            print(f"the lifespan has died: {error}", flush=True)
            raise

    return on_lifespan(around, rescoped(resent(app, handle), scoped))

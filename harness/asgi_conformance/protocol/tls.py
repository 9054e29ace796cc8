"""The shape of the ``tls`` extension of a scope."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from asgi_conformance.protocol.problem import Problem, show
from asgi_conformance.protocol.shape import is_int, strings


class _Entry(NamedTuple):
    name: str
    rule: str
    expected: str
    required: bool
    test: Callable[[Any], bool]


_ENTRIES = (
    _Entry(
        "server_cert", "scope.tls.server-cert", "a PEM str or None", True, lambda v: v is None or isinstance(v, str)
    ),
    _Entry("client_cert_chain", "scope.tls.client-cert-chain", "an iterable of PEM str", False, strings),
    _Entry(
        "client_cert_name",
        "scope.tls.client-cert-name",
        "a distinguished name as a str",
        False,
        lambda v: v is None or isinstance(v, str),
    ),
    _Entry(
        "client_cert_error",
        "scope.tls.client-cert-error",
        "a str that is not empty, or None",
        False,
        lambda v: v is None or (isinstance(v, str) and v != ""),
    ),
    _Entry("tls_version", "scope.tls.tls-version", "an int or None", True, lambda v: v is None or is_int(v)),
    _Entry(
        "cipher_suite",
        "scope.tls.cipher-suite",
        "an int of 16 bits, or None",
        True,
        lambda v: v is None or (is_int(v) and 0 <= v <= 0xFFFF),
    ),
)


def tls_problems(entry: Mapping[str, Any]) -> list[Problem]:
    """Everything that is wrong with the content of ``extensions["tls"]``."""
    found = []
    for name, rule, expected, required, test in _ENTRIES:
        if name in entry:
            if not test(entry[name]):
                found.append(Problem(rule, f"{expected} as {name!r}", show(entry[name])))
        elif required:
            found.append(Problem(rule, f"{expected} as {name!r}", "no such key"))
    chain = entry.get("client_cert_chain", ())
    if strings(chain) and chain and entry.get("client_cert_name") is None:
        found.append(Problem("scope.tls.client-cert-name", "the name that belongs to the certificate", "none"))
    return found

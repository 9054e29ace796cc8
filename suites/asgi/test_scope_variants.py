"""ASGI HTTP: the connection scope, in every form that a server may give it."""

from typing import Any

from asgi_conformance import PRACTICE, SHOULD, NotApplicable, Probe, Violation, check, waits
from asgi_conformance.judging import START, http_call, only
from asgi_conformance.spec import ASGI, ASGI_HTTP
from asgi_conformance.waits import Limit

CLAUSE = ASGI_HTTP["http-connection-scope"]
VERSIONS = ("2.0", "2.1", "2.2", "2.3", "2.4", "2.5")


async def _answer(probe: Probe, scope: dict[str, Any]) -> int | str:
    """The status of the response to a request with these keys in its scope, or what became of it."""
    call = await http_call(probe, farewell={"type": "http.disconnect"}, scope=scope, window=16)
    await waits.until(call, lambda: bool(only(START, call.sent)), Limit(300.0, 10.0))
    starts = only(START, call.sent)
    call.leave()
    ending = await waits.ending(call, Limit(60.0, 5.0))
    if not starts:
        return ending.error or "no response"
    status = starts[0].get("status")
    return status if isinstance(status, int) else 0


async def _judge(probe: Probe, variants: dict[str, dict[str, Any]]) -> None:
    usual = await _answer(probe, {})
    if isinstance(usual, str) or usual >= 500:
        raise NotApplicable("a usual scope that is answered without an error")
    for what, scope in variants.items():
        answer = await _answer(probe, scope)
        if isinstance(answer, str) or answer >= 500:
            observed = f"status {answer}" if isinstance(answer, int) else answer
            raise Violation(expected=f"a response without an error to a scope {what}", observed=observed)


@check("asgi.scope.optional-keys", level=PRACTICE, clause=CLAUSE, needs={"http", "script"})
async def test_optional_keys_may_be_absent(probe: Probe) -> None:
    """An application should cope with a scope without the optional keys, or with None in their place.

    `client` and `server` are unknown behind a unix socket and in many test clients, `raw_path` to servers that
    decode early; `scheme` and `root_path` have defaults.

    Usual cause: `scope["client"][0]`, `request.client.host`.
    Usual mend: `scope.get("client")`, and a word for a client that is not known.
    """
    keys = ("client", "server", "scheme", "root_path", "raw_path")
    variants: dict[str, dict[str, Any]] = {f"without {key!r}": {key: ...} for key in keys}
    variants |= {f"whose {key!r} is None": {key: None} for key in ("client", "server", "raw_path")}
    await _judge(probe, variants)


@check("asgi.scope.iterables", level=PRACTICE, clause=CLAUSE, needs={"http", "script"})
async def test_sequences_may_be_of_any_kind(probe: Probe) -> None:
    """An application should cope with headers in any iterable, and with addresses as lists.

    Servers use lists of tuples, lists of lists, tuples of them, or make the pairs when they are asked for.

    Usual cause: `scope["headers"] + [...]`, or `scope["headers"][0]`.
    Usual mend: `[*scope["headers"], ...]`.
    """
    await probe.start()
    usual = probe.inprocess.http_scope(probe.http_request())
    headers = usual["headers"]
    variants: dict[str, dict[str, Any]] = {
        "whose headers are a tuple of lists": {"headers": tuple(list(pair) for pair in headers)},
        "whose headers are made when they are read": {"headers": iter(list(headers))},
        "whose addresses are lists": {"client": list(usual["client"]), "server": list(usual["server"])},
    }
    await _judge(probe, variants)


@check("asgi.scope.any-version", level=SHOULD, clause=ASGI["applications"], needs={"http", "script"})
async def test_any_version_is_served(probe: Probe) -> None:
    """An application should cope with every version that a server may claim, and with none.

    Without `spec_version` the page of version 2.0 counts, without `version` ASGI 2.0.

    Usual cause: `scope["asgi"]["spec_version"]`, a comparison of versions as text.
    Usual mend: `scope["asgi"].get("spec_version", "2.0")`.
    """
    variants = {f"of version {version}": {"asgi": {"version": "3.0", "spec_version": version}} for version in VERSIONS}
    variants |= {"without 'spec_version'": {"asgi": {"version": "3.0"}}, "without any version": {"asgi": {}}}
    await _judge(probe, variants)


@check("asgi.scope.split-cookies", level=SHOULD, clause=ASGI_HTTP["http"], needs={"http", "script"})
async def test_cookies_may_be_apart(probe: Probe) -> None:
    """An application should cope with several `cookie` headers, which HTTP/2 allows: together they are one.

    Usual cause: `dict(scope["headers"])`, of which one cookie header is left; a parser that is given the header twice.
    Usual mend: join the values with `"; "`.
    """
    await probe.start()
    headers = list(probe.inprocess.http_scope(probe.http_request())["headers"])
    joined = await _answer(probe, {"headers": [*headers, (b"cookie", b"conformance-a=1; conformance-b=2")]})
    if isinstance(joined, str) or joined >= 500:
        raise NotApplicable("a request with cookies that is answered without an error")
    apart = [(b"cookie", b"conformance-a=1"), (b"cookie", b"conformance-b=2")]
    answer = await _answer(probe, {"headers": [*headers, *apart], "http_version": "2"})
    if answer != joined:
        observed = f"status {answer}" if isinstance(answer, int) else answer
        raise Violation(expected=f"status {joined} to cookies in two headers, as in one", observed=observed)


@check("asgi.scope.root-path", level=PRACTICE, clause=CLAUSE, needs={"http", "script"})
async def test_mount_point_is_no_error(probe: Probe) -> None:
    """An application should cope with a `root_path`, whether the proxy has left it in the path or taken it off.

    A server cannot know which it was; both kinds of proxy are in use. A 404 is an answer, and not judged here.

    Usual cause: `path[len(root_path):]`, an assertion that the one begins with the other.
    Usual mend: `path.removeprefix(root_path)`.
    """
    await probe.start()
    usual = probe.inprocess.http_scope(probe.http_request())
    kept = {"root_path": "/mounted", "path": f"/mounted{usual['path']}", "raw_path": b"/mounted" + usual["raw_path"]}
    variants: dict[str, dict[str, Any]] = {
        "whose mount point is in the path": kept,
        "whose mount point is not in the path": {"root_path": "/mounted"},
    }
    await _judge(probe, variants)

"""Sound applications that do validators, ranges, cookies and media types in ways of their own."""

import re

import pytest

from asgi_conformance import catalogue
from asgi_conformance.drivers.inprocess import InProcess
from asgi_conformance.pattern import Route
from asgi_conformance.runner import Case, plan, run_case
from asgi_conformance.target import Target
from asgi_conformance.verdict import Outcome

CHECKS = [check for check in catalogue.load_checks() if check.suite in {"asgi", "http"}]
GET = Route("GET", "/", {"http"})
CONTENT = b"0123456789" * 20
DATE = b"Sun, 06 Nov 1994 08:49:37 GMT"
SOUND = {}


def sound(*routes):
    """Register what answers: `answer(method, headers)` gives status, headers, content."""

    def register(answer):
        SOUND[answer.__name__] = (answer, routes or (GET,))
        return answer

    return register


def served(answer):
    async def app(scope, receive, send):
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} here")
        given = {}
        for name, value in scope["headers"]:
            given[name] = given[name] + b", " + value if name in given else value
        status, headers, content = answer(scope["method"], given)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})

    return app


def length(content):
    return (b"content-length", str(len(content)).encode())


TEXT = (b"content-type", b"text/plain")


@sound()
def ignores_every_condition(method, given):
    """A tag and a date that nobody compares: caches have it checked in vain, and that is allowed."""
    return 200, [TEXT, (b"etag", b'W/"v1"'), (b"last-modified", DATE), length(CONTENT)], CONTENT


@sound()
def not_modified_by_weak_comparison(method, given):
    headers = [(b"etag", b'W/"v1"'), (b"cache-control", b"max-age=60"), (b"vary", b"accept-encoding")]
    known = re.findall(rb'"([^"]*)"', given.get(b"if-none-match", b""))
    if b"v1" in known or given.get(b"if-none-match") == b"*":
        return 304, headers, b""
    return 200, [TEXT, *headers, length(CONTENT)], CONTENT


@sound()
def not_modified_by_date_alone(method, given):
    headers = [(b"last-modified", DATE)]
    if given.get(b"if-modified-since") == DATE and b"if-none-match" not in given:
        return 304, headers, b""
    return 200, [TEXT, *headers, length(CONTENT)], CONTENT


@sound()
def modified_in_1970(method, given):
    """A build that sets every file's date to the beginning of time."""
    headers = [(b"last-modified", b"Thu, 01 Jan 1970 00:00:00 GMT")]
    if given.get(b"if-modified-since") and b"if-none-match" not in given:
        return 304, headers, b""
    return 200, [TEXT, *headers, length(CONTENT)], CONTENT


@sound()
def serves_one_part(method, given):
    """Single ranges only; several, or odd ones, are ignored; `if-range` by date is not understood, so it is whole."""
    found = re.fullmatch(rb"bytes=(\d*)-(\d*)", given.get(b"range", b""))
    headers = [TEXT, (b"accept-ranges", b"bytes")]
    if found and found[0] != b"bytes=-" and b"if-range" not in given:
        first, last = found.groups()
        start = int(first) if first else max(0, len(CONTENT) - int(last))
        end = min(int(last) + 1 if first and last else len(CONTENT), len(CONTENT))
        if start >= len(CONTENT):
            return 416, [(b"content-range", b"bytes */%d" % len(CONTENT)), (b"content-length", b"0")], b""
        if start < end:
            part = CONTENT[start:end]
            span = b"bytes %d-%d/%d" % (start, end - 1, len(CONTENT))
            return 206, [*headers, (b"content-range", span), length(part)], part
    return 200, [*headers, length(CONTENT)], CONTENT


@sound()
def sets_odd_cookies(method, given):
    cookies = (
        b'a="quoted"; Path=/',
        b"b=; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        b"a=1; Path=/other",
        b"__Host-c=x%20y; Path=/; Secure; HttpOnly; SameSite=Lax",
        b"d=1=2; samesite=none; secure",
        b"e=1; Partitioned; Secure",
    )
    return 200, [TEXT, *((b"set-cookie", cookie) for cookie in cookies), length(CONTENT)], CONTENT


@sound()
def negotiates(method, given):
    if b"application/json" in given.get(b"accept", b""):
        return (
            200,
            [(b"content-type", b"application/json"), (b"vary", b"Accept-Encoding, Accept"), (b"content-length", b"2")],
            b"{}",
        )
    if b"text/plain" in given.get(b"accept", b""):
        return 406, [TEXT, (b"content-length", b"0")], b""
    return 200, [(b"content-type", b"text/html;charset=utf-8"), (b"vary", b"*"), (b"content-length", b"4")], b"<p>x"


@sound()
def writes_media_types_with_care(method, given):
    kind = b'multipart/mixed; boundary="gc0p4Jq0M:2Yt08j34c0p"; charset=utf-8;'
    return 200, [(b"content-type", kind), length(CONTENT)], CONTENT


@sound()
def redirects_to_odd_places(method, given):
    where = b"//example.org:8080/a%20b/%E2%9C%93?q=(x)&y=[1]#top"
    return 303, [(b"location", where), (b"content-length", b"0")], b""


@sound()
def refuses_what_is_odd(method, given):
    """400 for an `accept` or `range` that cannot be read is an answer."""
    odd = b"q=x" in given.get(b"accept", b"") or b"b-a" in given.get(b"range", b"")
    return (400 if odd else 200), [TEXT, length(CONTENT)], CONTENT


@sound(Route("POST", "/", {"http", "http.upload"}, body=b"1, 2, 3"))
def refuses_every_upload(method, given):
    return 403, [TEXT, (b"content-length", b"0")], b""


@sound()
def answers_with_the_callers_cookies(method, given):
    """Cookies in two headers or in one make no difference to whoever joins them."""
    content = b"; ".join(sorted(re.split(rb"[,;] ", given.get(b"cookie", b""))))
    return 200, [TEXT, length(content)], content


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", SOUND)
def test_sound_application_is_not_accused(name: str) -> None:
    answer, routes = SOUND[name]
    target = Target(name, routes=tuple(routes))
    accused = {}

    def driver(_case: Case, transcript):
        return InProcess(served(answer), raise_app_exceptions=False, transcript=transcript)

    for case in plan(CHECKS, target, "in-process", InProcess.abilities):
        if case.not_applicable is None:
            verdict = run_case(case, driver)
            if verdict.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE}:
                accused[verdict.check] = (verdict.outcome.value, verdict.expected, verdict.observed)
    assert accused == {}

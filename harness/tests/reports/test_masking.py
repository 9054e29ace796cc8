"""Secrets are hidden wherever transcripts can carry them, and nothing else is."""

import pytest

from asgi_conformance.reports.masking import mask, masked
from asgi_conformance.verdict import Entry, Level, Outcome, Verdict

SECRET = "s3cret-v4lue"


@pytest.mark.parametrize("header", ["authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization"])
@pytest.mark.parametrize(
    "form",
    [
        "{0}: {1}",
        "{2}:{1}; more={1}",
        "GET / HTTP/1.1\r\n{2}: Bearer {1}\r\nhost: x",
        r"b'GET / HTTP/1.1\r\n{2}: Bearer {1}\r\nhost: x\r\n\r\n'",
        "{0}: one,\r\n two {1}",
        r"b'{0}: one,\r\n\ttwo {1}'",
        "{{'headers': [(b'{0}', b'Bearer {1}'), (b'host', b'x')]}}",
        '{{"{2}": "{1}"}}',
        "[b'{0}', bytearray(b'{1}')]",
        r"""(b'{0}', b'it\'s "{1}" so')""",
        r"""b'{{"a": "x", "{0}": "q\\"{1}"}}'""",
        r"'{{\"{0}\": \"{1}\"}}'",
        "(b'{0}', b'{1}… (3,000 characters)",
        "curl -H '{0}: {1}' http://x/",
    ],
)
def test_values_of_secret_headers_are_hidden(header: str, form: str) -> None:
    text = form.format(header, SECRET, header.title())
    shown = mask(text)
    assert SECRET not in shown
    assert header in shown.lower()
    assert mask(shown) == shown


@pytest.mark.parametrize("name", ["token", "access_token", "password", "api_key", "apikey", "API-KEY", "client_secret"])
@pytest.mark.parametrize("form", ["/x?{0}={1}", "/x?a=1&{0}={1}&b=2", "b'{0}={1}'", "{{'{0}': '{1}'}}", "{0}={1}"])
def test_values_of_secret_parameters_are_hidden(name: str, form: str) -> None:
    shown = mask(form.format(name, SECRET))
    assert SECRET not in shown
    assert name in shown


def test_what_is_not_secret_stays() -> None:
    text = "{'headers': [(b'authorization', b'%s'), (b'host', b'example')], 'path': '/a?token=%s&page=2'}"
    assert mask(text % ("Bearer x", "x")) == text % ("***", "***")
    for harmless in ("content-type: text/event-stream", "GET /tokens HTTP/1.1", "id: 7", "http://host/a@b", ""):
        assert mask(harmless) == harmless


def test_the_header_lines_around_a_secret_one_stay() -> None:
    assert mask("host: a\r\ncookie: b\r\naccept: c") == "host: a\r\ncookie: ***\r\naccept: c"


def test_addresses_lose_user_and_password() -> None:
    assert mask("https://me:s3cret@host/path") == "https://***@host/path"


def test_a_verdict_is_masked_in_all_that_it_shows() -> None:
    secret = f"cookie: {SECRET}"
    verdict = Verdict(
        "a.b.c",
        Level.MUST,
        "a",
        Outcome.FAILED,
        f"http://u:{SECRET}@x",
        "remote",
        route=f"GET /?token={SECRET}",
        expected=secret,
        observed=secret,
        known=secret,
        transcript=(Entry(0.0, ">", secret), Entry(0.1, "<", "plain", here=True)),
    )
    clean = masked(verdict)
    assert SECRET not in repr(clean)
    assert clean.transcript[1] == verdict.transcript[1]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "unit", ["a", "\\", '"', "://", "token", "cookie:", "'cookie': '", "token=", "\\'", "cookie\\'"]
)
def test_a_megabyte_of_anything_is_read_in_one_pass(unit: str) -> None:
    # Not a matter of speed but of growth: a quadratic pattern would not come back from this at all.
    assert mask(unit * (1_000_000 // len(unit)))

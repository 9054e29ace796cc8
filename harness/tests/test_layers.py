"""Single layers against the contract, and the commands about layers."""

import pytest

from asgi_conformance import catalogue
from asgi_conformance.contract import contract_checks, judge_layer
from asgi_conformance.layer import Layer
from asgi_conformance.reports.layers import render
from asgi_conformance.verdict import Outcome

LAYERS = {layer.name: layer for layer in catalogue.load_layers()}
MIDDLEWARE = [check for check in contract_checks() if check.suite == "middleware"]
TITLES = {check.id: check.title for check in contract_checks()}
NO_TASK = {
    "middleware.context.passes-outwards",
    "middleware.exception.midway-stays-visible",
    "middleware.message.extensions-pass",
    "middleware.message.one-for-one",
}
BROKEN = {"BaseHTTPMiddleware": NO_TASK, "GZipMiddleware": {"middleware.compression.etag"}}


def broken(record):
    return {verdict.check for verdict in record.verdicts if verdict.outcome is not Outcome.NOT_APPLICABLE}, {
        verdict.check for verdict in record.verdicts if verdict.broken or verdict.outcome is Outcome.COULD_NOT_RUN
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, layer in LAYERS.items() if layer.distribution == "starlette"])
def test_layers_of_starlette_break_what_the_page_says(name):
    judged, found = broken(judge_layer(LAYERS[name], MIDDLEWARE))
    assert found == BROKEN.get(name, set())
    assert len(judged) >= 18


@pytest.mark.slow
def test_layer_that_does_nothing_breaks_nothing():
    judged, found = broken(judge_layer(LAYERS["nothing"], contract_checks()))
    assert found == set()
    assert len(judged) > 80


class Swallows:
    """Ends every response well."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        try:
            await self.app(scope, receive, send)
        except RuntimeError:
            if scope["type"] == "http":
                await send({"type": "http.response.body", "body": b""})


def test_broken_layer_is_found_and_told():
    checks = [check for check in MIDDLEWARE if check.id.startswith("middleware.exception.")]
    record = judge_layer(Layer("Swallows", "here", Swallows), checks)
    assert broken(record)[1] == {"middleware.exception.becomes-known", "middleware.exception.midway-stays-visible"}
    page = render([record], TITLES, {"Python": "3"})
    assert "| `middleware.exception.becomes-known` | ✗ |" in page
    assert "Swallows ends it" in page


def test_layer_that_is_not_installed_says_so():
    def wrap(app):
        raise ModuleNotFoundError("no module", name="nowhere")

    record = judge_layer(Layer("Nowhere", "no-such-distribution", wrap), [])
    assert record.missing == "not installed: pip install no-such-distribution (there is no module 'nowhere')"
    assert record.missing in render([record], TITLES, {})


@pytest.mark.slow
def test_layers_command_judges_a_layer_of_ones_own(project):
    project.write(
        "mine.py",
        "class Mine:\n"
        "    def __init__(self, app):\n        self.app = app\n"
        "    async def __call__(self, scope, receive, send):\n        await self.app(dict(scope), receive, send)\n",
    )
    done = project.conformance("layers", "mine:Mine")
    assert done.returncode == 0, done.stderr
    assert "| 1 | Mine | mine" in done.stdout
    assert "✗" not in done.stdout.partition("## Rules")[2]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["layers", "CORS"], "there is no layer 'CORS'; there is: "),
        (["layers", "theirapp:app"], "cannot be put around an application without options"),
        (["onion", "theirapp:nothing"], "has no attribute 'nothing'"),
        (["onion", "theirapp:app", "--header", "nonsense"], "write it as"),
    ],
)
def test_wrong_usage_is_a_line(project, arguments, words):
    done = project.conformance(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_onion_command_shows_layers_and_orders(project):
    project.write(
        "layered.py",
        "from theirapp import app\n"
        "from starlette.middleware.cors import CORSMiddleware\n"
        "from starlette.middleware.trustedhost import TrustedHostMiddleware\n"
        "app.add_middleware(CORSMiddleware, allow_origins=['https://a.example'])\n"
        "app.add_middleware(TrustedHostMiddleware, allowed_hosts=['127.0.0.1'])\n",
    )
    done = project.conformance("onion", "layered:app", "--http", "/")
    assert done.returncode == 0, done.stderr
    for words in ("goes in", "root() [GET /]", "order  TrustedHostMiddleware > CORSMiddleware", "CORS belongs outside"):
        assert words in done.stdout
    without = project.conformance("onion", "layered:app", "--no-orders", "--header", "host: 127.0.0.1")
    assert "order  " not in without.stdout
    assert "GET /events  200" in without.stdout
    assert "GET /ws  101" in without.stdout

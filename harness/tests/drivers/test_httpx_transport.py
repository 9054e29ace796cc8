"""The httpx transport really streams, and the one that comes with httpx does not."""

import asyncio

import httpx
import pytest

from asgi_conformance import InProcess, VirtualLoop


def run(main):
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Clock:
    """An endless event stream on Starlette's terms: `receive` is watched in a task of its own."""

    def __init__(self):
        self.log = []

    async def __call__(self, scope, receive, send):
        while (await receive())["more_body"]:
            pass

        async def ticks():
            try:
                number = 0
                while True:
                    await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
                    number += 1
                    await asyncio.sleep(1)
            finally:
                self.log.append("cleaned up")

        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        producer = asyncio.ensure_future(ticks())
        self.log.append((await receive())["type"])
        producer.cancel()
        await asyncio.wait({producer})


def test_an_endless_stream_gives_its_first_event_and_hears_the_close():
    app = Clock()

    async def main():
        async with InProcess(app, lifespan="off") as driver:
            async with (
                httpx.AsyncClient(transport=driver.transport, base_url="http://app") as client,
                client.stream("GET", "/events") as response,
            ):
                assert response.headers["content-type"] == "text/event-stream"
                async for chunk in response.aiter_bytes():
                    first = chunk
                    break
            return first

    assert run(main()) == b"data: 0\n\n"
    assert app.log == ["http.disconnect", "cleaned up"]


def test_httpx_own_transport_never_gives_the_response_back():
    app = Clock()

    async def main():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as client:
            async with asyncio.timeout(3600):
                async with client.stream("GET", "/events") as response:
                    return response

    with pytest.raises(TimeoutError):
        run(main())
    assert "http.disconnect" not in app.log


def test_the_read_timeout_of_httpx_holds_on_the_virtual_clock():
    async def silent(scope, receive, send):
        await asyncio.sleep(3600)

    async def main():
        async with InProcess(silent, lifespan="off") as driver:
            async with httpx.AsyncClient(transport=driver.transport, base_url="http://app", timeout=5) as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get("/")

    run(main())


def test_a_request_body_arrives_part_by_part():
    seen = []

    async def app(scope, receive, send):
        while (message := await receive())["more_body"]:
            seen.append(message["body"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    async def parts():
        for part in (b"one", b"two"):
            assert len(seen) < 2
            yield part

    async def main():
        async with InProcess(app, lifespan="off") as driver:
            async with httpx.AsyncClient(transport=driver.transport, base_url="http://app") as client:
                return (await client.post("/", content=parts())).status_code

    assert run(main()) == 204
    assert seen == [b"one", b"two"]


def test_a_response_that_breaks_off_is_an_error_of_the_protocol():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise ValueError("the other half is lost")

    async def main():
        async with InProcess(app, lifespan="off") as driver:
            async with httpx.AsyncClient(transport=driver.transport, base_url="http://app") as client:
                with pytest.raises(httpx.RemoteProtocolError):
                    await client.get("/")

    run(main())


def test_what_the_application_raises_before_its_response_is_raised():
    async def app(scope, receive, send):
        raise ValueError("no")

    async def main():
        async with InProcess(app, lifespan="off") as driver:
            async with httpx.AsyncClient(transport=driver.transport, base_url="http://app") as client:
                with pytest.raises(ValueError, match="no"):
                    await client.get("/")
        async with InProcess(app, lifespan="off", raise_app_exceptions=False) as driver:
            async with httpx.AsyncClient(transport=driver.transport, base_url="http://app") as client:
                return (await client.get("/")).status_code

    assert run(main()) == 500

"""Certificates by HTTP: what may be fetched, how long it is kept, and how often a server is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from globstar.core.acl import AccessRules
from globstar.modules.res.stir_shaken.fetching import MAX_BYTES, CertificateCache, Fetched, HttpFetcher, check_url, life_of
from globstar.modules.res.stir_shaken.service import Gate
from globstar.proto.stir import StirError
from tests.support.stir import make, moment

NOW = 1_700_000_000.0
SIGNER = make("signer", when=moment(NOW))


@pytest.mark.parametrize(
    ("url", "strict", "relaxed"),
    [
        ("https://cert.example/a.pem", True, True),
        ("https://cert.example:8443/a.pem", True, True),
        ("https://cert.example:444/a.pem", False, True),
        ("http://cert.example/a.pem", False, True),
        ("https://cert.example/a.pem?x=1", False, True),
        ("https://u:p@cert.example/a.pem", False, True),
        ("https://cert.example/a.pem#b", False, True),
        ("https://cert.example", False, True),
        ("file:///etc/passwd", False, False),
        ("https:///a.pem", False, False),
        ("https://[::1/a.pem", False, False),
        ("https://cert.example:x/a.pem", False, False),
        ("", False, False),
    ],
)
def test_which_urls_are_taken(url: str, strict: bool, relaxed: bool) -> None:
    for is_relaxed, is_taken in ((False, strict), (True, relaxed)):
        if is_taken:
            check_url(url, relax_port_scheme=is_relaxed, relax_path=is_relaxed)
        else:
            with pytest.raises(StirError) as error:
                check_url(url, relax_port_scheme=is_relaxed, relax_path=is_relaxed)
            assert error.value.status == 436


@pytest.mark.parametrize(
    ("headers", "life"),
    [
        ({}, 60.0),
        ({"cache-control": "max-age=300"}, 300.0),
        ({"cache-control": "public, s-maxage=10, max-age=300"}, 10.0),
        ({"cache-control": "no-store"}, 0.0),
        ({"cache-control": "no-cache, max-age=300"}, 0.0),
        ({"cache-control": "max-age=999999999999"}, 86400.0),
        ({"expires": "Tue, 14 Nov 2023 22:14:20 GMT"}, 60.0),
        ({"expires": "0"}, 0.0),
        ({"expires": "Tue, 14 Nov 2000 22:14:20 GMT"}, 0.0),
        ({"cache-control": "max-age=x"}, 60.0),
    ],
)
def test_rfc9111_how_long_an_answer_is_kept(headers: dict[str, str], life: float) -> None:
    assert life_of(headers, NOW, 60.0) == life


class Server:
    """A fetcher that counts."""

    def __init__(self, *answers: Fetched | StirError) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def fetch(self, url: str, allows: object, timeout: float) -> Fetched:
        self.asked += 1
        await asyncio.sleep(0.01)
        answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        if isinstance(answer, StirError):
            raise answer
        return answer


async def get(cache: CertificateCache, url: str = "https://x/a", size: int = 10) -> object:
    return await cache.get(url, lambda _: True, timeout=2, default_age=60, size=size)


GOOD = Fetched(200, {}, SIGNER.pem)


@pytest.mark.virtual_time
async def test_a_certificate_is_fetched_once_for_many_calls() -> None:
    loop = asyncio.get_running_loop()
    server = Server(GOOD)
    cache = CertificateCache(server, lambda: NOW + loop.time())
    chains = await asyncio.gather(*(get(cache) for _ in range(50)))
    assert chains == [[SIGNER.certificate]] * 50
    assert server.asked == 1
    await asyncio.sleep(50)
    await get(cache)
    assert server.asked == 1
    await asyncio.sleep(20)
    await get(cache)
    assert server.asked == 2
    assert cache.counters == {"fetched": 2, "failed": 0, "from the cache": 1}
    await cache.close()


@pytest.mark.virtual_time
async def test_the_cache_is_bounded() -> None:
    cache = CertificateCache(Server(GOOD), lambda: NOW)
    for number in range(30):
        await get(cache, f"https://x/{number}", size=5)
    assert len(cache) == 5
    await cache.close()


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Fetched(404, {}, b""), 436),
        (Fetched(302, {"location": "http://10.0.0.1/"}, b""), 436),
        (Fetched(200, {}, b"x" * (MAX_BYTES + 1)), 436),
        (Fetched(200, {}, b"no certificate"), 437),
        (StirError((436, "Bad Identity Info"), "gone"), 436),
    ],
)
async def test_failures_are_not_tried_again_at_once(answer: Fetched | StirError, status: int) -> None:
    loop = asyncio.get_running_loop()
    server = Server(answer, GOOD, GOOD)
    cache = CertificateCache(server, lambda: NOW + loop.time())
    for _ in range(3):
        with pytest.raises(StirError) as error:
            await get(cache)
        assert error.value.status == status
    assert server.asked == 1
    await asyncio.sleep(6)
    assert await get(cache) == [SIGNER.certificate]
    await cache.close()


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """A web server with a certificate, a redirect and something endless."""

    over = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        for _ in range(100):
            await answer.write(b"x" * 10000)
        return answer

    async def slow(request: web.Request) -> web.Response:
        await over.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/a.pem", _answer)
    app.router.add_get("/moved", _moved)
    app.router.add_get("/endless", endless)
    app.router.add_get("/slow", slow)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    server = listener._server
    assert server is not None
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
    finally:
        over.set()
        await runner.cleanup()


async def _answer(request: web.Request) -> web.Response:
    return web.Response(body=SIGNER.pem, headers={"Cache-Control": "max-age=5"})


async def _moved(request: web.Request) -> web.Response:
    raise web.HTTPFound("/a.pem")


def anybody(_: str) -> bool:
    return True


async def test_a_real_server() -> None:
    async with site() as url:
        fetcher = HttpFetcher()
        found = await fetcher.fetch(f"{url}/a.pem", anybody, 2)
        assert (found.status, found.headers["cache-control"], found.body) == (200, "max-age=5", SIGNER.pem)
        assert (await fetcher.fetch(f"{url}/moved", anybody, 2)).status == 302
        assert len((await fetcher.fetch(f"{url}/endless", anybody, 2)).body) == MAX_BYTES + 1


async def test_what_cannot_be_had() -> None:
    async with site() as url:
        fetcher, public = HttpFetcher(), Gate(None, (), AccessRules())
        for asked, allows, wait in (
            (f"{url}/a.pem", public, 2.0),
            (f"{url.replace('127.0.0.1', 'localhost')}/a.pem", public, 2.0),
            (f"{url}/slow", anybody, 0.1),
            ("http://127.0.0.1:1/a.pem", anybody, 2.0),
        ):
            with pytest.raises(StirError) as error:
                await fetcher.fetch(asked, allows, wait)
            assert error.value.status == 436


def test_without_rules_only_public_servers_are_asked() -> None:
    gate = Gate(None, (), AccessRules())
    asked = [gate(host) for host in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "::1", "fe80::1", "169.254.169.254", "name")]
    assert asked == [True, False, False, False, False, False, False]
    rules = AccessRules()
    rules.add(False, "0.0.0.0/0")
    rules.add(True, "10.0.0.0/8")
    own = Gate(None, (), rules)
    assert [own("8.8.8.8"), own("10.0.0.1")] == [False, True]
    assert not Gate(None, ("missing",), AccessRules())("8.8.8.8")

"""CURL and CURLOPT, res_curl.conf, and realtime over a web server."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiohttp import web

from globstar.base.log import Level
from globstar.core.curl import Curl, CurlFault, option_text, set_option
from globstar.core.realtime import RealtimeFault
from globstar.core.realtime.engine import FieldType, Requirement
from tests.support.calls import run_dialplan
from tests.support.switch import LogCapture, running_system
from tests.support.web import web_server

pytestmark = pytest.mark.leaks_threads


def plan(lines: str) -> str:
    return "[default]\n" + "\n".join(f"exten => s,{number},{line}" for number, line in enumerate(lines.strip().splitlines(), 1))


async def answer(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/row":
            return web.Response(text="name=Ann+Lee%2C+Dr&city=K%C3%B6ln&plus=a%2Bb")
        case "/moved":
            raise web.HTTPFound("/text")
        case "/file":
            raise web.HTTPFound("file:///etc/passwd")
        case "/missing":
            return web.Response(status=404, text="not here")
        case "/big":
            return web.Response(body=b"x" * (17 << 20))
        case "/slow":
            await asyncio.sleep(5)
        case "/private":
            if request.headers.get("Authorization") != "Basic dTpw":
                return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}, text="who?")
    return web.Response(text="hello,\nworld \r\n\n")


async def test_reading_and_posting(tmp_path: Path) -> None:
    async with web_server(answer) as server, running_system(tmp_path) as system:
        lines = f"""Set(A=${{CURL({server.url}/text?x=1)}})
Set(B=${{CURL({server.url}/post,{{"a":"b,c"}})}})
Set(CURL({server.url}/text)={tmp_path}/out)
Set(C=${{CURL({server.url}/moved)}})
Set(CURLOPT(followlocation)=yes)
Set(D=${{CURL({server.url}/moved)}})
Set(CURLOPT(header)=yes)
Set(E=${{CURL({server.url}/text)}})"""
        call = await run_dialplan(system, plan(lines))
        v = call.variables
        assert (v["A"], v["B"], v["C"], v["D"]) == ("hello,\nworld", "hello,\nworld", "302: Found", "hello,\nworld")
        assert v["E"].startswith("HTTP/1.1 200 OK")
        assert server.asked[0] == ("GET", "/text?x=1", "")
        assert server.asked[1] == ("POST", "/post", '{"a":"b,c"}')
        assert (tmp_path / "out").read_bytes() == b"hello,\nworld \r\n\n"


async def test_a_hash_of_an_answer(tmp_path: Path) -> None:
    async with web_server(answer) as server, running_system(tmp_path) as system:
        lines = f"""Set(CURLOPT(hashcompat)=yes)
Set(HASH(row)=${{CURL({server.url}/row)}})
Set(A=${{HASH(row,name)}}|${{HASH(row,city)}}|${{HASH(row,plus)}}|${{HASHKEYS(row)}})
Set(CURLOPT(hashcompat)=legacy)
Set(HASH(old)=${{CURL({server.url}/row)}})
Set(B=${{HASH(old,name)}}|${{HASH(old,plus)}})"""
        call = await run_dialplan(system, plan(lines))
        assert call.variables["A"] == "Ann Lee, Dr|Köln|a+b|plus,city,name"
        assert call.variables["B"] == "Ann+Lee,+Dr|a+b"


async def test_options_of_the_file_and_of_the_channel(tmp_path: Path) -> None:
    conf = "[globals]\nuseragent=mine\nhttpheader=X-A: 1\ncookie=a=1\nuserpwd=u:p\nconntimeout=soon\nconttimeout=3\n"
    async with web_server(answer) as server:
        with LogCapture() as log:
            async with running_system(tmp_path, {"res_curl.conf": conf}) as system:
                lines = f"""Set(CURLOPT(httpheader)=X-B: 2)
Set(CURLOPT(cookie)=b=2)
Set(CURLOPT(referer)=there)
Set(A=${{CURL({server.url}/private,x)}})
Set(B=${{CURLOPT(useragent)}}|${{CURLOPT(referer)}}|${{CURLOPT(httptimeout)}}|${{CURLOPT(userpwd)}}|${{CURLOPT(cookie)}})
Set(CURLOPT(userpwd)=wrong:x)
Set(CURLOPT(httpauth)=basic,digest)
Set(C=${{CURL({server.url}/private)}}|${{CURLOPT(userpwd)}}|${{CURLOPT(httpauth)}})
Set(CURLOPT(nothing)=1)
Set(CURLOPT(maxredirs)=many)"""
                call = await run_dialplan(system, plan(lines))
        v = call.variables
        assert v["A"] == "hello,\nworld"
        assert server.headers["X-A"] == "1"
        assert server.headers["X-B"] == "2"
        assert server.headers["Cookie"] == "a=1; b=2"
        assert server.headers["User-Agent"] == "mine"
        assert "Content-Type" not in server.headers
        assert v["B"] == "mine|there|||b=2"
        assert v["C"] == "who?|wrong:x|basic,digest"
        warnings = "\n".join(log.texts(Level.WARNING))
        for text in ("bad value of option 'conntimeout'", "did you mean 'conntimeout'", "no option 'nothing'", "'maxredirs'"):
            assert text in warnings


async def test_failures_are_told_and_the_call_goes_on(tmp_path: Path) -> None:
    async with web_server(answer) as server, running_system(tmp_path) as system:
        lines = f"""Set(CURLOPT(failurecodes)=404,503)
Set(A=${{CURL({server.url}/missing)}})
Set(B=${{CURL(http://127.0.0.1:1/)}}${{CURL(file:///etc/passwd)}}${{CURL()}}${{CURL(gopher://x)}})
Set(CURLOPT(followlocation)=yes)
Set(C=${{CURL({server.url}/file)}}${{CURL({server.url}/big)}})
Set(CURL({server.url}/text)={tmp_path}/none/out)
Set(CURLOPT(httptimeout)=0.2)
Set(D=${{CURL({server.url}/slow)}})
Set(E=done)"""
        with LogCapture() as log:
            call = await run_dialplan(system, plan(lines))
        assert [call.variables[name] for name in "ABCDE"] == ["", "", "", "", "done"]
        warnings = "\n".join(log.texts(Level.WARNING))
        for text in ("gave status 404", "needs a URL", "more than 16 MB", "cannot be written", "imed out"):
            assert text in warnings


async def test_a_transfer_ends_with_its_call(tmp_path: Path) -> None:
    begun, over = asyncio.Event(), asyncio.Event()

    async def never(request: web.Request) -> web.StreamResponse:
        begun.set()
        await over.wait()
        return web.Response()

    async with web_server(never) as server, running_system(tmp_path) as system:
        curl = system.services["curl"]
        task = asyncio.ensure_future(curl.fetch(f"{server.url}/slow"))
        await asyncio.wait_for(begun.wait(), 45)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(curl._threads.shutdown, wait=True)  # else it waits for an answer that does not come
        curl._threads = None
        assert time.monotonic() - started < 45
        over.set()


def test_options_are_read_and_shown() -> None:
    options: dict[str, object] = {}
    for name, text, shown in (
        ("followlocation", "true", "1"),
        ("ssl_verifyhost", "1", "2"),
        ("conntimeout", "2.5", "2.5"),
        ("maxredirs", "-1", "-1"),
        ("httpheader", "A: 1", "A: 1"),
        ("proxytype", "SOCKS5", "socks5"),
        ("failurecodes", "404, 500", "404,500"),
    ):
        set_option(options, name, text)
        assert option_text(options, name) == shown
    set_option(options, "httpheader", "B: 2")
    assert option_text(options, "httpheader") == "A: 1\nB: 2"
    for name, text in (
        ("httpheader", "A: 1\r\nB: 2"),
        ("failurecodes", "x"),
        ("proxytype", "ftp"),
        ("odd", "1"),
        ("proxyport", "0"),
    ):
        with pytest.raises(CurlFault):
            set_option({}, name, text)


async def test_a_url_has_one_line() -> None:
    curl = Curl(asyncio.get_running_loop())
    with pytest.raises(CurlFault):
        await curl.fetch("http://x/\r\nHost: y")
    curl.close()


async def test_realtime_over_a_web_server(tmp_path: Path) -> None:
    async def rows(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        match request.path:
            case "/people/single" if "name=Ann%20Lee" in body:
                return web.Response(text="name=Ann+Lee&city=K%C3%B6ln\n")
            case "/people/multi":
                return web.Response(text="name=a&n=1\nname=b&n=2\n")
            case "/people/update" | "/people/destroy":
                return web.Response(text="2")
            case "/people/store":
                return web.Response(text="17")
            case "/people/require":
                return web.Response(text="0")
            case "/files/static":
                return web.Response(text="category=main&var_name=exten&var_val=1%2C1%2CNoOp(x)&cat_metric=0\n")
            case "/broken/update":
                return web.Response(text="oops")
            case "/people/single":
                return web.Response(text="")
        return web.Response(status=500)

    async with web_server(rows) as server:
        url = server.url
        mappings = f"people => curl,{url}/people\nbroken => curl,{url}/broken\nextensions.conf => curl,{url}/files\n"
        async with running_system(tmp_path, {"extconfig.conf": f"[settings]\n{mappings}"}) as system:
            realtime = system.realtime
            step = system.plan.find("main", "1", 1)
            assert step is not None
            assert await realtime.load("people", [("name", "Ann Lee")]) == [("name", "Ann Lee"), ("city", "Köln")]
            assert await realtime.load("people", [("name", "x")]) is None
            assert [dict(row) for row in await realtime.load_multi("people", [("n >", "0")])] == [
                {"name": "a", "n": "1"}, {"name": "b", "n": "2"}
            ]  # fmt: skip
            assert await realtime.update("people", [("name", "a")], [("n", "3")]) == 2
            assert server.asked[-1] == ("POST", "/people/update?name=a", "n=3")
            assert await realtime.store("people", [("name", "c")]) == "17"
            assert await realtime.destroy("people", [("name", "a"), ("n", "1")]) == 2
            assert server.asked[-1] == ("POST", "/people/destroy?name=a", "n=1")
            await realtime.require("people", [Requirement("n", FieldType.INTEGER, 4)])
            assert server.asked[-1] == ("POST", "/people/require", "n=integer%3A4")
            for call in (realtime.update("broken", [("a", "b")], [("c", "d")]), realtime.load("broken", [("a", "b")])):
                with pytest.raises(RealtimeFault):
                    await call

"""Sounds at URIs: fetched, kept, asked for again, and the CLI of their cache."""

from __future__ import annotations

import asyncio
import io
import wave
from pathlib import Path

import pytest
from aiohttp import web

from globstar.base.log import Level
from globstar.core.mediacache import MediaCache, MediaFault
from tests.support.calls import run_dialplan
from tests.support.realtime import command
from tests.support.switch import LogCapture, running_system
from tests.support.web import web_server

pytestmark = pytest.mark.leaks_threads


def sound(milliseconds: int = 100) -> bytes:
    """A WAV file of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(bytes(16 * milliseconds))
    return file.getvalue()


async def answer(request: web.Request) -> web.StreamResponse:
    match request.path:
        case "/tagged.wav":
            if request.headers.get("If-None-Match") == '"1"':
                return web.Response(status=304, headers={"ETag": '"1"'})
            return web.Response(body=sound(), headers={"ETag": '"1"'})
        case "/lasting.wav":
            return web.Response(body=sound(), headers={"Cache-Control": "max-age=600"})
        case "/old.wav":
            return web.Response(body=sound(), headers={"Expires": "Thu, 01 Jan 1970 00:00:00 GMT"})
        case "/typed":
            return web.Response(body=sound(), content_type="audio/x-wav")
        case "/page":
            return web.Response(text="<html>")
        case "/moved.wav":
            raise web.HTTPFound("/lasting.wav")
    return web.Response(status=404)


async def test_sounds_are_played_from_a_web_server(tmp_path: Path) -> None:
    async with web_server(answer) as server, running_system(tmp_path) as system:
        lines = "\n".join(
            f"exten => s,n,Playback({server.url}{path},noanswer)\nexten => s,n,Set({name}=${{PLAYBACKSTATUS}})"
            for path, name in (("/tagged.wav", "A"), ("/typed", "B"), ("/missing.wav", "C"), ("/page", "D"), ("/moved.wav", "E"))
        )
        with LogCapture() as log:
            call = await run_dialplan(system, f"[default]\nexten => s,1,NoOp()\n{lines}\n")
        assert [call.variables[name] for name in "ABCDE"] == ["SUCCESS", "SUCCESS", "FAILED", "FAILED", "SUCCESS"]
        warnings = "\n".join(log.texts(Level.WARNING))
        assert "gave status 404" in warnings
        assert "is no sound" in warnings


async def test_a_sound_is_fetched_again_only_when_it_is_another(tmp_path: Path) -> None:
    async with web_server(answer) as server, running_system(tmp_path) as system:
        cache: MediaCache = system.services["media cache"]
        first = await cache.get(f"{server.url}/tagged.wav")
        assert first.read_bytes() == sound()
        assert await cache.get(f"{server.url}/tagged.wav") == first
        assert len(server.asked) == 2
        await asyncio.gather(*(cache.get(f"{server.url}/lasting.wav") for _ in range(5)))
        await cache.get(f"{server.url}/lasting.wav")
        assert len(server.asked) == 3
        first.unlink()
        assert (await cache.get(f"{server.url}/tagged.wav")).is_file()
        await cache.get(f"{server.url}/old.wav")
        await cache.get(f"{server.url}/old.wav")
        assert len(server.asked) == 6
        for name in ("nowhere://x", "http://", "digits/1"):
            assert cache.takes(name) == name.startswith("http")
        with pytest.raises(MediaFault):
            await cache.get("nowhere://x")


async def test_a_sound_that_was_fetched_serves_while_its_server_is_down(tmp_path: Path) -> None:
    async with running_system(tmp_path) as system:
        cache: MediaCache = system.services["media cache"]
        async with web_server(answer) as server:
            file = await cache.get(f"{server.url}/tagged.wav")
        with LogCapture() as log:
            assert await cache.get(f"{server.url}/tagged.wav") == file
        assert "fetched before is used" in log.texts(Level.WARNING)[0]


async def test_sounds_are_known_after_a_restart(tmp_path: Path) -> None:
    async with web_server(answer) as server:
        async with running_system(tmp_path, keep_database=True) as system:
            await system.services["media cache"].get(f"{server.url}/lasting.wav")
        async with running_system(tmp_path, keep_database=True) as system:
            assert f"{server.url}/lasting.wav" in system.services["media cache"].sounds
            await system.services["media cache"].get(f"{server.url}/lasting.wav")
        assert len(server.asked) == 2


async def test_commands(tmp_path: Path) -> None:
    own = tmp_path / "own.wav"
    own.write_bytes(sound())
    async with web_server(answer) as server, running_system(tmp_path / "run") as system:
        uri = f"{server.url}/tagged.wav"
        assert "Created cached file" in await command(system, f"media cache create http://own/x.wav {own}")
        assert await system.services["media cache"].get("http://own/x.wav") == own
        assert "is no file" in await command(system, f"media cache create http://own/y.wav {own}x")
        assert "Refreshed" in await command(system, f"media cache refresh {uri}")
        assert "gave status 404" in await command(system, f"media cache refresh {server.url}/z.wav")
        shown = await command(system, "media cache show all")
        assert uri in shown
        assert "2 items found" in shown
        shown = await command(system, f"media cache show {uri}")
        assert 'ETag: "1"' in shown
        assert "Item not found" in await command(system, "media cache show x")
        assert "Deleted" in await command(system, f"media cache delete {uri}")
        assert "Deleted" in await command(system, "media cache delete http://own/x.wav")
        assert own.is_file()
        assert not list((tmp_path / "run" / "cache" / "media").glob("*.wav"))
        assert "Unable to delete" in await command(system, f"media cache delete {uri}")
        for line in ("media cache show", "media cache create x", "media cache refresh", "media cache delete"):
            assert "Usage" in await command(system, line)


async def test_what_the_configuration_does_not_allow_is_not_fetched(tmp_path: Path) -> None:
    conf = {"res_http_media_cache.conf": "[general]\nprotocols=https\nmax_redirects=1\nodd=1\n"}
    async with web_server(answer) as server:
        with LogCapture() as log:
            async with running_system(tmp_path, conf) as system:
                with pytest.raises(MediaFault, match="is not allowed"):
                    await system.services["media cache"].get(f"{server.url}/tagged.wav")
                system.configuration.source.files["res_http_media_cache.conf"] = (  # type: ignore[attr-defined]
                    "[general]\nredirect_protocols=https\n"
                )
                await system.loader.reload("res_http_media_cache")
                await system.services["media cache"].get(f"{server.url}/tagged.wav")
                with pytest.raises(MediaFault):
                    await system.services["media cache"].get(f"{server.url}/moved.wav")
                await system.loader.unload("res_http_media_cache")
                assert not system.services["media cache"].takes(server.url)
        assert "unknown option 'odd'" in "\n".join(log.texts(Level.WARNING))

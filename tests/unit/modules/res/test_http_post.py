"""res_http_post: files of manager clients, whose names and sizes cannot do harm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from globstar.base.log import Level
from globstar.config import MemorySource
from globstar.core.system import System
from globstar.modules.res import http_post
from tests.support.ami import start_manager
from tests.support.loopback import free_port
from tests.support.switch import LogCapture, running_system
from tests.unit.interfaces.ami.test_web import CONFIG, Browser, browser

MAPPING = "[post_mappings]\nuploads = {folder}\nbad = relative\n"


@asynccontextmanager
async def served(root: Path) -> AsyncIterator[tuple[System, str, Path]]:
    """A server that takes files at /asterisk/uploads."""
    port, folder = free_port(), root / "up"
    http = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={port}\nprefix=asterisk\n{MAPPING.format(folder=folder)}"
    with LogCapture(Level.WARNING) as log:
        async with running_system(root, {"http.conf": http}) as system:
            server = await start_manager(system, CONFIG)
            await server.apply(server.hub.settings)
            yield system, f"http://127.0.0.1:{port}/asterisk", folder
            await server.stop()
    assert next(text for text in log.texts(Level.WARNING) if "http.conf" in text).endswith(
        "expected a path and an absolute folder"
    )


async def send(client: Browser, name: str, content: bytes = b"hello", *, path: str = "uploads") -> tuple[int, str]:
    """Post a file; the status and the text of the answer."""
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("note", "no file")
    form.add_field("file", content, filename=name)
    headers = {"Cookie": client.cookie} if client.cookie else {}
    async with client.session.post(f"{client.base}/{path}", data=form, headers=headers) as response:
        return response.status, await response.text()


async def test_a_file_is_taken_and_replaced(tmp_path: Path) -> None:
    async with served(tmp_path) as (system, base, folder), browser(base) as client:
        await client.log_in()
        for content in (b"one", bytes(200_000)):
            assert await send(client, "greeting.wav", content) == (200, "File successfully uploaded.\n")
            assert (folder / "greeting.wav").read_bytes() == content
        assert [path.name for path in folder.iterdir()] == ["greeting.wav"]
        assert system.services[http_post.SERVICE].received == 2


async def test_who_may_not_send(tmp_path: Path) -> None:
    """Strangers, users without the class config, and other methods."""
    async with served(tmp_path) as (system, base, folder), browser(base) as client:
        assert (await send(client, "a"))[0] == 403
        await client.ask("ping")
        assert (await send(client, "a"))[0] == 403
        await client.log_in("few")
        assert (await send(client, "a"))[0] == 403
        client.cookie = 'mansession_id="0123"'
        assert (await send(client, "a"))[0] == 403
        assert (await client.get("uploads")).status == 405
        assert not folder.exists()
        assert system.services[http_post.SERVICE].refused == 4


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../etc/passwd", "passwd"), ("a/../b", "b"), ("/abs/x", "x"), (".hidden", None), ("..", None), ("n" * 300, None),
        ("x/", None), ("grüße.wav", "grüße.wav"),
    ],
)  # fmt: skip
async def test_names(tmp_path: Path, name: str, stored: str | None) -> None:
    async with served(tmp_path) as (_, base, folder), browser(base) as client:
        await client.log_in()
        status, _ = await send(client, name)
        assert status == (200 if stored is not None else 400)
        assert [path.name for path in folder.glob("*")] == ([stored] if stored is not None else [])


async def test_what_is_too_much_or_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_post, "MOST_BYTES", 100_000)
    async with served(tmp_path) as (_, base, folder), browser(base) as client:
        await client.log_in()
        assert (await send(client, "big", bytes(300_000)))[0] == 413
        assert list(folder.iterdir()) == []
        for kind, body in (
            ("text/plain", b"x"),
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ):
            headers = {"Cookie": client.cookie, "Content-Type": kind}
            async with client.session.post(f"{base}/uploads", data=body, headers=headers) as response:
                assert response.status == 400, kind
        monkeypatch.setattr(http_post, "MOST_AT_A_TIME", 0)
        assert (await send(client, "a"))[0] == 503


async def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "up").write_text("in the way")
    async with served(tmp_path) as (_, base, _), browser(base) as client:
        await client.log_in()
        assert (await send(client, "a"))[0] == 500


async def test_a_reload_takes_the_mapping_away(tmp_path: Path) -> None:
    async with served(tmp_path) as (system, base, _), browser(base) as client:
        await client.log_in()
        assert isinstance(system.configuration.source, MemorySource)
        system.configuration.source.files["http.conf"] = system.configuration.source.files["http.conf"].partition("[post")[0]
        await system.loader.reload("res_http_post")
        assert (await send(client, "a"))[0] == 404

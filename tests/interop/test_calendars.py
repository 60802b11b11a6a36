"""Calendars on a real CalDAV server (Radicale)."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from globstar.core.calendar_http import ask as http
from globstar.core.calendars import CalendarAccess, CalendarEvent, CalendarFault
from globstar.modules.res.calendar_caldav import CalDavKind
from tests.support.loopback import free_port


def at(day: int, hour: int) -> int:
    return int(datetime(2024, 3, day, hour, tzinfo=UTC).timestamp())


async def test_caldav_with_radicale(tmp_path: Path) -> None:
    """A real server: what is written there is found again by a search, with the server's account."""
    port = free_port()
    (tmp_path / "users").write_text("ann:sesame\n")
    config = tmp_path / "config"
    config.write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {tmp_path}/users\n"
        f"htpasswd_encryption = plain\ndelay = 0\n[storage]\nfilesystem_folder = {tmp_path}/store\n[logging]\nlevel = error\n"
    )
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "radicale", "--config", str(config))
    try:
        access = CalendarAccess(f"http://127.0.0.1:{port}/ann/work/", "ann", "sesame")
        async with asyncio.timeout(60):  # it begins to listen some time after its start, which takes as long as it takes
            while True:
                try:
                    await http(access, "MKCALENDAR", good=(201,))
                    break
                except CalendarFault:
                    await asyncio.sleep(0.05)
        kind = CalDavKind()
        event = CalendarEvent("u1@globstar", "Lunch", start=at(4, 12), end=at(4, 13))
        await kind.write(access, event)
        assert await kind.fetch(access, at(4, 0), at(5, 0)) == [event]
        assert await kind.fetch(access, at(5, 0), at(6, 0)) == []
        with pytest.raises(CalendarFault, match="401"):
            await kind.fetch(CalendarAccess(access.url, "ann", "wrong"), at(4, 0), at(5, 0))
    finally:
        server.terminate()
        await server.wait()

"""What ``manager ...`` printed on a running Asterisk 23.4.1."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.core.cli import run_command
from globstar.interfaces.ami.server import ManagerServer
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_replay import SipReplay, recorded_system


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("cli"), shared)
    yield replay
    replay.close()


@pytest.fixture(scope="module")
def server(replay: SipReplay, shared: Path) -> ManagerServer:
    config = (shared / "vectors" / "calls" / "config" / "manager.conf").read_text()
    return replay.runner.run(start_manager(replay.system, config))


def recorded(shared: Path) -> dict[str, str]:
    observed = json.loads((shared / "vectors" / "calls" / "g10_misc_idle.json").read_text())["observed"]
    return {entry["command"]: entry["output"] for entry in observed["cli"] if "output" in entry}


@pytest.mark.parametrize("command", ["manager show users", "manager show user full", "manager show settings"])
def test_what_is_shown(replay: SipReplay, server: ManagerServer, shared: Path, command: str) -> None:
    assert replay.runner.run(run_command(replay.system, command)) == recorded(shared)[command]


def test_the_queue_of_events(replay: SipReplay, server: ManagerServer, shared: Path) -> None:
    async def shown() -> str:
        clients = [AmiClient(server) for _ in range(2)]
        for client, user in zip(clients, ("ctl", "rec"), strict=True):
            client.log_in(user)
            await asyncio.sleep(0.1)
        text = await run_command(replay.system, "manager show eventq")
        for client in clients:
            client.session.end()
        return text

    def comparable(text: str) -> str:
        text = re.sub(r"\d{4}-\d\d-\d\dT\S+", "TIME", text)
        return re.sub(r"(SessionID|LocalAddress|RemoteAddress): .*", r"\1: X", text)

    assert comparable(replay.runner.run(shown())) == comparable(recorded(shared)["manager show eventq"])


def test_who_is_connected(replay: SipReplay, server: ManagerServer, shared: Path) -> None:
    async def shown() -> str:
        for user in ("ctl", "rec"):
            client = AmiClient(server)
            client.log_in(user)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        return await run_command(replay.system, "manager show connected")

    def comparable(text: str) -> str:
        return re.sub(r"\b\d{1,2} (?= )|\b\d{10}\b(?= )", lambda found: "#" * len(found[0].rstrip()), text)

    def columns(text: str) -> list[list[int]]:
        return [[found.start() for found in re.finditer(r"\S+", line)][:6] for line in text.splitlines()[1:-1]]

    ours, theirs = replay.runner.run(shown()), recorded(shared)["manager show connected"]
    assert ours.splitlines()[0] == theirs.splitlines()[0]
    assert columns(ours) == columns(theirs)
    assert ours.splitlines()[-1] == theirs.splitlines()[-1]
    assert [line.split()[-2:] for line in ours.splitlines()[1:3]] == [["2147483647", "2147483647"]] * 2


def test_lists_of_names(replay: SipReplay, server: ManagerServer, shared: Path) -> None:
    """Titles, order and end of the lists; what is listed is what is built."""
    observed = json.loads((shared / "vectors" / "calls" / "g10_names_lists.json").read_text())["observed"]
    lists = {entry["command"]: entry for entry in observed["cli"]}
    for command in ("manager show commands", "manager show events"):
        printed = replay.runner.run(run_command(replay.system, command)).splitlines()
        names = [line.split()[0].rstrip(":") if line.strip() else "" for line in printed]
        theirs = [name for name in lists[command]["names"] if name != "No"]
        assert names[:2] == theirs[:2]
        common = [name for name in names if name in theirs and len(name) > 1]
        assert common == [name for name in theirs if name in common]
    assert re.fullmatch(r"\d+ events registered\.", printed[-1])

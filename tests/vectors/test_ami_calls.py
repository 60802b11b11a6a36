"""Actions about live calls and their answers as recorded (group 7): the call is replayed as SIP, the actions run beside it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from globstar.core.channelstate import ChannelState
from tests.conftest import SHARED
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_replay import Mismatch, Scenario, SipReplay, recorded_system, scenario_files

#: Recordings whose answers need modules of later releases, or that are compared elsewhere.
LEFT_OUT = {
    "g07_confbridge_actions": "conferences come later",
    "g07_queue_actions": "queues come later",
    "g07_http_mxml_rawman": "compared in tests/unit/modules/builtin/test_http.py: the recorded server has no AMI over HTTP",
}
#: Actions whose answers differ, with the reason.
DIFFERENT = {
    "ListCommands": "lists what is built",
    "CoreStatus": "how many calls there were",
    "CoreShowChannelMap": "the order of a hash table",
}
_TOKEN = re.compile(r"<[A-Z]+\d*>")


def _scenarios() -> list[Any]:
    if not (SHARED / "vectors" / "calls").is_dir():
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(f"no vectors below {SHARED}; set GLOBSTAR_SHARED"))]
    found = []
    for file in scenario_files(SHARED, ("g07",)):
        recording = json.loads(file.read_text())
        if recording["observed"]["sip"] and file.stem not in LEFT_OUT and recording["observed"]["extra"].get("ami_session"):
            found.append(pytest.param(file, id=file.stem))
    return found


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Iterator[SipReplay]:
    replay = recorded_system(tmp_path_factory.mktemp("replay"), shared)
    yield replay
    replay.close()


class Conversation:
    """One recorded session, replayed beside the call."""

    def __init__(self, exchange: list[dict[str, str]], client: AmiClient) -> None:
        self.client = client
        self.problems: list[str] = []
        self.names: dict[str, str] = {}
        self.steps: list[tuple[str, list[str]]] = []
        for entry in exchange[1:]:
            if entry["dir"] == "out":
                self.steps.append((entry["raw"], []))
            elif self.steps:
                self.steps[-1][1].append(entry["raw"])

    def _bind(self) -> None:
        """Which of our channels is meant by ``PJSIP/alice-<CH1>``."""
        for name in self.client.session.system.channels:
            base, _, number = name.rpartition("-")
            self.names.setdefault(base, number.partition(";")[0])

    async def run(self, replay: SipReplay) -> None:
        """Every action, with its answer compared."""
        await asyncio.sleep(0.1)
        self.client.take()
        for number, (sent, recorded) in enumerate(self.steps):
            if re.search(r"<CH\d+>", sent) or number:
                for _ in range(200):
                    self._bind()
                    needed = re.findall(r"Channel: (\S+)-<CH\d+>", sent)
                    if all(base in self.names for base in needed):
                        break
                    await asyncio.sleep(0.01)
            text = re.sub(r"(\S+)-<CH\d+>", lambda found: f"{found[1]}-{self.names.get(found[1], '0')}", sent)
            bridge = next(iter(self.client.session.system.bridges), "")
            self.client.send(text.replace("<UUID1>", bridge).replace("<RUN>", str(replay.root / "run")))
            await asyncio.sleep(0.05 if "Originate" not in sent else 6.0)
            answered = [part + "\r\n" for part in self.client.take().split("\r\n\r\n") if part]
            ours = [part for part in answered if part.startswith("Response") or "ActionID" in part]
            ours = [part for part in ours if not part.startswith(("Event: UserEvent", "Event: OriginateResponse"))]
            action = sent.partition("\r\n")[0].removeprefix("Action: ")
            theirs = [part for part in recorded if not part.startswith(("Event: UserEvent", "Event: OriginateResponse"))]
            if action not in DIFFERENT and not _same(theirs, ours):
                self.problems.append(f"{sent}\n-- recorded --\n{''.join(theirs)}\n-- ours --\n{''.join(ours)}")


async def _all_up(replay: SipReplay) -> None:
    """The call that the actions are about stands."""
    for _ in range(500):
        await asyncio.sleep(0.02)
        channels = list(replay.system.channels.values())
        if channels and all(channel.state is ChannelState.UP for channel in channels):
            await asyncio.sleep(0.3)
            return


def _same(recorded: list[str], ours: list[str]) -> bool:
    return len(recorded) == len(ours) and all(_fits(*pair) for pair in zip(recorded, ours, strict=True))


def _fits(recorded: str, ours: str) -> bool:
    recorded = re.sub(r"(Seconds|Duration|DurationMs|TimeToHangup): [\d:]+", r"\1: <TS>", recorded)
    parts = _TOKEN.split(recorded.rstrip())
    return re.fullmatch(r"[^\r\n]*".join(map(re.escape, parts)), ours.rstrip()) is not None


@pytest.mark.parametrize("file", _scenarios())
def test_answers_during_a_call(replay: SipReplay, file: Path) -> None:
    problems = converse(replay, file)
    assert not problems, "\n".join(problems)


def converse(replay: SipReplay, file: Path) -> list[str]:
    """Replay a call and the sessions beside it; what was otherwise than recorded."""
    recording = json.loads(file.read_text())
    config = (SHARED / "vectors" / "calls" / "config" / "manager.conf").read_text()
    problems: list[str] = []

    async def actions(replay: SipReplay) -> None:
        server = await start_manager(replay.system, config)
        if recording["observed"]["sip"][0]["dir"] == "to_asterisk":
            await _all_up(replay)
        for session in recording["observed"]["extra"]["ami_session"]:
            conversation = Conversation(session["exchange"], AmiClient(server))
            try:
                await conversation.run(replay)
            finally:
                problems.extend(conversation.problems)
                conversation.client.session.ended()
        done.set()

    async def at_end(replay: SipReplay) -> None:
        await done.wait()

    done = asyncio.Event()
    pauses = {"BYE": 8.0, "CANCEL": 3.0, "INVITE": 0.5}
    try:
        replay.run(Scenario.load(file), actions, at_end, pauses=pauses, follows_script=False)
    except Mismatch as mismatch:
        problems.append(str(mismatch))
    return problems

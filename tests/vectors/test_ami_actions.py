"""Actions and their answers as recorded (group 7), message for message."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from globstar.config.source import FileSource
from globstar.core.boot import boot, shut_down
from globstar.core.settings import Directories, Options
from globstar.core.system import System
from globstar.media.network import MediaNetwork
from tests.conftest import SHARED
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_network import MemorySipNetwork
from tests.support.sip_replay import CONFIGURATION_FILES
from tests.support.virtual_loop import VirtualTimeLoop

#: Recordings that need no call, and what of their answers is compared.
SCENARIOS = (
    "g07_action_before_login", "g07_basic_actions", "g07_challenge_bad_authtype", "g07_command_action", "g07_db_actions",
    "g07_getconfig_updateconfig", "g07_login_acl_denied", "g07_login_bad_secret", "g07_login_ok_and_logoff",
    "g07_originate_failures", "g07_pjsip_show_actions", "g07_show_dialplan", "g07_status_idle_and_channel_lists",
    "g07_unknown_action_and_missing_action", "g07_waitevent", "g07_permission_call_only", "g07_permission_read_only",
    "g07_extension_and_device_state", "g07_events_on_at_login_fullybooted", "g07_filter_action",
)  # fmt: skip

#: Actions whose answers differ, with the reason; what follows a name restricts it to a request that holds that text.
DIFFERENT = {
    "ListCommands": "lists what is built",
    "DeviceStateList": "queues come later; the order is that of a hash table there",
    "ExtensionStateList": "the order is that of a hash table there",
    "PJSIPShowRegistrationsOutbound": "the registration elsewhere was refused before",
    "CoreSettings": "the HTTP server of the recording does not serve AMI, CDR are on",
    "Command": "how many calls there were",
}
_TOKEN = re.compile(r"<[A-Z]+\d*>")


def _is_left_out(request: str) -> bool:
    for key in DIFFERENT:
        name, _, detail = key.partition(" ")
        if re.match(rf"Action: {name}\r\n", request) and detail in request:
            return True
    return False


def _config() -> str:
    return (SHARED / "vectors" / "calls" / "config" / "manager.conf").read_text()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Any]]:
    if not (SHARED / "vectors" / "calls").is_dir():
        pytest.skip(f"no vectors below {SHARED}")
    root = tmp_path_factory.mktemp("ami")
    etc = root / "etc"
    etc.mkdir()
    for name in CONFIGURATION_FILES:
        text = (SHARED / "vectors" / "calls" / "config" / name).read_text()
        (etc / name).write_text(text.replace("<RUN>", str(root)))
    (etc / "golden_test.conf").write_text("[general]\nalpha=1\nbeta => 2\n[other](!)\nx=y\n[child](other)\nz=1\n")
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:

        async def start() -> Any:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.peers_inside = True
            system = System(directories=Directories.below(root), options=Options())
            system.services["sip network"] = MemorySipNetwork(loop)
            system.services["rtp sockets"] = MediaNetwork(loop)
            await boot(system, FileSource(etc), keep_database=False)
            return await start_manager(system, _config())

        server = runner.run(start())
        yield runner, server
        runner.run(shut_down(server.system))


def _messages(exchange: list[dict[str, str]]) -> Iterator[tuple[str, list[str]]]:
    """Each action with what was answered to it."""
    sent, answers = "", []
    for entry in exchange[1:]:
        if entry["dir"] == "out":
            if sent:
                yield sent, answers
            sent, answers = entry["raw"], []
        else:
            answers.append(entry["raw"])
    yield sent, answers


def _fits(recorded: str, ours: str) -> bool:
    parts = _TOKEN.split(recorded.rstrip())
    return re.fullmatch(r"[^\r\n]*".join(map(re.escape, parts)), ours.rstrip()) is not None


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers(runner: tuple[asyncio.Runner, Any], name: str) -> None:
    loop, server = runner
    recording = json.loads((SHARED / "vectors" / "calls" / f"{name}.json").read_text())
    server.hub.guesses._failures.clear()

    async def go(exchange: list[dict[str, str]]) -> list[str]:
        client = AmiClient(server)
        assert client.take() == exchange[0]["raw"]
        problems = []
        for sent, recorded in _messages(exchange):
            if client.is_closed:
                assert not recorded
                continue
            client.send(sent)
            await asyncio.sleep(1.5)
            answered = [text + "\r\n" for text in client.take().split("\r\n\r\n") if text]
            ours = [text for text in answered if text.startswith("Response") or "ActionID" in text or not recorded]
            if _is_left_out(sent):
                continue
            recorded = [text for text in recorded if not text.startswith("Event: UserEvent")]
            ours = [text for text in ours if not text.startswith(("Event: UserEvent", "Event: OriginateResponse"))]
            if len(ours) != len(recorded) or not all(map(_fits, recorded, ours)):
                problems.append(f"{sent}\n-- recorded --\n{''.join(recorded)}\n-- ours --\n{''.join(ours)}")
        client.session.ended()
        return problems

    sessions = recording["observed"]["extra"]["ami_session"]
    problems = [problem for session in sessions for problem in loop.run(go(session["exchange"]))]
    assert not problems, "\n".join(problems)
    if "file_after" in recording["observed"]["extra"]:
        _check_changed_file(server, recording["observed"]["extra"]["file_after"])


def _check_changed_file(server: Any, recorded: str) -> None:
    """What UpdateConfig wrote, to the letter."""
    written = server.system.configuration.source.path("golden_test.conf").read_text()
    expected = re.escape(recorded).replace("<ETC>", r"[^\n]*").replace("<DATE>", r"[^\n]*")
    assert re.fullmatch(expected, written), written

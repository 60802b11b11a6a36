"""Recordings of a real server: their commands hold up nobody, and neither a manager nor the server's end spoils them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.interop.support.audio import find, level, read_growing, read_wav, sine, tone_seconds, write_wav
from tests.interop.support.handset import Handset
from tests.interop.support.manager import Manager, manager_conf
from tests.interop.support.office import Office, Peer
from tests.interop.support.rtp import Samples, decode_in_order
from tests.support.loopback import free_port, wait_until
from tests.support.server import GlobstarProcess, ServerFactory

pytestmark = pytest.mark.leaks_threads  # each phone's threads end with the fixture that made the phone

NAMES = [f"caller{number}" for number in range(6)]
BEEP = sine(1777, 0.3)
#: the command of a recording: it takes until the test opens the gate, or at most as long as the test could
SLOW = """\
turns=0
until [ -e "$1/gate" ] || [ $turns -eq 3000 ]; do sleep 0.1; turns=$((turns + 1)); done
touch "$1/done-$2"
"""
DIALPLAN = """\
exten => slow,1,Answer
 same => n,MixMonitor(${CALLERID(num)}.wav,,sh FOLDER/slow.sh FOLDER ^{CALLERID(num)})
 same => n,Wait(0.5)
 same => n,StopMixMonitor()
 same => n,System(touch FOLDER/stopped-${CALLERID(num)})
exten => quick,1,Answer
 same => n,Set(WORD=${SHELL(echo -n word)})
 same => n,System(touch FOLDER/quick-${WORD})
exten => long,1,Answer
 same => n,MixMonitor(long-${CALLERID(num)}.wav,,touch FOLDER/ran-${CALLERID(num)})
 same => n,Wait(200)
exten => echo,1,Answer
 same => n,Wait(200)
"""


class Rig:
    """The server, its callers, the folder where commands leave marks, and the manager's port."""

    def __init__(self, server: GlobstarProcess, callers: list[Handset], folder: Path, manager_port: int) -> None:
        self.server = server
        self.callers = callers
        self.folder = folder
        self.manager_port = manager_port

    def marks(self, beginning: str) -> int:
        """How many marks begin so."""
        return len(list(self.folder.glob(f"{beginning}*")))

    def channel(self) -> str:
        """The name of the only channel."""
        (line,) = self.server.cli("core show channels concise").splitlines()
        return line.partition("!")[0]


def wait_beep(caller: Handset, since: float) -> None:
    """Until a caller has heard the beep after a time, be it with pauses of a server that was late with it."""

    def heard() -> Samples:
        return decode_in_order([packet for packet in tuple(caller.rtp.packets) if packet.arrival >= since])

    wait_until(
        lambda: find(heard(), BEEP).correlation > 0.9, 5,
        lambda: f"a beep: {find(heard(), BEEP)} in {heard().size} samples of {len(caller.rtp.packets)} packets",
    )  # fmt: skip


@contextmanager
def rigged(tmp_path: Path, start: Callable[[dict[str, str], Path], GlobstarProcess]) -> Iterator[Rig]:
    """A rig whose server ``start`` starts, with its configuration and the folder of its sounds."""
    folder, manager_port = tmp_path / "marks", free_port()
    folder.mkdir()
    (folder / "slow.sh").write_text(SLOW)
    sounds = tmp_path / "sounds"
    (sounds / "en").mkdir(parents=True)
    write_wav(sounds / "en" / "beep.wav", BEEP)
    dialplan = DIALPLAN.replace("FOLDER", str(folder))
    office = Office([], contexts={"phones": dialplan}, files={"manager.conf": manager_conf(manager_port)})
    with ExitStack() as stack:
        stack.callback((folder / "gate").touch)
        callers = [stack.enter_context(Handset(name, office.port, 400 + 100 * number)) for number, name in enumerate(NAMES)]
        office.members.extend(Peer(caller.name, caller.port) for caller in callers)
        yield Rig(start(office.configuration(), sounds), callers, folder, manager_port)


@pytest.fixture
def rig(globstar_process: ServerFactory, tmp_path: Path) -> Iterator[Rig]:
    with rigged(tmp_path, lambda files, sounds: globstar_process(files, sounds=sounds)) as rig:
        yield rig


def test_slow_commands_of_recordings_hold_up_neither_their_calls_nor_others(rig: Rig) -> None:
    *slow, other = rig.callers
    for caller in slow:
        caller.call("slow")
    wait_until(lambda: rig.marks("stopped-") == len(slow), 20, "the calls go on")
    other.call("quick")
    wait_until(lambda: rig.marks("quick-word") == 1, 20, "programs of another call")
    assert rig.marks("done-") == 0
    (rig.folder / "gate").touch()
    wait_until(lambda: rig.marks("done-") == len(slow), 20, "the commands have run")
    rig.server.wait_idle()


def test_the_end_of_the_server_leaves_whole_recordings(tmp_path: Path) -> None:
    def start(files: dict[str, str], sounds: Path) -> GlobstarProcess:
        server = GlobstarProcess(tmp_path / "server", files, sounds=sounds)
        server.wait_booted()
        return server

    with rigged(tmp_path, start) as rig:
        for caller in rig.callers:
            caller.call("long")
        paths = {caller: rig.server.paths["astspooldir"] / "monitor" / f"long-{caller.name}.wav" for caller in rig.callers}

        def have_spoken() -> bool:
            return all(tone_seconds(read_growing(path), caller.hertz) >= 1.6 for caller, path in paths.items())

        wait_until(have_spoken, 20, "speech of all", interval=0.2)
        rig.server.expect_channels = len(rig.callers)
        assert rig.server.finish() == []
    for caller, path in paths.items():
        assert int.from_bytes(path.read_bytes()[40:44], "little") == path.stat().st_size - 44
        assert tone_seconds(read_wav(path), caller.hertz) >= 1.6
    assert rig.marks("ran-") == len(rig.callers)


def test_the_beeps_of_recordings_that_a_manager_starts_and_stops(rig: Rig) -> None:
    caller = rig.callers[0].call("echo")
    with Manager(rig.manager_port) as manager:
        for action, options in (("MixMonitor", {"File": "m.wav", "Options": "pP"}), ("StopMixMonitor", {})):
            began = time.monotonic()
            manager.ask(action, Channel=rig.channel(), **options)
            wait_beep(caller, began)
    caller.hang_up()
    rig.server.wait_idle()
    assert level(read_wav(rig.server.paths["astspooldir"] / "monitor" / "m.wav")) > 1000

"""Replays recorded SIP scenarios (``vectors/calls`` of the shared data) against the driver, on virtual time without sockets.

What the recorded endpoints sent is sent again, in order; what Asterisk answered is what the driver must answer. Values that
differ from run to run are tokens in the recording (``<TAG1>``, ``<BRANCH2>``, ``<RTP1>`` ...): the first message that shows one
binds it, every later one must agree. A message of the driver that repeats an earlier one byte for byte is a retransmission and
is left out on both sides.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import hashlib
import itertools
import json
import re
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from globstar.config import MemorySource
from globstar.core.boot import boot, shut_down
from globstar.core.cause import Cause
from globstar.core.settings import Directories, Options
from globstar.core.system import System
from globstar.interfaces.cli.commands import register_commands
from globstar.media.network import MediaNetwork
from tests.support.ami import AmiClient, start_manager
from tests.support.sip_following import ScriptFollower
from tests.support.sip_network import MemorySipNetwork
from tests.support.sip_script import LETTERS, fits, kind_of, read_script
from tests.support.virtual_loop import VirtualTimeLoop

SERVER = ("127.0.0.1", 15060)
PORTS = {"alice": 15071, "bob": 15072, "carol": 15073, "dave": 15074, "eve": 15075}
PASSWORDS = {"authy": "secret1", "authsha": "secret2", "authmd5": "secret3", "reg1": "rp1", "oauthuser": "opw"}
#: Seconds of virtual time that an answer may take, and that pass before a scripted endpoint speaks.
PATIENCE = 70.0
PAUSE = 0.05

_TOKEN = re.compile(r"<([A-Z]+)(\d*)>((?:\+\d+)?)|<CSEQ\+(\d+)>")
_ANY = {
    "NONCE": r'[^"]+', "OPAQUE": r'[^"]*', "RESPONSE": r'[0-9a-f]+', "CNONCE": r'[^"]+', "DATE": r"[^\r\n]+", "LEN": r"\d+",
    "RTPPORT": r"\d+", "EPHEMERAL": r"\d+", "TIME": r"[^\r\n]+", "TS": r"[^\r\n]+", "EPOCH": r"\d+",
}  # fmt: skip
_BINDABLE = {
    "TAG": r"[^;>\s]+", "BRANCH": r"[^;>\s]+", "CALLID": r"[^\s]+", "SDPID": r"\d+", "RTP": r"\d+", "RSEQ": r"\d+",
}  # fmt: skip

#: Files of the recording's sound set that scenarios play: name and seconds.
SOUNDS = {
    "hello-world": 1.4, "beep": 0.3, "vm-goodbye": 0.5, "vm-intro": 3.0, "auth-thankyou": 0.5, "demo-congrats": 2.0,
    "pbx-transfer": 0.5, "pbx-invalid": 0.5, "pbx-invalidpark": 0.5, "beeperr": 0.3,
    **{f"digits/{n}": 0.3 for n in range(21)}, **{f"digits/{n}0": 0.3 for n in range(2, 10)},
    **{f"letters/{letter}": 0.3 for letter in "abcdefghijklmnopqrstuvwxyz"},
    **dict.fromkeys(("digits/at", "digits/p-m", "digits/today"), 0.6),
    **dict.fromkeys(("vm-INBOX", "vm-first", "vm-message", "vm-messages", "vm-no"), 0.6),
    **dict.fromkeys(("vm-youhave", "queue-seconds", "vm-received", "vm-theperson", "vm-password"), 0.9),
    "vm-isunavail": 1.5, "vm-login": 2.0, "vm-incorrect-mailbox": 2.5, "vm-onefor": 3.0, "vm-advopts": 3.0, "vm-opts": 5.0,
    "vm-deleted": 1.4,
}  # fmt: skip


class Mismatch(AssertionError):
    """The driver said something else than the recording, or nothing."""


@dataclass(slots=True)
class Endpoint:
    """A recorded endpoint: what came for it and waits to be looked at."""

    name: str
    address: tuple[str, int]
    protocol: str = "UDP"
    queue: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    challenge: str = ""
    #: where the driver wants this endpoint's RTP, from its last SDP
    media_port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    #: a method that the recording's endpoint answered without showing it
    ignores: str = "-"

    @property
    def letter(self) -> str:
        """What scripts call it."""
        place = self.address[1] - PORTS["alice"]
        return LETTERS[place] if place < len(LETTERS) else ""

    def arrives(self, data: bytes, source: object) -> None:
        """A datagram for this endpoint."""
        self.take(data)

    def take(self, data: bytes) -> None:
        """A message of the driver; retransmissions are dropped."""
        text = data.decode()
        if text.startswith(self.ignores):
            return
        if text in self.seen:
            return
        self.seen.add(text)
        if "WWW-Authenticate:" in text:
            self.challenge = text
        media = re.search(r"m=audio (\d+)", text)
        if media:
            self.media_port = int(media[1])
        self.queue.append(text)
        self.arrived.set()


@dataclass(slots=True)
class Scenario:
    """One recording."""

    name: str
    script: str
    messages: list[dict[str, Any]]
    level: str

    @classmethod
    def load(cls, file: Path) -> Scenario:
        """Read a recording."""
        recorded = json.loads(file.read_text())
        return cls(recorded["name"], recorded["script"], recorded["observed"]["sip"], recorded["determinism"]["sip"])

    def until(self, text: str) -> Scenario:
        """The scenario up to the first message that holds ``text``."""
        place = next(index for index, message in enumerate(self.messages) if text in message["text"])
        return Scenario(self.name, self.script, self.messages[:place], self.level)


class SipReplay:
    """A system with the configuration of the recordings; scenarios run on it one after the other."""

    def __init__(self, root: Path, configuration: dict[str, str]) -> None:
        self.root = root
        self.configuration = configuration
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.runner.run(self._boot())

    async def _boot(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.peers_inside = True
        make_sounds(self.root / "data" / "sounds" / "en")
        music = self.root / "data" / "moh" / "music.ulaw"
        music.parent.mkdir(parents=True)
        music.write_bytes(b"\xff" * 80000)
        options = Options()
        options.entityid = "02:00:00:00:00:01"
        start = loop.time()
        self.system = System(
            directories=Directories.below(self.root), options=options, wall_clock=lambda: 1795000000.0 + loop.time() - start
        )
        self.network = MemorySipNetwork(loop)
        self.system.services["sip network"] = self.network
        self.media = self.system.services["rtp sockets"] = MediaNetwork(loop)
        register_commands(self.system)
        await boot(self.system, MemorySource(self.configuration), keep_database=False)
        for name in SOUNDS:  # read once: what is played for the first time is not later than what was played before
            sound = self.system.sounds.find(name, "en")
            assert sound is not None
            await self.system.sounds.open(sound)
        self.driver = self.system.services["pjsip"]
        self._manager: AmiClient | None = None
        #: the commands of the last scenario's script with what each printed
        self.printed: list[tuple[str, str]] = []

    async def manager(self) -> AmiClient:
        """The scripts' own manager client, which hears no events."""
        if self._manager is None:
            self._manager = AmiClient(await start_manager(self.system))
            self._manager.log_in(events="off")
            await asyncio.sleep(0.01)
            assert "Authentication accepted" in self._manager.take()
        return self._manager

    def close(self) -> None:
        """Stop the system."""
        self.runner.run(shut_down(self.system))
        self.runner.close()

    def run_until(self, is_so: Callable[[], bool]) -> None:
        """Let virtual time pass until something is so, for as long as a transaction may take."""

        async def wait() -> None:
            for _ in range(140):
                if is_so():
                    return
                await asyncio.sleep(0.5)

        self.runner.run(wait())

    def run(
        self,
        scenario: Scenario,
        actions: Action | None = None,
        at_end: Action | None = None,
        *,
        pauses: Mapping[str, float] | None = None,
        follows_script: bool = True,
    ) -> None:
        """Replay one scenario; raises Mismatch at the first difference.

        ``actions`` goes on beside it, ``at_end`` is awaited before calls and contacts are cleaned up. The recorded script's
        digits, manager actions, commands and pauses are kept unless ``actions`` stand for them (``follows_script``); ``pauses``
        are the seconds before other messages of a method.
        """
        # a registration that the system has begun by itself, to an endpoint that is not there
        self.run_until(lambda: not self.driver.sip.layer.clients)
        self.runner.run(self._run(_Run(self, scenario, pauses or {}, follows_script), actions, at_end))

    async def _run(self, replay: _Run, actions: Action | None, at_end: Action | None) -> None:
        task = asyncio.ensure_future(actions(self)) if actions is not None else None
        try:
            await replay.play()
            if at_end is not None:
                await at_end(self)
        finally:
            replay.follower.close()
            self.printed = replay.follower.printed
            self.network.peers.clear()
            if task is not None:
                task.cancel()
            await self._clean_up()

    async def _clean_up(self) -> None:
        """Leave nothing behind for the next scenario."""
        for _ in range(20):
            if not self.system.channels:
                break
            await asyncio.sleep(0.1)
        for channel in list(self.system.channels.values()):
            channel.request_hangup(cause=Cause.NORMAL_CLEARING)
        for _ in range(50):
            if not self.system.channels:
                break
            await asyncio.sleep(0.1)
        for lot in self.system.services["parking"].lots.values():
            lot.close()  # its bridge stands from the first parked call on, and each recording began without
        for aor in self.driver.settings.aors:
            for contact in list(self.driver.contacts.registered(aor)):
                self.driver.contacts.remove(contact)
        await asyncio.sleep(70)


#: Scenarios whose first requests were through before the audio of the call had begun.
QUICK = ("g04_info_dtmf_bad_body",)
#: Tells the runs' own SIP ids apart.
_SERIALS = itertools.count(1)
#: Each challenge of a recorded endpoint has a nonce of its own.
_NONCES = itertools.count(1)


Action = Callable[[SipReplay], Coroutine[Any, Any, None]]


class _Run:
    """One scenario at work."""

    def __init__(self, owner: SipReplay, scenario: Scenario, pauses: Mapping[str, float], follows_script: bool) -> None:
        self.serial = next(_SERIALS)
        self.pauses = pauses
        self.owner = owner
        self.scenario = scenario
        self.bound: dict[str, str] = {}
        self.cseq: dict[str, int] = {}
        self.endpoints: dict[str, Endpoint] = {}
        self.done: list[str] = []
        self.follower = ScriptFollower(owner.system, owner.media, owner.manager, self.done)
        if scenario.name in QUICK:
            self.follower.glance, self.follower.at_once = 0.0, 0.0045
        self.steps = read_script(scenario.script, _answered(scenario)) if follows_script else []
        for message in scenario.messages:
            self._add_endpoint(message)

    def _add_endpoint(self, message: dict[str, Any]) -> None:
        name = message["endpoint"]
        text = message["text"]
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            found = re.search(r"127\.0\.0\.1:(1507\d)", text)
            port = PORTS.get(name) or (int(found[1]) if found else 15079)
            endpoint = self.endpoints[name] = Endpoint(name, ("127.0.0.1", port))
            self.owner.network.peers[endpoint.address] = endpoint.arrives
        if "SIP/2.0/TCP" in text:
            endpoint.protocol = "TCP"
        if not any(one["text"].startswith("REGISTER") and one["dir"] == "from_asterisk" for one in self.scenario.messages):
            endpoint.ignores = "REGISTER "

    async def play(self) -> None:
        """All steps, then silence."""
        self.follower.begin(self.steps)
        previous: dict[str, Any] = {}
        for message in self.scenario.messages:
            if message["retransmission"] and not _is_repeated_ringing(message):
                continue
            endpoint = self.endpoints[message["endpoint"]]
            if message["dir"] == "to_asterisk":
                kind = kind_of(message["text"])
                otherwise = self.pauses.get(kind, PAUSE)
                await self.follower.wait(endpoint.letter, kind, is_at_once=_cross(previous, message), otherwise=otherwise)
                self._send(endpoint, message["text"])
            else:
                await self._expect(endpoint, message["text"])
            previous = message
        await self.follower.finish()
        await asyncio.sleep(0.3)
        for endpoint in self.endpoints.values():
            if endpoint.queue:
                raise Mismatch(f"{endpoint.name} also got:\n{endpoint.queue[0]}\n{self._story()}")

    # -- to the driver -----------------------------------------------------------------------------------------------

    def _send(self, endpoint: Endpoint, text: str) -> None:
        call = self._call_of(text)
        first_line = text.split("\r\n", 1)[0]
        out = _TOKEN.sub(lambda found: self._own(found, call), text)
        if 'response="' in text:
            out = re.sub(r"Authorization: Digest [^\r]*", lambda found: self._authorise(endpoint, found[0], out), out)
        out = _fix_length(text, out)
        self.done.append(f"{endpoint.name} -> {first_line}")
        self.owner.network.send(out.encode(), endpoint.address, SERVER, endpoint.protocol)
        self.follower.talk(endpoint.letter, kind_of(text))

    def _own(self, found: re.Match[str], call: str) -> str:
        if found[4] is not None:
            return str(self.cseq.get(call, 0) + int(found[4]))
        kind, number, plus = found[1], found[2], found[3]
        token = f"{kind}{number}"
        if kind == "NONCE":
            return f"nonce-{next(_NONCES)}"
        if kind in ("OPAQUE", "RESPONSE", "CNONCE"):
            return found[0]
        if token not in self.bound:
            if kind == "BRANCH":
                self.bound[token] = f"z9hG4bKdrv{self.serial:x}{number}"
            elif kind == "CALLID":
                self.bound[token] = f"call-{self.serial:x}-{number}@driver"
            elif kind == "EPHEMERAL":
                return str(40000)
            else:
                self.bound[token] = f"drv{self.serial:x}{number}"
        return self.bound[token] + (plus if kind != "SDPID" else "")

    def _authorise(self, endpoint: Endpoint, header: str, request: str) -> str:
        """Fill in the credentials that the endpoint's script computed."""
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', header.partition("Digest ")[2]))
        user, algorithm = fields["username"], fields.get("algorithm", "MD5")
        script = re.search(rf"'{user}',\s*'(\w+)'", self.scenario.script)
        password = script[1] if script else PASSWORDS.get(user, "x")
        challenge = next(
            (
                line
                for line in endpoint.challenge.split("\r\n")
                if "WWW-Authenticate" in line and f"algorithm={algorithm}" in line
            ),
            "",
        )
        nonce = _quoted(challenge, "nonce")
        if "deadbeef" in self.scenario.script:
            nonce = "1234567890/deadbeef"
        opaque, cnonce = _quoted(challenge, "opaque"), "0a4f113b"
        hash_ = hashlib.md5 if algorithm == "MD5" else hashlib.sha256
        method = request.split(" ", 1)[0]

        def digest(text: str) -> str:
            return hash_(text.encode()).hexdigest()

        ha1, ha2 = digest(f"{user}:{fields['realm']}:{password}"), digest(f"{method}:{fields['uri']}")
        response = digest(f"{ha1}:{nonce}:{fields['nc']}:{cnonce}:{fields['qop']}:{ha2}")
        return (
            f'Authorization: Digest username="{user}", realm="{fields["realm"]}", nonce="{nonce}", uri="{fields["uri"]}", '
            f'response="{response}", algorithm={algorithm}, opaque="{opaque}", qop={fields["qop"]}, nc={fields["nc"]}, '
            f'cnonce="{cnonce}"'
        )

    # -- from the driver ---------------------------------------------------------------------------------------------

    async def _expect(self, endpoint: Endpoint, recorded: str) -> None:
        first_line = recorded.split("\r\n", 1)[0]
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not endpoint.queue:
            endpoint.arrived.clear()
            if loop.time() >= deadline - 1e-6:
                raise Mismatch(f"{endpoint.name} never got:\n{recorded}\n{self._story()}")
            due = await self.follower.advance()
            if not endpoint.queue:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(endpoint.arrived.wait(), (due or deadline) - loop.time())
        got = endpoint.queue.popleft()
        if endpoint.media_port:
            self.follower.media_ports[endpoint.letter] = endpoint.media_port
        self._compare(endpoint, recorded, got)
        self.follower.got(endpoint.letter, kind_of(recorded))
        self.done.append(f"{endpoint.name} <- {first_line}")

    def _compare(self, endpoint: Endpoint, recorded: str, got: str) -> None:
        is_loose = "start lines" in self.scenario.level
        if is_loose:
            recorded_part, got_part = recorded.split("\r\n", 1)[0], got.split("\r\n", 1)[0]
        else:
            recorded_part, got_part = recorded, got
        call = _call_id(got)
        pattern = self._pattern(recorded_part, recorded, call)
        found = re.fullmatch(pattern, got_part)
        if found is None:
            raise Mismatch(f"{endpoint.name} got something else:\n{self._diff(recorded_part, got_part, call)}\n{self._story()}")
        self.bound.update(found.groupdict())
        if is_loose:
            self._bind_loosely(recorded, got)
            if recorded.startswith("NOTIFY") and recorded.partition("\r\n\r\n")[2] != got.partition("\r\n\r\n")[2]:
                raise Mismatch(f"{endpoint.name} was told something else:\n{self._diff(recorded, got, call)}\n{self._story()}")
        for token, value in list(self.bound.items()):
            if token.startswith("CSEQ__"):
                del self.bound[token]
                self.cseq[call] = int(value)

    def _bind_loosely(self, recorded: str, got: str) -> None:
        """Where only start lines are compared, tokens are still bound header by header."""
        theirs = dict(line.split(":", 1) for line in recorded.split("\r\n\r\n", maxsplit=1)[0].split("\r\n")[1:] if ":" in line)
        ours = dict(line.split(":", 1) for line in got.split("\r\n\r\n", maxsplit=1)[0].split("\r\n")[1:] if ":" in line)
        for name, value in theirs.items():
            found = re.fullmatch(self._pattern(value, recorded, _call_id(got)), ours.get(name, ""))
            if found is not None:
                self.bound.update(found.groupdict())

    def _pattern(self, text: str, whole: str, call: str) -> str:
        """A regular expression for the recorded text: tokens match anything the first time, and what is bound later."""
        out: list[str] = []
        position = 0
        named: set[str] = set()
        for found in _TOKEN.finditer(text):
            out.append(re.escape(text[position : found.start()]))
            position = found.end()
            out.append(self._token_pattern(found, named, call))
        out.append(re.escape(text[position:]))
        # A second may have passed between granting something and reporting it, there or here.
        return re.sub(
            r"(;expires=)(\d+)", lambda found: f"{found[1]}(?:{int(found[2]) - 1}|{found[2]}|{int(found[2]) + 1})", "".join(out)
        )

    def _token_pattern(self, found: re.Match[str], named: set[str], call: str) -> str:
        if found[4] is not None:
            offset = int(found[4])
            if call in self.cseq:
                return str(self.cseq[call] + offset)
            if offset == 0 and "CSEQ__" not in named:
                named.add("CSEQ__")
                return r"(?P<CSEQ__>\d+)"
            return r"\d+"
        kind, number, plus = found[1], found[2], found[3]
        token = f"{kind}{number}"
        if kind == "SDPID" and plus:
            return str(int(self.bound[token]) + int(plus[1:])) if token in self.bound else r"\d+"
        if kind in _ANY:
            return _ANY[kind]
        if kind not in _BINDABLE:
            return re.escape(found[0])
        if token in self.bound:
            return re.escape(self.bound[token])
        if token in named:
            return f"(?P={token})"
        named.add(token)
        return f"(?P<{token}>{_BINDABLE[kind]})"

    def _call_of(self, text: str) -> str:
        call = _call_id(text)
        return self.bound.get(call.strip("<>"), call)

    def _diff(self, recorded: str, got: str, call: str) -> str:
        """Recorded and got, line by line, with what is bound put in."""

        def fill(found: re.Match[str]) -> str:
            if found[4] is not None:
                return str(self.cseq[call] + int(found[4])) if call in self.cseq else found[0]
            return self.bound.get(f"{found[1]}{found[2]}", found[0])

        wanted = _TOKEN.sub(fill, recorded)
        return "\n".join(difflib.unified_diff(wanted.splitlines(), got.splitlines(), "recorded", "driver", lineterm="", n=30))

    def _story(self) -> str:
        return "after:\n  " + "\n  ".join(self.done)


def _is_repeated_ringing(message: dict[str, Any]) -> bool:
    """A provisional answer that a script repeated by itself, other than what is repeated because something was lost."""
    return message["dir"] == "to_asterisk" and message["text"].startswith("SIP/2.0 18")


def _answered(scenario: Scenario) -> set[str]:
    """The endpoints whose INVITE was answered at last."""
    finals = {
        message["endpoint"]: kind
        for message in scenario.messages
        if message["dir"] == "from_asterisk" and fits("* INVITE", kind := kind_of(message["text"]))
    }
    return {LETTERS[list(PORTS).index(name)] for name, kind in finals.items() if kind[0] == "2" and name in PORTS}


def _cross(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two endpoints send the same request at the same time (glare)."""
    if not first or first["dir"] != "to_asterisk" or first["endpoint"] == second["endpoint"]:
        return False
    method = first["text"].split(" ", 1)[0]
    return method != "SIP/2.0" and second["text"].startswith(f"{method} ")


def _call_id(text: str) -> str:
    found = re.search(r"^Call-ID: ([^\r\n]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _quoted(text: str, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', text)
    return found[1] if found else ""


def _fix_length(recorded: str, out: str) -> str:
    """Content-Length for the body as it is now, where the recorded one was right."""
    head, gap, body = out.partition("\r\n\r\n")
    found = re.search(r"Content-Length: +(\d+)", head)
    if found is None or not gap or not body:
        return out
    return f"{head[: found.start()]}Content-Length: {len(body.encode())}{head[found.end() :]}{gap}{body}"


def make_sounds(folder: Path) -> None:
    """Silence for every prompt that scenarios play."""
    for name, seconds in SOUNDS.items():
        file = folder / f"{name}.ulaw"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"\xff" * int(8000 * seconds))


def scenario_files(shared: Path, groups: tuple[str, ...]) -> Iterator[Path]:
    """The recordings of some groups (``g01``) or single ones, by name."""
    folder = shared / "vectors" / "calls"
    for group in groups:
        yield from sorted([*folder.glob(f"{group}_*.json"), *folder.glob(f"{group}.json")])


CONFIGURATION_FILES = (
    "cdr.conf", "cel.conf", "cel_custom.conf", "extensions.conf", "features.conf", "indications.conf", "musiconhold.conf",
    "pjsip.conf", "res_parking.conf", "rtp.conf", "voicemail.conf",
)  # fmt: skip


def recorded_system(root: Path, shared: Path) -> SipReplay:
    """A system with the configuration of the recordings, its files below ``root``."""
    folder = shared / "vectors" / "calls" / "config"
    return SipReplay(root, {name: (folder / name).read_text().replace("<RUN>", str(root)) for name in CONFIGURATION_FILES})

"""A server under media load: SIPp sets the calls up, ``phones`` speaks."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

from pylibsrtp import Policy, Session

from bench.media import Leg
from bench.phones import PHONES, Heard, Talker, talk
from bench.rig import LOGGER, Rig
from tests.interop.support.office import Office, Peer
from tests.interop.support.scenario import PAYLOADS, Scenario, sdp
from tests.interop.support.sipp import Message, Sipp
from tests.support.loopback import HOST, wait_until

#: Server ports above those of tests that run meanwhile. The phones' are on an address of their own, and below the ports that
#: servers and SIPp take, as some of these are taken on all addresses.
SERVER_PORTS = 40000, 63999
CALLER_PORT, CALLEE_PORT = 2000, 6000
#: Calls a second while they are set up.
SETUP_RATE = 60.0
#: The phones' key of SRTP; every call has the same.
KEY = bytes(range(1, 31))

_AUDIO = re.compile(r"^m=audio (\d+) ", re.MULTILINE)

DIALPLAN = """\
exten => _relayX.,1,Dial(PJSIP/bob/sip:${EXTEN:5}@{host}:{bob})
exten => _recordX.,1,MixMonitor({folder}/${EXTEN}.wav)
 same => n,Dial(PJSIP/bob/sip:${EXTEN:6}@{host}:{bob})
exten => _firstX.,1,Set(GLOBAL(first)=${CHANNEL})
 same => n,Dial(PJSIP/bob/sip:${EXTEN:5}@{host}:{bob})
exten => _meetX.,1,Answer()
 same => n,BridgeAdd(${first})
exten => _playX.,1,Answer()
 same => n(top),Playback({folder}/minute)
 same => n,Goto(top)
"""


@dataclass
class Party(Peer):
    """A peer with further options of its endpoint."""

    options: str = ""

    def sections(self) -> str:
        return super().sections().replace("direct_media=no\n", f"direct_media=no\n{self.options}")


@dataclass(frozen=True, slots=True)
class Codec:
    """What a side of a call speaks: its name in pjsip.conf, its line of SDP, and a payload of 20 ms as ``Talker`` makes it.

    ``size`` 0: such payloads are made by the codec itself (``sounds.write_packets``).
    """

    name: str
    rtpmap: str
    size: int = 160
    first: int = 0

    @property
    def payload_type(self) -> int:
        return int(self.rtpmap.split()[0])


ULAW = Codec("ulaw", PAYLOADS["ulaw"])


@dataclass
class Load(Rig):
    """A server whose calls are set up by :meth:`calls` and :meth:`callers`, and whose phones speak by :meth:`measure`."""

    caller_codec: Codec = ULAW
    callee_codec: Codec = ULAW
    is_secured: bool = False
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(self.environment)

    def make_office(self) -> Office:
        """See Rig."""
        keyed = "media_encryption=sdes\n" if self.is_secured else ""
        plan = DIALPLAN.replace("{host}", HOST).replace("{bob}", str(self.bob)).replace("{folder}", str(self.directory))
        start, end = SERVER_PORTS
        return Office(
            [
                Party("alice", codecs=self.caller_codec.name, options=keyed),
                Party("bob", port=self.bob, codecs=self.callee_codec.name, options=keyed),
            ],
            contexts={"phones": plan},
            files={"logger.conf": LOGGER, "rtp.conf": f"[general]\nrtpstart={start}\nrtpend={end}\n"},
        )

    def _sdp(self, codec: Codec) -> str:
        text = sdp("[field0]", digits=False).replace("[local_ip_type] [local_ip]\nt=", f"4 {PHONES}\nt=")
        text = text.replace(PAYLOADS["ulaw"], codec.rtpmap).replace("RTP/AVP 0", f"RTP/AVP {codec.payload_type}")
        if self.is_secured:
            key = base64.b64encode(KEY).decode()
            text = text.replace("RTP/AVP", "RTP/SAVP") + f"\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}"
        return text

    def _ports(self, name: str, first: int, count: int) -> tuple[str, ...]:
        path = self.directory / f"{name}.csv"
        path.write_text("SEQUENTIAL\n" + "".join(f"{first + 2 * index}\n" for index in range(count)))
        return ("-inf", str(path))

    def _call(self, name: str, prefix: str, count: int, first: int) -> Sipp:
        scenario = Scenario(name, user="alice").request("INVITE", body=self._sdp(self.caller_codec)).answered().hung_up()
        scenario.steps = [step.replace("[service]", f"{prefix}[field0]") for step in scenario.steps]
        arguments = self._ports(name, first, count)
        return self.sipp(scenario, "", count, SETUP_RATE, arguments=arguments, trace=True, timeout=3600, limit=count)

    def _callee(self, count: int) -> Sipp:
        scenario = Scenario("bob").expect_request("INVITE", routes=True)
        scenario.reply(200, "OK", body=self._sdp(self.callee_codec), tag=True)
        scenario.expect_request("INVITE", optional=True).expect_request("ACK").hung_up()
        arguments = self._ports("bob", CALLEE_PORT, count)
        return self._stack.enter_context(
            Sipp(scenario, self.directory, port=self.bob, calls=count, timeout=3600, arguments=arguments, limit=count)
        )

    def _until_up(self, channels: int) -> None:
        wait_until(
            lambda: self.server.channel_count() >= channels, 30 + 3 * channels / SETUP_RATE, f"{channels} channels", interval=0.5
        )

    def calls(self, prefix: str, count: int) -> list[tuple[Leg, Leg]]:
        """Set up calls from phone to phone; the legs of both ends of each."""
        callee = self._callee(count)
        caller = self._call("caller", prefix, count, CALLER_PORT)
        self._until_up(2 * count)
        found: list[tuple[Leg, Leg]] = []

        def all_answered() -> bool:
            found[:] = pair_up(caller.messages(), callee.messages())
            return len(found) == count

        wait_until(all_answered, 20, f"{count} answered calls", interval=1)
        return found

    def callers(self, prefix: str, count: int, *, name: str = "callers") -> list[Leg]:
        """Set up calls to the server itself."""
        before = self.server.channel_count()
        caller = self._call(name, prefix, count, CALLER_PORT + 2 * before)
        self._until_up(before + count)
        found: list[Leg] = []

        def all_answered() -> bool:
            found[:] = _legs(caller.messages()).values()
            return len(found) == count

        wait_until(all_answered, 20, f"{count} answered calls", interval=1)
        return found

    def packets(self, seconds: float) -> Path:
        """Datagrams of a talking phone under SRTP, as ``phones.c`` reads them; they may be everybody's, as are the keys."""
        path = self.directory / "srtp.bin"
        if not path.exists():
            policy = Policy(key=KEY, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=Policy.SRTP_PROFILE_AES128_CM_SHA1_80)
            session = Session(policy)
            with path.open("wb") as file:
                for number in range(int(seconds * 50)):
                    head = b"\x80\x00" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"\x00\x01\x00\x00"
                    sealed = session.protect(head + bytes(160))
                    file.write(len(sealed).to_bytes(2, "big") + sealed)
        return path

    def measure(self, talkers: list[Talker], *, warm: float, seconds: float) -> tuple[float, Heard]:
        """CPU seconds of the server while all talk, and what was heard; then all calls are ended."""
        began = 0.0

        def on_begin() -> None:
            nonlocal began
            began = self.cpu()

        heard = talk(talkers, self.directory, warm=warm, seconds=seconds, on_begin=on_begin)
        used = self.cpu() - began
        self.server.cli("channel request hangup all")
        self.server.wait_idle(60)
        return used, heard


def _legs(messages: list[Message]) -> dict[str, Leg]:
    """By Call-ID, of calls whose both descriptions are there."""
    ours: dict[str, int] = {}
    theirs: dict[str, int] = {}
    for message in messages:
        found = _AUDIO.search(message.body)
        if found is not None:
            (ours if message.sent else theirs)[message.header("Call-ID")] = int(found[1])
    return {call: Leg(ours[call], theirs[call]) for call in ours if call in theirs}


def pair_up(caller: list[Message], callee: list[Message]) -> list[tuple[Leg, Leg]]:
    """Both ends of each call: the callee is dialled as the number of the caller's port."""
    ends = {leg.local: leg for leg in _legs(caller).values()}
    found: list[tuple[Leg, Leg]] = []
    answered = _legs(callee)
    for message in callee:
        if message.sent or message.method != "INVITE":
            continue
        number = re.match(r"INVITE sip:(\d+)@", message.start_line)
        leg = answered.pop(message.header("Call-ID"), None)
        if number is not None and leg is not None and int(number[1]) in ends:
            found.append((ends[int(number[1])], leg))
    return found

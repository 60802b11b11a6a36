"""A call that is over is freed by reference counts alone: what waits for the garbage collector is a pause for all calls."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from globstar.core import events
from globstar.core.system import System
from globstar.media.network import MediaNetwork
from tests.support.phone import noise, sound
from tests.support.sip_network import MemorySipNetwork
from tests.support.switch import running_system
from tests.support.virtual_loop import VirtualTimeLoop, run_virtual

SERVER, ALICE, BOB = ("127.0.0.1", 5060), ("127.0.0.1", 5071), ("127.0.0.1", 5072)
FILES = {
    "modules.conf": "[modules]\nautoload=no\nload=pbx_config\nload=res_pjsip\nload=chan_pjsip\nload=app_dial\n"
    "load=bridge_native_rtp\nload=bridge_simple\nload=cdr_csv\nload=codec_ulaw\nload=codec_resample\nload=format_wav\nload=format_pcm\n"
    "load=app_mixmonitor\nload=app_record\nload=app_playback\nload=app_controlplayback\nload=app_chanspy\nload=app_waitforsilence\n"
    "load=app_amd\nload=app_talkdetect\nload=func_volume\nload=func_pitchshift\nload=func_speex\nload=func_talkdetect\nload=app_dictate\n"
    "load=func_periodic_hook\nload=app_verbose\nload=app_system\n",
    "cdr.conf": "[general]\nenable=yes\nunanswered=yes\n[csv]\n",
    "pjsip.conf": "[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:5060\n"
    "[alice]\ntype=endpoint\ncontext=default\nallow=!all,ulaw\naors=alice\ndirect_media=no\n[alice]\ntype=aor\n"
    "[bob]\ntype=endpoint\ncontext=default\nallow=!all,ulaw\naors=bob\ndirect_media=no\n"
    "[bob]\ntype=aor\ncontact=sip:bob@127.0.0.1:5072\n",
    "extensions.conf": "[default]\nexten => answer,1,Answer()\n same => n,Hangup()\nexten => bob,1,Dial(PJSIP/bob)\n",
}
#: steps of calls that are recorded, heard, changed; the sound is an absolute path
SERVICES = {
    "MixMonitor": "MixMonitor(a.wav,r(b.wav)t(c.ulaw)B(1)i(ID)p)|Wait(0.3)",
    "StopMixMonitor": "MixMonitor(a.wav,P,true)|Wait(0.3)|StopMixMonitor()",
    "Record": "Record({root}/said.wav,0,1,qk)",
    "Playback": "Playback({sound}&none)|ControlPlayback({sound},,,,,,,o(100))|BackGround({sound})",
    "ChanSpy": "ChanSpy(Nobody,qS)",
    "detectors": "WaitForSilence(100,1,1)|WaitForNoise(100,1,1)|AMD(200)|BackgroundDetect({sound},100)",
    "volume": "Set(VOLUME(TX,p)=3)|Set(VOLUME(RX)=2)|Playback({sound})",
    "filters": "Set(PITCH_SHIFT(both)=high)|Set(DENOISE(rx)=on)|Set(AGC(tx)=8000)|Playback({sound})",
    "talk": "Set(TALK_DETECT(set)=)|Wait(0.3)",
    "hook": "Set(ID=${PERIODIC_HOOK(default,answer,60)})|Wait(0.3)",
    "System": "System(true)",
}
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"
NO_CODEC = SDP.replace("AVP 0", "AVP 3")
WITH_SDP = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"
EMPTY = "Content-Length: 0\r\n\r\n"


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}: ([^\r]*)", message, re.MULTILINE)
    assert found is not None, message
    return found[1]


def copied(message: str) -> str:
    return "".join(f"{name}: {header(message, name)}\r\n" for name in ("Via", "From", "To", "Call-ID", "CSeq"))


class Peers:
    """Alice, who calls and hangs up when she is answered by bob; bob, who answers."""

    def __init__(self, network: MemorySipNetwork, number: str) -> None:
        self.network = network
        self.number = number
        self.branch = ""
        self.over = asyncio.get_running_loop().create_future()
        network.peers[ALICE] = lambda data, source: self.alice(data.decode())
        network.peers[BOB] = lambda data, source: self.bob(data.decode())

    def request(self, method: str, to: str, rest: str = EMPTY) -> None:
        sequence = 2 if method == "BYE" else 1
        branch = self.branch or f"z9hG4bK{method}"
        self.network.send(
            f"{method} sip:{self.number}@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5071;branch={branch}\r\n"
            f"From: <sip:alice@127.0.0.1>;tag=a\r\nTo: {to}\r\nCall-ID: call\r\nCSeq: {sequence} {method}\r\n"
            f"Contact: <sip:alice@127.0.0.1:5071>\r\n{rest}".encode(),
            ALICE,
            SERVER,
        )

    def alice(self, message: str) -> None:
        if message.startswith("BYE"):
            self.network.send(f"SIP/2.0 200 OK\r\n{copied(message)}{EMPTY}".encode(), ALICE, SERVER)
            self.over.set_result(None)
        elif message.startswith("SIP/2.0 200") and "INVITE" in header(message, "CSeq"):
            self.request("ACK", header(message, "To"))
            if self.number == "bob":
                self.request("BYE", header(message, "To"))
        elif message.startswith("SIP/2.0 200"):
            self.over.set_result(None)
        elif message.startswith("SIP/2.0 488"):
            self.branch = "z9hG4bKINVITE"  # RFC 3261 17.1.1.3: the ACK of a refusal is the INVITE's own
            self.request("ACK", header(message, "To"))
            self.over.set_result(None)
        else:
            assert message.startswith("SIP/2.0 1"), message

    def bob(self, message: str) -> None:
        kept = copied(message)
        if message.startswith("INVITE"):
            kept = kept.replace(header(message, "To"), header(message, "To") + ";tag=b")
            answer = f"SIP/2.0 200 OK\r\n{kept}Contact: <sip:bob@127.0.0.1:5072>\r\n{WITH_SDP}"
            self.network.send(answer.encode(), BOB, SERVER)
        elif message.startswith("BYE"):
            self.network.send(f"SIP/2.0 200 OK\r\n{kept}{EMPTY}".encode(), BOB, SERVER)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Only reference counts free anything."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def garbage() -> list[str]:
    """The kinds of our objects that wait for the collector, each once; what configuration and boot left is not looked at."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    gc.set_debug(0)
    kinds = {type(item) for item in gc.garbage}
    gc.garbage.clear()
    return sorted(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds if kind.__module__.startswith("globstar."))


async def call(
    root: Path, number: str, offer: str = WITH_SDP, *, options: str = "", extensions: str = ""
) -> tuple[int, list[str]]:
    """Make a call; how many channels there were, and the names of those and of other things that are left when it is over."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    loop.peers_inside = True
    network = MemorySipNetwork(loop)

    def prepare(system: System) -> None:
        system.services["sip network"] = network
        system.services["rtp sockets"] = MediaNetwork(loop)

    files = {
        **FILES,
        "pjsip.conf": FILES["pjsip.conf"].replace("allow=!all,ulaw\naors=alice", f"allow=!all,ulaw{options}\naors=alice"),
    }
    if "exten => bob," in extensions:
        files["extensions.conf"] = "[default]\n"
    files["extensions.conf"] += extensions
    async with running_system(root, files, prepare=prepare) as system:
        channels: list[weakref.ref[object]] = []
        gc.collect()
        system.bus.subscribe(events.ChannelCreated, lambda event: channels.append(weakref.ref(event.channel)))
        peers = Peers(network, number)
        peers.request("INVITE", f"<sip:{number}@127.0.0.1>", offer)
        await peers.over
        await asyncio.sleep(1)
        assert not system.channels
        left = [repr(kept) for channel in channels if (kept := channel()) is not None]
        return len(channels), left + garbage()


@pytest.mark.usefixtures("no_collector")
def test_an_answered_call_is_freed_at_once(tmp_path: Path) -> None:
    assert run_virtual(call(tmp_path, "answer")) == (1, [])


@pytest.mark.usefixtures("no_collector")
def test_both_channels_of_a_bridged_call_are_freed_at_once(tmp_path: Path) -> None:
    assert run_virtual(call(tmp_path, "bob")) == (2, [])


@pytest.mark.usefixtures("no_collector")
def test_a_refused_call_is_freed_at_once(tmp_path: Path) -> None:
    refused = WITH_SDP.replace(SDP, NO_CODEC)
    assert run_virtual(call(tmp_path, "answer", refused)) == (0, [])


@pytest.mark.usefixtures("no_collector")
def test_a_call_with_a_bundle_is_freed_at_once(tmp_path: Path) -> None:
    sdp = SDP.replace("m=audio", "a=group:BUNDLE a v\r\nm=audio") + "a=mid:a\r\na=rtcp-mux\r\n"
    sdp += "m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=mid:v\r\na=bundle-only\r\n"
    offer = f"Content-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}"
    assert run_virtual(call(tmp_path, "answer", offer, options=",h264\nbundle=yes")) == (1, [])


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("service", SERVICES)
def test_a_call_with_audio_services_is_freed_at_once(tmp_path: Path, service: str) -> None:
    sound(tmp_path, "sound", noise(0.3, 5))
    steps = SERVICES[service].replace("{root}", str(tmp_path)).replace("{sound}", str(tmp_path / "sound")).split("|")
    extensions = "exten => service,1,Answer()\n" + "".join(f" same => n,{step}\n" for step in (*steps, "Hangup()"))
    assert run_virtual(call(tmp_path, "service", extensions=extensions)) == (1, [])


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "step",
    [
        "MixMonitor(a.wav,B(1)r(b.ulaw)t(c.wav)b)", "Set(VOLUME(RX)=3)", "Set(TALK_DETECT(set)=)", "Set(PITCH_SHIFT(both)=low)",
        "Set(AGC(rx)=9000)",
    ],
)  # fmt: skip
def test_both_channels_of_a_call_that_goes_through_frames_are_freed_at_once(tmp_path: Path, step: str) -> None:
    plan = f"exten => bob,1,{step}\n same => n,Dial(PJSIP/bob)\n"
    assert run_virtual(call(tmp_path, "bob", extensions=plan)) == (2, [])


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("step", ["Wait(60)", "Record({root}/said.wav,0,60,qk)", "WaitForNoise(60000)", "Playback({sound})"])
def test_a_caller_who_hangs_up_meanwhile_is_freed_at_once(tmp_path: Path, step: str) -> None:
    sound(tmp_path, "sound", noise(9, 5))
    step = step.replace("{root}", str(tmp_path)).replace("{sound}", str(tmp_path / "sound"))
    plan = f"exten => bob,1,Answer()\n same => n,{step}\n"
    assert run_virtual(call(tmp_path, "bob", extensions=plan)) == (1, [])

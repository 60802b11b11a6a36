"""Opus (RFC 6716, 7587) to and from signed linear at its own rates.

The encoder does what the peer's fmtp and a section of codecs.conf with ``type=opus`` ask. The name of such a section is a
format that ``allow`` takes; ``[opus]`` changes the ordinary one.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache, partial
from typing import Any

from globstar.base.log import Logger
from globstar.config.options import Options, Report, option
from globstar.config.values import boolean, enumeration, integer
from globstar.core.format import FMTP, FRAMING, Format, find_format, name_formats, opus, slin, slin12, slin16, slin24, slin48
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.core.translate import TranslatorSpec
from globstar.dsp.clibrary import Gatherer
from globstar.proto.rtp.opus import opus_frames, opus_packet, opus_samples

#: Samples of the longest packet, 120 ms at 48 kHz, and the longest payload (RFC 6716 section 3.4).
_MAX_SAMPLES = 5760
_MAX_BYTES = 1276
#: Blocks of 20 ms that make one packet at the most: 120 ms.
_BLOCKS_AT_ONCE = 6
#: Frames that wait for others at the most, where they are joined; the oldest are dropped.
_MAX_WAITING = 24
_APPLICATIONS = {"voip": 2048, "audio": 2049, "low_delay": 2051}
_SIGNALS = {"auto": -1000, "voice": 3001, "music": 3002}
_BITRATES = {"auto": -1000, "max": -1}
_SET_BITRATE, _SET_MAX_BANDWIDTH, _SET_VBR, _SET_INBAND_FEC, _SET_PACKET_LOSS, _SET_DTX = 4002, 4004, 4006, 4012, 4014, 4016
_SET_COMPLEXITY, _SET_SIGNAL = 4010, 4024
#: Loss that the encoder reckons with where the peer can use forward error correction, per cent.
_EXPECTED_LOSS = 10
#: Highest audio frequency by the peer's playback rate: OPUS_BANDWIDTH_NARROWBAND and so on.
_BANDWIDTHS = ((8000, 1101), (12000, 1102), (16000, 1103), (24000, 1104), (48000, 1105))
_NAMED_BANDWIDTHS = {"narrow": 1101, "medium": 1102, "wide": 1103, "super_wide": 1104, "full": 1105}
#: The attribute of a format of codecs.conf that names its options.
_OPTIONS = "opus options"

logger = Logger("codec_opus")


def _bitrate(text: str) -> str:
    if text.strip().lower() in _BITRATES:
        return text.strip().lower()
    try:
        return str(integer(500, 512000)(text))
    except ValueError as error:
        raise ValueError(f"{error}, auto or max") from error


class OpusOptions(Options):
    """A section of codecs.conf with ``type=opus``."""

    type = option(enumeration("opus"), "opus", help="What kind of format this is.")
    packet_loss = option(integer(0, 100), 0, unit="%", help="Loss that the encoder reckons with.")
    complexity = option(integer(0, 10), 10, help="Work that the encoder may do.")
    signal = option(enumeration(*_SIGNALS), "auto", help="What the sound is.")
    application = option(enumeration(*_APPLICATIONS), "voip", help="What is spared: bits for speech, its likeness, or time.")
    max_playback_rate = option(integer(8000, 48000), 48000, unit="Hz", help="Highest rate; the other side is told.")
    max_bandwidth = option(enumeration(*_NAMED_BANDWIDTHS), "full", help="Highest band of the encoder.")
    bitrate = option(_bitrate, "auto", unit="bit/s", help="Bit rate, auto or max; the other side is told.")
    cbr = option(boolean, False, help="Constant bit rate; the other side is told.")
    fec = option(boolean, True, help="Forward error correction where the other side knows it; it is told that we do.")
    dtx = option(boolean, False, help="Send nothing in silence; the other side is told.")

    def fmtp(self) -> str:
        """What the other side is told (RFC 7587 section 6.1)."""
        rate, bits = self.max_playback_rate, self.bitrate
        told = [f"maxplaybackrate={rate}"] if rate != 48000 else []
        told += [f"maxaveragebitrate={min(max(int(bits), 6000), 510000)}"] if bits not in _BITRATES else []
        told += ["cbr=1"] if self.cbr else []
        told += ["usedtx=1"] if self.dtx else []
        told.append(f"useinbandfec={int(self.fec)}")
        return ";".join(told)


#: the sections of codecs.conf, by the names of their formats
_sections: dict[str, OpusOptions] = {}


@cache
def library() -> Any:
    """libopus as the package brings it, with its functions declared; None where it is missing."""
    if importlib.util.find_spec("opuslib_next") is None:
        return None
    from opuslib_next.api import libopus

    pointer, integer = ctypes.c_void_p, ctypes.c_int
    prototypes = {
        "opus_encoder_create": (pointer, (integer, integer, integer, ctypes.POINTER(integer))),
        "opus_encoder_destroy": (None, (pointer,)),
        "opus_encode": (integer, (pointer, ctypes.c_char_p, integer, ctypes.c_char_p, integer)),
        "opus_encoder_ctl": (integer, (pointer, integer, integer)),  # variadic: all that we set are integers
        "opus_decoder_create": (pointer, (integer, integer, ctypes.POINTER(integer))),
        "opus_decoder_destroy": (None, (pointer,)),
        "opus_decode": (integer, (pointer, ctypes.c_char_p, integer, ctypes.c_char_p, integer, integer)),
    }
    # prototypes of our own, as the package sets others on the functions that it shares
    return {name: ctypes.CFUNCTYPE(result, *arguments)((name, libopus)) for name, (result, arguments) in prototypes.items()}


class Decoder:
    """One stream of Opus to signed linear of one channel."""

    __slots__ = ("_functions", "_rate", "_state")

    def __init__(self, rate: int) -> None:
        self._functions = library()
        self._rate = rate
        error = ctypes.c_int()
        self._state = self._functions["opus_decoder_create"](rate, 1, ctypes.byref(error))
        if not self._state:
            raise MemoryError(f"libopus gave no decoder ({error.value})")

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._functions["opus_decoder_destroy"](self._state)

    def __call__(self, data: bytes) -> bytes:
        if not data:
            return b""
        samples = ctypes.create_string_buffer(2 * _MAX_SAMPLES)
        count = self._functions["opus_decode"](self._state, data, len(data), samples, _MAX_SAMPLES * self._rate // 48000, 0)
        return samples.raw[: 2 * count] if count > 0 else b""

    def conceal(self, samples: int, following: bytes | None) -> bytes:
        """Sound in place of a lost packet: from what the next one says of it (forward error correction), else made up.

        The library works in steps of 2.5 ms; what is left of ``samples`` after that is not made.
        """
        wanted = min(samples - samples % (self._rate // 400), _MAX_SAMPLES * self._rate // 48000)
        if wanted <= 0:
            return b""
        made = ctypes.create_string_buffer(2 * wanted)
        size = len(following) if following else 0
        count = self._functions["opus_decode"](self._state, following or None, size, made, wanted, 1 if size else 0)
        return made.raw[: 2 * count] if count > 0 else b""


class Encoder:
    """One stream of signed linear to Opus of one channel.

    Packets are of 20 ms, or up to 120 where as much comes at once. With ``frame_ms`` (10, 20, 40 or 60) they are made of
    frames of that length, so that who sends them can make packets of as many frames as the other side wants.
    """

    __slots__ = (
        "_coded",
        "_functions",
        "_joins",
        "_left_out",
        "_rate",
        "_samples",
        "_state",
        "gatherer",
        "samples_left_out",
        "samples_made",
    )  # fmt: skip

    def __init__(self, rate: int, fmtp: dict[str, str], options: OpusOptions | None = None, frame_ms: int = 0) -> None:
        self._functions = library()
        self._rate = rate
        self._samples = rate * (frame_ms or 20) // 1000
        self._joins = bool(frame_ms)
        #: frames that wait, each with its kind
        self._coded: list[tuple[int, bytes]] = []
        #: samples at 48 kHz of the last packet
        self.samples_made = 0
        #: the same of what the last call left out before it, as it is silence; and of what the next one has to tell of
        self.samples_left_out = self._left_out = 0
        self.gatherer = Gatherer(2 * self._samples)
        error = ctypes.c_int()
        application = _APPLICATIONS[options.application if options is not None else "voip"]
        self._state = self._functions["opus_encoder_create"](rate, 1, application, ctypes.byref(error))
        if not self._state:
            raise MemoryError(f"libopus gave no encoder ({error.value})")
        self._configure(fmtp, options if options is not None else OpusOptions())
        if options is not None:
            self._set(_SET_COMPLEXITY, options.complexity)
            self._set(_SET_SIGNAL, _SIGNALS[options.signal])

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._functions["opus_encoder_destroy"](self._state)

    def _configure(self, fmtp: dict[str, str], options: OpusOptions) -> None:
        """What the peer asks for (RFC 7587 section 6.1) within what codecs.conf allows."""
        if fmtp.get("useinbandfec") == "1" and options.fec:
            self._set(_SET_INBAND_FEC, 1)
            self._set(_SET_PACKET_LOSS, options.packet_loss or _EXPECTED_LOSS)
        elif options.packet_loss:
            self._set(_SET_PACKET_LOSS, options.packet_loss)
        self._set(_SET_DTX, int(fmtp.get("usedtx") == "1" or options.dtx))
        self._set(_SET_VBR, int(fmtp.get("cbr") != "1" and not options.cbr))
        average = _number(fmtp.get("maxaveragebitrate"))
        asked = [average] if 6000 <= average <= 510000 else []
        asked += [int(options.bitrate)] if options.bitrate not in _BITRATES else []
        if asked:
            self._set(_SET_BITRATE, min(asked))
        elif options.bitrate in _BITRATES:
            self._set(_SET_BITRATE, _BITRATES[options.bitrate])
        playback = min(_number(fmtp.get("maxplaybackrate")) or 48000, options.max_playback_rate)
        highest = next((code for rate, code in _BANDWIDTHS if playback <= rate), _BANDWIDTHS[-1][1])
        self._set(_SET_MAX_BANDWIDTH, min(highest, _NAMED_BANDWIDTHS[options.max_bandwidth]))

    def _set(self, request: int, value: int) -> None:
        self._functions["opus_encoder_ctl"](self._state, request, value)

    def __call__(self, data: bytes) -> bytes:
        blocks = self.gatherer.blocks(data)
        self.samples_left_out, self._left_out = self._left_out, 0
        if self._joins:
            return self._join(blocks)
        coded = b""
        # a call makes one packet: of all that came, if that is not longer than the library takes at once
        for start in range(0, len(blocks), _BLOCKS_AT_ONCE):
            coded = self._encode(blocks[start : start + _BLOCKS_AT_ONCE])
            if not coded:
                self.samples_left_out += self.samples_made
        return coded

    def _encode(self, blocks: list[bytes]) -> bytes:
        samples = len(blocks) * self._samples
        payload = ctypes.create_string_buffer(_MAX_BYTES)
        size = self._functions["opus_encode"](self._state, b"".join(blocks), samples, payload, _MAX_BYTES)
        self.samples_made = samples * 48000 // self._rate
        return payload.raw[:size] if size > 2 else b""  # up to two bytes need not be sent: silence with usedtx=1

    def _join(self, blocks: list[bytes]) -> bytes:
        """A packet of the frames of these blocks; those of another kind, which no packet may hold as well, wait for the next."""
        coded = self._coded
        for block in blocks:
            found = opus_frames(self._encode([block]))
            if found is not None:
                kind, _, frames = found
                coded += [(kind, frame) for frame in frames]
            elif coded:
                self._left_out += self.samples_made
            else:
                self.samples_left_out += self.samples_made
        if not coded:
            return b""
        del coded[:-_MAX_WAITING]
        kind = coded[0][0]
        most = max(1, 120 * self._rate // 1000 // self._samples)
        count = next((place for place, (other, _) in enumerate(coded[:most]) if other != kind), min(len(coded), most))
        frames = [frame for _, frame in coded[:count]]
        del coded[:count]
        packet = opus_packet(kind, frames)
        self.samples_made = opus_samples(packet)
        return packet


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else 0


def parameters(fmtp: str) -> dict[str, str]:
    """``a=1; b=2`` as a dictionary, names in lower case."""
    pairs = (part.partition("=") for part in fmtp.split(";"))
    return {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}


def _encode(rate: int, source: Format, destination: Format) -> Encoder:
    options = _sections.get(destination.attributes.get(_OPTIONS, ""))
    frame_ms = int(destination.attributes.get(FRAMING, "0"))
    return Encoder(rate, parameters(destination.attributes.get(FMTP, "")), options, frame_ms)


def _pair(linear: Format, name: str) -> tuple[TranslatorSpec, TranslatorSpec]:
    rate = linear.sample_rate
    # as Asterisk states them: the codec changes the rate itself, which goes before a change outside of it
    coding, decoding = (6000, 9000) if rate == slin.sample_rate else (5999, 8999)
    return (
        TranslatorSpec(
            name=f"opusto{name}",
            source=opus,
            destination=linear,
            open=partial(Decoder, rate),
            conceals=True,
            cost=decoding,
        ),
        TranslatorSpec(
            name=f"{name}toopus",
            source=linear,
            destination=opus,
            open=partial(Encoder, rate, {}),
            open_for=partial(_encode, rate),
            cost=coding,
        ),
    )


OPUS_TO_LIN, LIN_TO_OPUS = _pair(slin, "lin")
OPUS_TO_LIN12, LIN12_TO_OPUS = _pair(slin12, "lin12")
OPUS_TO_LIN16, LIN16_TO_OPUS = _pair(slin16, "lin16")
OPUS_TO_LIN24, LIN24_TO_OPUS = _pair(slin24, "lin24")
OPUS_TO_LIN48, LIN48_TO_OPUS = _pair(slin48, "lin48")


def load(system: System) -> None:
    """Decline where the library is missing; else read codecs.conf."""
    if library() is None:
        raise ModuleDeclined("the Python package opuslib-next-bundled is not installed (pip install 'globstar[opus]')")
    reload(system)


def reload(system: System) -> None:
    """Read the sections of codecs.conf with ``type=opus``, for encoders made and endpoints read from now on."""
    config = system.configuration.read("codecs.conf")
    report = Report()
    _sections.clear()
    for category in config.categories if config is not None else ():
        if (category.get("type") or "").strip().lower() != "opus":
            continue
        known = find_format(category.name)
        if known is not None and known.codec is not opus.codec:  # allow=ulaw must go on to mean that
            report(category, f"[{category.name}] has no effect: another codec has this name")
        else:
            _sections[category.name] = OpusOptions.read(category, report)
    for warning in report.warnings:
        logger.warning(str(warning))
    named = [Format(opus.codec, name, {FMTP: options.fmtp(), _OPTIONS: name}) for name, options in _sections.items()]
    name_formats(opus.codec, named)


def unload(system: System) -> None:
    """Its names are unknown again."""
    name_formats(opus.codec, ())

"""Speex at 8, 16 and 32 kHz to and from signed linear, by libspeex; codecs.conf ``[speex]`` sets the encoder."""

from __future__ import annotations

import ctypes
from functools import cache, partial
from typing import Any, NamedTuple

from globstar.base.log import Logger
from globstar.config.options import Options, option
from globstar.config.values import boolean, floating, integer
from globstar.core.codecsconf import codec_options
from globstar.core.format import FMTP, Format, slin, slin16, slin32, speex, speex16, speex32
from globstar.core.loader import ModuleDeclined
from globstar.core.system import System
from globstar.core.translate import TranslatorSpec
from globstar.dsp import speexdsp
from globstar.dsp.clibrary import Gatherer, find_library
from globstar.dsp.speexdsp import Preprocessor

logger = Logger("codec_speex")

#: Longest payload that is read or written.
_MAX_BYTES = 1000
#: Frames of 20 ms that a payload may have, which may be as short as 5 bits.
_MOST_FRAMES = 50
#: What the decoder says of a payload that is none.
_NO_SPEEX = -2
#: Payloads that are left out after one that is no Speex, at first and at the most: a second and a minute of them.
_PAUSE, _LONGEST_PAUSE = 50, 3200

# requests of speex_encoder_ctl and speex_decoder_ctl (libspeex's manual, chapter 5)
_SET_ENH, _GET_FRAME_SIZE, _SET_QUALITY, _SET_VBR, _SET_VBR_QUALITY, _SET_COMPLEXITY = 0, 3, 4, 12, 14, 16
_SET_ABR, _SET_VAD, _SET_DTX = 32, 30, 34


class SpeexOptions(Options):
    """``[speex]`` of codecs.conf."""

    quality = option(integer(0, 10), 3, help="Quality of the encoder without vbr and abr.")
    complexity = option(integer(0, 10), 2, help="Work that the encoder may do.")
    enhancement = option(boolean, True, help="Perceptual enhancement when decoding.")
    vad = option(boolean, False, help="Send silence in few bits.")
    vbr = option(boolean, False, help="Variable bit rate.")
    abr = option(integer(0), 0, unit="bit/s", help="Average bit rate to keep; 0 for none.")
    vbr_quality = option(floating(0, 10), 4.0, help="Quality with vbr.")
    dtx = option(boolean, False, help="Send nothing at all in silence; needs vad, vbr, abr or pp_vad.")
    preprocess = option(boolean, False, help="Let libspeexdsp work on the sound before it is encoded, as the pp_ options say.")
    pp_vad = option(boolean, False, help="Find the frames without speech, which dtx does not send.")
    pp_agc = option(boolean, False, help="Even out the level.")
    pp_agc_level = option(floating(1, 32768), 8000.0, help="The level to reach.")
    pp_denoise = option(boolean, False, help="Suppress noise.")
    pp_dereverb = option(boolean, False, help="Suppress reverberation.")
    pp_dereverb_decay = option(floating(0, 1), 0.4, help="How fast it is taken to decay.")
    pp_dereverb_level = option(floating(0, 1), 0.3, help="How loud it is taken to be.")


#: By narrow-band mode the quality that makes the encoder use it (RFC 5574 table 1); the modes of the wider bands are qualities.
_NARROW_QUALITY = {1: 0, 8: 1, 2: 2, 3: 4, 4: 6, 5: 8, 6: 9, 7: 10}


class Wishes(NamedTuple):
    """What the peer asks of our encoder by its fmtp (RFC 5574 section 4).

    ``vbr`` is on, off or vad, "" where it says nothing; ``quality`` that of the mode that it likes best, None for any.
    One that ``takes_all`` decodes frames of any mode, as all do that do not list others alone.
    """

    vbr: str = ""
    quality: int | None = None
    takes_all: bool = True


def wishes(fmtp: str, band: int) -> Wishes:
    """Read ``vbr=on;mode="4,any"`` for a narrow (0), wide (1) or ultra-wide (2) band; what is not understood is no wish."""
    vbr, listed = "", list[str]()
    for part in fmtp.split(";"):
        name, _, value = part.partition("=")
        name, value = name.strip().lower(), value.strip().strip('"').lower()
        if name == "vbr" and value in ("on", "off", "vad"):
            vbr = value
        elif name == "mode":
            listed = [mode.strip() for mode in value.split(",")]
    known = _NARROW_QUALITY if band == 0 else {mode: mode for mode in range(11)}
    modes = [int(mode) for mode in listed if mode.isascii() and mode.isdigit() and int(mode) in known]
    first = listed[0] if listed else "any"
    quality = known[modes[0]] if modes and first != "any" else None
    return Wishes(vbr, quality, takes_all=not modes or "any" in listed)


class _Bits(ctypes.Structure):
    _fields_ = (
        ("chars", ctypes.c_void_p), ("nb_bits", ctypes.c_int), ("char_ptr", ctypes.c_int), ("bit_ptr", ctypes.c_int),
        ("owner", ctypes.c_int), ("overflow", ctypes.c_int), ("buf_size", ctypes.c_int), ("reserved1", ctypes.c_int),
        ("reserved2", ctypes.c_void_p),
    )  # fmt: skip


@cache
def library() -> ctypes.CDLL | None:
    """libspeex with its functions declared; None where it is missing."""
    found = find_library("libspeex.so.1", "speex")
    if found is None:
        return None
    pointer, bits, integer_ = ctypes.c_void_p, ctypes.POINTER(_Bits), ctypes.c_int
    for name, result, arguments in (
        ("speex_lib_get_mode", pointer, (integer_,)),
        ("speex_bits_init", None, (bits,)),
        ("speex_bits_destroy", None, (bits,)),
        ("speex_bits_reset", None, (bits,)),
        ("speex_bits_read_from", None, (bits, ctypes.c_char_p, integer_)),
        ("speex_bits_write", integer_, (bits, ctypes.c_char_p, integer_)),
        ("speex_bits_remaining", integer_, (bits,)),
        ("speex_encoder_init", pointer, (pointer,)),
        ("speex_encoder_destroy", None, (pointer,)),
        ("speex_encoder_ctl", integer_, (pointer, integer_, pointer)),
        ("speex_encode_int", integer_, (pointer, ctypes.c_char_p, bits)),
        ("speex_decoder_init", pointer, (pointer,)),
        ("speex_decoder_destroy", None, (pointer,)),
        ("speex_decoder_ctl", integer_, (pointer, integer_, pointer)),
        ("speex_decode_int", integer_, (pointer, bits, ctypes.c_char_p)),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


class _Coder:
    """A state of the library with its bit buffer, freed with its owner."""

    __slots__ = ("_bits", "_control", "_destroy", "_library", "_state", "frame_bytes")

    def __init__(self, side: str, mode: int) -> None:
        found = library()
        if found is None:
            raise OSError("libspeex is not installed")
        self._library: Any = found
        self._destroy = getattr(found, f"speex_{side}_destroy")
        self._control = getattr(found, f"speex_{side}_ctl")
        self._bits = _Bits()
        found.speex_bits_init(ctypes.byref(self._bits))
        self._state = getattr(found, f"speex_{side}_init")(found.speex_lib_get_mode(mode))
        size = ctypes.c_int()
        self._control(self._state, _GET_FRAME_SIZE, ctypes.byref(size))
        self.frame_bytes = 2 * size.value

    def _set(self, request: int, value: int | float) -> None:
        held = ctypes.c_float(value) if isinstance(value, float) else ctypes.c_int(value)
        self._control(self._state, request, ctypes.byref(held))

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._destroy(self._state)
            self._library.speex_bits_destroy(ctypes.byref(self._bits))


class Decoder(_Coder):
    """One stream of Speex to signed linear; a payload may hold several frames, of a second at the most.

    The library writes a line to the standard error for what is no Speex. So a payload that is none is followed by a pause, in
    which nothing is decoded; pauses double while that goes on, and become shorter with
    each payload that is one.
    """

    __slots__ = ("_pause", "_unheard")

    def __init__(self, mode: int) -> None:
        super().__init__("decoder", mode)
        self._set(_SET_ENH, int(settings.enhancement))
        self._pause = _PAUSE
        #: payloads that are left out yet
        self._unheard = 0

    def __call__(self, data: bytes) -> bytes:
        if not data or len(data) > _MAX_BYTES:
            return b""
        if self._unheard:
            self._unheard -= 1
            return b""
        bits = ctypes.byref(self._bits)
        self._library.speex_bits_read_from(bits, data, len(data))
        audio = b""
        samples = ctypes.create_string_buffer(self.frame_bytes)
        for _ in range(_MOST_FRAMES):
            if self._library.speex_bits_remaining(bits) < 5:
                break
            result = self._library.speex_decode_int(self._state, bits, samples)
            if result == _NO_SPEEX:
                self._unheard = self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                return audio
            if result != 0:  # the end of the payload
                break
            audio += samples.raw
        self._pause = max(self._pause - 1, _PAUSE)
        return audio

    def conceal(self, samples: int, following: bytes | None) -> bytes:
        """Sound in place of lost frames, 20 ms each."""
        audio = b""
        for _ in range(2 * samples // self.frame_bytes):
            made = ctypes.create_string_buffer(self.frame_bytes)
            self._library.speex_decode_int(self._state, None, made)
            audio += made.raw
        return audio


class Encoder(_Coder):
    """One stream of signed linear to Speex, 20 ms a frame; a payload holds what came at once.

    ``wanted`` is what its receiver asks for; where it says nothing, codecs.conf counts. Who takes some modes only gets no
    variable bit rate and no frames for silence, which use others.
    """

    __slots__ = ("_dtx", "_preprocessor", "_rate", "gatherer", "samples_left_out", "samples_made")

    def __init__(self, mode: int, wanted: Wishes = Wishes()) -> None:  # noqa: B008 - it cannot be changed
        super().__init__("encoder", mode)
        self.gatherer = Gatherer(self.frame_bytes)
        #: samples of the last payload
        self.samples_made = 0
        #: samples that the last call left out, as they are silence
        self.samples_left_out = 0
        options = settings
        self._rate = 8000 << mode
        is_free = wanted.takes_all
        self._dtx = options.dtx and is_free
        self._preprocessor = _preprocessor(options)
        self._set(_SET_COMPLEXITY, options.complexity)
        if is_free and (wanted.vbr == "on" or (options.vbr and not wanted.vbr)):
            self._set(_SET_VBR, 1)
            self._set(_SET_VBR_QUALITY, float(options.vbr_quality if wanted.quality is None else wanted.quality))
        else:
            self._set(_SET_QUALITY, options.quality if wanted.quality is None else wanted.quality)
        if options.abr and is_free and wanted.vbr in ("", "on") and wanted.quality is None:
            self._set(_SET_ABR, options.abr)
        if is_free and (wanted.vbr == "vad" or (options.vad and wanted.vbr != "off")):
            self._set(_SET_VAD, 1)
        if self._dtx:
            self._set(_SET_DTX, 1)

    def __call__(self, data: bytes) -> bytes:
        bits = ctypes.byref(self._bits)
        blocks = self.gatherer.blocks(data)
        self.samples_made = len(blocks) * self.frame_bytes // 2
        self._library.speex_bits_reset(bits)
        is_sent = False
        # the frames of a payload follow one another bit by bit; only the last is filled up (RFC 5574 section 3.3)
        for block in blocks:
            is_voice = True
            if self._preprocessor is not None:
                block = self._preprocessor.process(block, self._rate)
                is_voice = self._preprocessor.is_voice
            samples = ctypes.create_string_buffer(block, self.frame_bytes)  # the library works in place
            is_sent |= bool(self._library.speex_encode_int(self._state, samples, bits)) and is_voice
        self.samples_left_out = 0
        if not blocks or not (is_sent or not self._dtx):
            self.samples_left_out = self.samples_made
            return b""
        payload = ctypes.create_string_buffer(_MAX_BYTES)
        size = self._library.speex_bits_write(bits, payload, _MAX_BYTES)
        return payload.raw[:size]


def _preprocessor(options: SpeexOptions) -> Preprocessor | None:
    """What works on the sound of an encoder first; None for nothing."""
    if not options.preprocess or speexdsp.library() is None:
        return None
    made = Preprocessor()
    made.removes_noise = options.pp_denoise
    made.gain_level = options.pp_agc_level if options.pp_agc else 0.0
    made.reverberation = (options.pp_dereverb_level, options.pp_dereverb_decay) if options.pp_dereverb else None
    made.finds_voice = options.pp_vad
    return None if made.is_idle else made


#: what codecs.conf says; encoders that are open keep what they began with
settings = SpeexOptions()


def _encode(mode: int, _source: Format, destination: Format) -> Encoder:
    fmtp = destination.attributes.get(FMTP, "")
    return Encoder(mode, wishes(fmtp, mode)) if fmtp else Encoder(mode)


def _pair(name: str, plain: str, coded: Format, linear: Format, mode: int) -> tuple[TranslatorSpec, TranslatorSpec]:
    return (
        TranslatorSpec(name=f"{name}to{plain}", source=coded, destination=linear, open=partial(Decoder, mode), conceals=True),
        TranslatorSpec(
            name=f"{plain}to{name}",
            source=linear,
            destination=coded,
            open=partial(Encoder, mode),
            open_for=partial(_encode, mode),
        ),
    )


SPEEX_TO_LIN, LIN_TO_SPEEX = _pair("speex", "lin", speex, slin, 0)
SPEEXWB_TO_LIN16, LIN16_TO_SPEEXWB = _pair("speexwb", "lin16", speex16, slin16, 1)
SPEEXUWB_TO_LIN32, LIN32_TO_SPEEXUWB = _pair("speexuwb", "lin32", speex32, slin32, 2)


def load(system: System) -> None:
    """Decline where the library is missing; else read codecs.conf."""
    if library() is None:
        raise ModuleDeclined("libspeex is not installed (Debian: libspeex1)")
    reload(system)


def reload(system: System) -> None:
    """Read ``[speex]`` of codecs.conf for encoders made from now on."""
    global settings
    settings = codec_options(system, "speex", SpeexOptions, logger)
    if settings.preprocess and speexdsp.library() is None:
        logger.warning("codecs.conf: preprocess of [speex] needs libspeexdsp, which is not installed (Debian: libspeexdsp1)")

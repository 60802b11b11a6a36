"""AMR (8 kHz) and AMR-WB (16 kHz) to and from signed linear, in both ways of packing (RFC 4867)."""

from __future__ import annotations

from functools import partial

from globstar.core.format import FMTP, EncoderWish, Format, amr, amr_efficient, amrwb, amrwb_efficient, slin, slin16
from globstar.core.loader import ModuleDeclined
from globstar.core.translate import TranslatorSpec
from globstar.dsp import amr as coders
from globstar.dsp.clibrary import Gatherer
from globstar.proto.rtp.amr import MAX_FRAMES, NARROW_BITS, NO_DATA, WIDE_BITS, file_frame, pack, unpack
from globstar.proto.sdp.amr import change_period, changes_stepwise, modes

_ALIGNED = (amr, amrwb)
#: The highest modes, for whoever allows all: 12.2 and 23.85 kbit/s.
_BEST_NARROW, _BEST_WIDE = 7, 8
#: In a frame's first octet: its bits arrived in good order.
_GOOD = 4
#: What stands for a frame that did not arrive.
_LOST = file_frame(NO_DATA, b"")


class Decoder:
    """One stream of packets to signed linear; a packet may hold several frames."""

    __slots__ = ("_bits", "_decode", "_frame_bytes", "_is_aligned")

    def __init__(self, format: Format) -> None:
        is_wide = format.sample_rate == 16000
        self._is_aligned = format in _ALIGNED
        self._bits = WIDE_BITS if is_wide else NARROW_BITS
        self._decode = coders.WideDecoder() if is_wide else coders.NarrowDecoder()
        self._frame_bytes = format.sample_rate // 50 * 2

    def __call__(self, data: bytes) -> bytes:
        frames = unpack(data, self._bits, is_aligned=self._is_aligned)
        return b"".join([self._decode(frame if frame[0] & _GOOD else _LOST) for frame in frames or ()])


class ConcealingDecoder(Decoder):
    """One at 8 kHz. What the library of 16 kHz makes up for lost frames is all but silence; signed linear has better."""

    __slots__ = ()

    def conceal(self, samples: int, following: bytes | None) -> bytes:
        """Sound in place of lost frames, 20 ms each."""
        count = min(2 * samples // self._frame_bytes, MAX_FRAMES)
        return b"".join([self._decode(_LOST) for _ in range(count)])


class Encoder:
    """One stream of signed linear to packets, one of all that comes at once.

    In the mode that the other side asks for meanwhile (``wish``), without such a wish in the best one that it takes.
    """

    __slots__ = (
        "_bits",
        "_encode",
        "_frames",
        "_is_aligned",
        "_is_stepwise",
        "_mode",
        "_modes",
        "_period",
        "_samples",
        "_wish",
        "gatherer",
        "samples_made",
    )  # fmt: skip

    def __init__(self, format: Format, fmtp: str = "", wish: EncoderWish | None = None) -> None:
        is_wide = format.sample_rate == 16000
        best = _BEST_WIDE if is_wide else _BEST_NARROW
        self._is_aligned = format.codec in (one.codec for one in _ALIGNED)
        self._bits = WIDE_BITS if is_wide else NARROW_BITS
        self._encode = coders.WideEncoder() if is_wide else coders.NarrowEncoder()
        self._modes = tuple(mode for mode in modes(fmtp) if mode <= best) or tuple(range(best + 1))
        self._wish = wish
        self._mode = self._wanted_mode()
        self._period = change_period(fmtp)
        self._is_stepwise = changes_stepwise(fmtp)
        self._frames = 0
        self._samples = format.sample_rate // 50
        self.gatherer = Gatherer(2 * self._samples)
        #: samples of the last packet
        self.samples_made = 0

    def __call__(self, data: bytes) -> bytes:
        blocks = self.gatherer.blocks(data)[-MAX_FRAMES:]
        self.samples_made = len(blocks) * self._samples
        if not blocks:
            return b""
        return pack([self._encode(block, self._next_mode()) for block in blocks], self._bits, is_aligned=self._is_aligned)

    def _wanted_mode(self) -> int:
        wish = self._wish
        return wish.mode if wish is not None and wish.mode in self._modes else self._modes[-1]

    def _next_mode(self) -> int:
        """The mode of the next frame."""
        if self._wish is not None:
            wanted = self._wanted_mode()
            if wanted != self._mode and self._frames % self._period == 0:
                if self._is_stepwise:
                    place = self._modes.index(self._mode)
                    wanted = self._modes[place + 1 if wanted > self._mode else place - 1]
                self._mode = wanted
            self._frames += 1
        return self._mode


def _encode(source: Format, destination: Format) -> Encoder:
    return Encoder(destination, destination.attributes.get(FMTP, ""), destination.wish)


def _pair(name: str, coded: Format, plain: str, linear: Format) -> tuple[TranslatorSpec, TranslatorSpec]:
    decoder = ConcealingDecoder if linear is slin else Decoder
    conceals = decoder is ConcealingDecoder
    return (
        TranslatorSpec(
            name=f"{name}to{plain}", source=coded, destination=linear, open=partial(decoder, coded), conceals=conceals
        ),
        TranslatorSpec(name=f"{plain}to{name}", source=linear, destination=coded, open=partial(Encoder, coded), open_for=_encode),
    )


AMR_TO_LIN, LIN_TO_AMR = _pair("amr", amr, "lin", slin)
AMR_EFFICIENT_TO_LIN, LIN_TO_AMR_EFFICIENT = _pair("amrefficient", amr_efficient, "lin", slin)
AMRWB_TO_LIN16, LIN16_TO_AMRWB = _pair("amrwb", amrwb, "lin16", slin16)
AMRWB_EFFICIENT_TO_LIN16, LIN16_TO_AMRWB_EFFICIENT = _pair("amrwbefficient", amrwb_efficient, "lin16", slin16)


async def load(system: object) -> None:
    """Decline where a library is missing."""
    for library, package in (
        (coders.narrow_library, "libopencore-amrnb0"),
        (coders.wide_decoder, "libopencore-amrwb0"),
        (coders.wide_encoder, "libvo-amrwbenc0"),
    ):
        if library() is None:
            raise ModuleDeclined(f"{package.removesuffix('0')} is not installed (Debian: {package})")

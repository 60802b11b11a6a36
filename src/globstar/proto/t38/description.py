"""The attributes of an ``m=image ... udptl t38`` line (ITU-T T.38 table D.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Correction(Enum):
    """``T38FaxUdpEC``: what makes good for lost packets."""

    NONE = ""
    FEC = "t38UDPFEC"
    REDUNDANCY = "t38UDPRedundancy"


_CORRECTIONS = {correction.value.lower(): correction for correction in Correction if correction.value}


@dataclass(frozen=True, slots=True)
class FaxDescription:
    """What one side of a fax can do; bits per second and octets. 0 leaves a limit out."""

    version: int = 0
    max_bit_rate: int = 14400
    fill_bit_removal: bool = False
    transcoding_mmr: bool = False
    transcoding_jbig: bool = False
    #: the training check is made by each side (localTCF) instead of being sent through (transferredTCF)
    local_training: bool = False
    max_buffer: int = 0
    max_datagram: int = 400
    correction: Correction = Correction.NONE

    @staticmethod
    def parse(attributes: Iterable[tuple[str, str | None]]) -> FaxDescription:
        """Read attributes by name (in any case) and value; what cannot be read keeps its default."""
        found: dict[str, str | None] = {}
        for name, value in attributes:
            found.setdefault(name.lower(), value)
        plain = FaxDescription()
        return FaxDescription(
            version=_number(found.get("t38faxversion"), plain.version),
            max_bit_rate=_number(found.get("t38maxbitrate"), plain.max_bit_rate),
            fill_bit_removal=_flag(found, "t38faxfillbitremoval"),
            transcoding_mmr=_flag(found, "t38faxtranscodingmmr"),
            transcoding_jbig=_flag(found, "t38faxtranscodingjbig"),
            local_training=(found.get("t38faxratemanagement") or "").strip().lower() == "localtcf",
            max_buffer=_number(found.get("t38faxmaxbuffer"), 0),
            max_datagram=_number(found.get("t38faxmaxdatagram"), plain.max_datagram),
            correction=_CORRECTIONS.get((found.get("t38faxudpec") or "").strip().lower(), Correction.NONE),
        )

    def attributes(self) -> list[tuple[str, str | None]]:
        """Names and values in the usual order."""
        lines: list[tuple[str, str | None]] = [
            ("T38FaxVersion", str(self.version)),
            ("T38MaxBitRate", str(self.max_bit_rate)),
        ]
        for name, is_set in (
            ("T38FaxFillBitRemoval", self.fill_bit_removal),
            ("T38FaxTranscodingMMR", self.transcoding_mmr),
            ("T38FaxTranscodingJBIG", self.transcoding_jbig),
        ):
            if is_set:
                lines.append((name, None))
        lines.append(("T38FaxRateManagement", "localTCF" if self.local_training else "transferredTCF"))
        if self.max_buffer:
            lines.append(("T38FaxMaxBuffer", str(self.max_buffer)))
        if self.max_datagram:
            lines.append(("T38FaxMaxDatagram", str(self.max_datagram)))
        if self.correction is not Correction.NONE:
            lines.append(("T38FaxUdpEC", self.correction.value))
        return lines


def _number(text: str | None, default: int) -> int:
    plain = (text or "").strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 9 else default


def _flag(found: dict[str, str | None], name: str) -> bool:
    """Present means yes, unless the value says 0 (older gateways write ``:1`` and ``:0``)."""
    return name in found and (found[name] or "1").strip() != "0"

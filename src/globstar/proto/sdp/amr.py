"""AMR and AMR-WB: the parameters that both sides must have alike (RFC 4867 section 8.3)."""

from __future__ import annotations

from globstar.proto.sdp.video import parameters

AMR_NAMES = ("AMR", "AMR-WB")
#: Ways of packing that are not spoken here; a payload type that asks for one cannot be used.
_UNKNOWN = ("crc", "robust-sorting", "interleaving")


#: We can keep periods between changes of the mode.
_CAPABILITY = "mode-change-capability=2"


def is_usable(fmtp: str) -> bool:
    """Whether packets with these parameters can be read and written."""
    found = parameters(fmtp)
    return all(found.get(name, "0") == "0" for name in _UNKNOWN)


def is_aligned(fmtp: str) -> bool:
    """Whether packets are octet-aligned."""
    return parameters(fmtp).get("octet-align") == "1"


def modes(fmtp: str) -> tuple[int, ...]:
    """The modes that may be sent, in order; empty for all."""
    wanted = parameters(fmtp).get("mode-set", "")
    named = (mode.strip() for mode in wanted.split(","))
    return tuple(sorted({int(mode) for mode in named if len(mode) <= 2 and mode.isascii() and mode.isdigit()}))


def change_period(fmtp: str) -> int:
    """Between changes of the mode that is sent there must be so many frames, or a multiple of it."""
    return 2 if parameters(fmtp).get("mode-change-period") == "2" else 1


def changes_stepwise(fmtp: str) -> bool:
    """Whether the mode that is sent may change only to the next one, up or down, of those that may be sent."""
    return parameters(fmtp).get("mode-change-neighbor") == "1"


def offered(fmtp: str) -> str:
    """What an offer says: these parameters, and that we keep periods between changes of the mode, as gateways to GSM need it."""
    if "mode-change-capability" in parameters(fmtp):
        return fmtp
    return f"{fmtp}; {_CAPABILITY}" if fmtp else _CAPABILITY


def answered(fmtp: str) -> str:
    """What an answer says to an offer with these parameters: the same packing and the same modes.

    Who speaks of periods between changes of the mode is told that we keep them.
    """
    found = parameters(fmtp)
    parts = [f"{name}={found[name]}" for name in ("octet-align", "mode-set") if found.get(name)]
    if "mode-change-period" in found or "mode-change-capability" in found:
        parts.append(_CAPABILITY)
    return "; ".join(parts)

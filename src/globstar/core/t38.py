"""What a T38_PARAMETERS control frame says: one side of a call wants to fax, or how the other answered."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.core.frame import T38Control


@dataclass(frozen=True, slots=True)
class T38Parameters:
    """``request`` is the question or the answer; the others are what the asking or answering side can do.

    ``max_bit_rate`` is in bits per second, ``max_datagram`` in octets.
    """

    request: T38Control
    version: int = 0
    max_bit_rate: int = 14400
    max_datagram: int = 400
    local_training: bool = False
    fill_bit_removal: bool = False
    transcoding_mmr: bool = False
    transcoding_jbig: bool = False

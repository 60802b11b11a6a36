"""What the mixer reads and writes: encodings of payloads, and the arrays between them."""

from __future__ import annotations

from enum import Enum

import numpy as np
import numpy.typing as npt

#: one row of 16 bit samples for each who speaks
Rows = npt.NDArray[np.int16]
#: samples of a sum, or rows of such: wider than 16 bits
Sums = npt.NDArray[np.int32]
#: a factor for each row
Factors = npt.NDArray[np.float32]


class Encoding(Enum):
    """What the mixer reads and writes by itself."""

    LINEAR = "linear"
    ULAW = "ulaw"
    ALAW = "alaw"

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample."""
        return 2 if self is Encoding.LINEAR else 1

"""AES with keys of 128 bits (FIPS 197), one block at a time: for short texts of the dialplan, not for media."""

from __future__ import annotations

BLOCK = 16


def _double(value: int) -> int:
    """Multiply by x in the field of FIPS 197 section 4.2."""
    return (value << 1 ^ 0x1B) & 0xFF if value & 0x80 else value << 1


def _multiply(left: int, right: int) -> int:
    result = 0
    while right:
        if right & 1:
            result ^= left
        left = _double(left)
        right >>= 1
    return result


def _substitution() -> bytes:
    """The S-box: the inverse in the field, then the affine map (FIPS 197 section 5.1.1)."""
    box = bytearray(256)
    inverse = [0] * 256
    for value in range(1, 256):
        if not inverse[value]:
            other = next(other for other in range(1, 256) if _multiply(value, other) == 1)
            inverse[value], inverse[other] = other, value
    for value in range(256):
        source = inverse[value]
        result = 0x63
        for turn in range(5):
            result ^= (source << turn | source >> (8 - turn)) & 0xFF
        box[value] = result
    return bytes(box)


class _Tables:
    """Tables of the cipher, made when first needed."""

    box = b""
    inverse_box = b""
    times: dict[int, bytes]

    @classmethod
    def make(cls) -> None:
        if cls.box:
            return
        box = _substitution()
        cls.inverse_box = bytes(box.index(value) for value in range(256))
        cls.times = {factor: bytes(_multiply(value, factor) for value in range(256)) for factor in (2, 3, 9, 11, 13, 14)}
        cls.box = box


#: Where each byte of the state (column by column) comes from when rows are shifted, and shifted back.
_SHIFTED = tuple((index + 4 * (index % 4)) % BLOCK for index in range(BLOCK))
_UNSHIFTED = tuple((index - 4 * (index % 4)) % BLOCK for index in range(BLOCK))


class Aes128:
    """A key, ready to encrypt and decrypt blocks of 16 bytes."""

    __slots__ = ("_round_keys",)

    def __init__(self, key: bytes) -> None:
        if len(key) != BLOCK:
            raise ValueError(f"a key has {BLOCK} bytes, not {len(key)}")
        _Tables.make()
        words = [key[start : start + 4] for start in range(0, BLOCK, 4)]
        constant = 1
        for index in range(4, 44):
            word = words[-1]
            if index % 4 == 0:
                word = (word[1:] + word[:1]).translate(_Tables.box)
                word = bytes([word[0] ^ constant]) + word[1:]
                constant = _double(constant)
            words.append(_xor(words[-4], word))
        self._round_keys = [b"".join(words[start : start + 4]) for start in range(0, 44, 4)]

    def encrypt(self, block: bytes) -> bytes:
        """One block encrypted (FIPS 197 section 5.1)."""
        keys = self._round_keys
        state = _xor(block, keys[0])
        for number in range(1, 11):
            state = state.translate(_Tables.box)
            state = bytes([state[index] for index in _SHIFTED])
            if number < 10:
                state = _mix(state, (2, 3, 1, 1))
            state = _xor(state, keys[number])
        return state

    def decrypt(self, block: bytes) -> bytes:
        """One block decrypted (FIPS 197 section 5.3)."""
        keys = self._round_keys
        state = _xor(block, keys[10])
        for number in range(9, -1, -1):
            state = bytes([state[index] for index in _UNSHIFTED])
            state = _xor(state.translate(_Tables.inverse_box), keys[number])
            if number:
                state = _mix(state, (14, 11, 13, 9))
        return state


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes([a ^ b for a, b in zip(left, right)])


def _mix(state: bytes, factors: tuple[int, int, int, int]) -> bytes:
    """Multiply each column by the matrix whose first row is given."""
    times = _Tables.times
    mixed = bytearray()
    for start in range(0, BLOCK, 4):
        for row in range(4):
            value = 0
            for column in range(4):
                factor = factors[(column - row) % 4]
                byte = state[start + column]
                value ^= byte if factor == 1 else times[factor][byte]
            mixed.append(value)
    return bytes(mixed)

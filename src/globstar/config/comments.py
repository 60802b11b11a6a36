"""Comments of the .conf syntax: `;` to the end of the line, `;-- --;` blocks, `\\;` for a literal semicolon."""

from __future__ import annotations

# What Asterisk strips from both ends of names, values and lines: every character up to the space.
BLANKS = "".join(map(chr, range(33)))


class CommentStripper:
    """Takes lines in order and returns each without its comments; remembers open blocks in between.

    A block starts at `;--` (but not at `;---`, which is an ordinary comment), nests, and ends at `--;`;
    what follows the end on the same line counts.
    """

    __slots__ = ("depth", "opened_at")

    def __init__(self) -> None:
        self.depth = 0
        self.opened_at = 0

    def strip(self, line: str, number: int) -> str:
        """Return what remains of line `number`, without blanks at its ends."""
        if not self.depth and ";" not in line:
            return line.strip(BLANKS)
        kept: list[str] = []
        start = position = 0
        while True:
            position = line.find(";", position)
            if self.depth:
                position = self._skip_block(line, start if position < 0 else min(start, position))
                if position < 0:
                    break
                start = position
                continue
            if position < 0:
                kept.append(line[start:])
                break
            if position > start and line[position - 1] == "\\":
                kept.append(line[start : position - 1])
                start = position
                position += 1
            elif line.startswith("--", position + 1) and not line.startswith("-", position + 3):
                kept.append(line[start:position])
                self.depth = 1
                self.opened_at = number
                start = position = position + 3
            else:
                kept.append(line[start:position])
                break
        return "".join(kept).strip(BLANKS)

    def _skip_block(self, line: str, position: int) -> int:
        """Return the index behind the end of the open block, or -1 when the block goes on after the line."""
        while self.depth:
            position = line.find(";", position)
            if position < 0:
                return -1
            if line.startswith("--", position - 2) and position >= 2:
                self.depth -= 1
                position += 1
            elif line.startswith("--", position + 1) and not line.startswith("-", position + 3):
                self.depth += 1
                position += 3
            else:
                position += 1
        return position

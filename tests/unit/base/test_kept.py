"""Properties that are worked out once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from globstar.base.kept import kept


@dataclass(frozen=True)
class _Square:
    side: int
    asked: list[int]

    @kept
    def area(self) -> int:
        """Its area."""
        self.asked.append(self.side)
        if self.side < 0:
            raise ValueError("no square")
        return self.side**2


def test_it_is_worked_out_once_for_each_object() -> None:
    asked: list[int] = []
    three, four = _Square(3, asked), _Square(4, asked)
    assert asked == []
    assert (three.area, four.area, three.area, four.area) == (9, 16, 9, 16)
    assert asked == [3, 4]


def test_it_changes_neither_equality_nor_the_text_of_a_value() -> None:
    used, fresh = _Square(3, []), _Square(3, [3])
    assert used.area == 9
    assert used == fresh
    assert repr(used) == repr(fresh)


def test_an_error_is_not_kept() -> None:
    square = _Square(-1, [])
    for tries in (1, 2):
        with pytest.raises(ValueError, match="no square"):
            _ = square.area
        assert square.asked == [-1] * tries


def test_what_is_kept_can_be_set_and_forgotten() -> None:
    square = _Square(3, [])
    square.__dict__["area"] = 10
    assert square.area == 10
    del square.__dict__["area"]
    assert square.area == 9


def test_the_class_tells_what_it_is() -> None:
    assert _Square.area.__doc__ == "Its area."

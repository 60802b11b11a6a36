"""Properties that are worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class kept(Generic[Owner, Value]):  # noqa: N801 - a decorator, written as property is
    """A property that is worked out when it is first asked for, and then stands in the object's ``__dict__`` under its name.

    It is ``functools.cached_property`` without the lock, which costs more there (in Python 3.11) than what is kept mostly does:
    for objects that only one thread uses, or whose properties come out the same whoever asks.
    """

    def __init__(self, work_out: Callable[[Owner], Value]) -> None:
        self._work_out = work_out
        self._name = work_out.__name__
        self.__doc__ = work_out.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Owner]) -> Self: ...
    @overload
    def __get__(self, owner: Owner, kind: type[Owner]) -> Value: ...
    def __get__(self, owner: Owner | None, kind: type[Owner]) -> Self | Value:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._work_out(owner)
        return value

    if TYPE_CHECKING:  # what stands in ``__dict__`` may be set, and is found there before this is asked

        def __set__(self, owner: Any, value: Value) -> None: ...

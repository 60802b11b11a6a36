"""One seed for every random number of a run, so that two runs are the same."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from globstar.base.chance import forget_pools


@contextmanager
def seeded_chance(seed: int) -> Iterator[None]:
    """Tags, ids and whatever else is random follow ``seed`` inside the block, in the whole process; nothing in it is a secret."""
    source = random.Random(seed)
    modules: list[Any] = [os, random]
    names = ("urandom", "_urandom")
    before = [getattr(module, name) for module, name in zip(modules, names, strict=True)]
    state = random.getstate()
    for module, name in zip(modules, names, strict=True):
        setattr(module, name, source.randbytes)
    random.seed(seed)
    forget_pools()
    try:
        yield
    finally:
        for module, name, function in zip(modules, names, before, strict=True):
            setattr(module, name, function)
        random.setstate(state)
        forget_pools()

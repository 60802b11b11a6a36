"""No arguments whatever make a function raise anything but FunctionError, and what it gives is text."""

from __future__ import annotations

import random

import pytest

from globstar.core.functions import FunctionError
from globstar.core.registry import FunctionSpec
from tests.unit.modules.funcs.conftest import Dialplan

pytestmark = [pytest.mark.virtual_time, pytest.mark.leaks_threads]  # the system's own, which ends with the fixture

PIECES = [
    "", ",", ",,", "-", "--1", "+", "0", "1", "-1", "9999999999999999999999999", "1e999", "0x10", "²", "٣", "é", "\udcff",
    "\0", "\n", " ", '"', "\\", "\\x", "\\8", "(", ")", "[", "]", "{", "}", "${", "$[", "%", "%s", "%n", "%9999d", "%.999f",
    "%d", "%c", "*", "?", ":", "@", "/", "&", "=", "<", ">", "^", "V", "L", "NONE", "HASH(h)", "CALLERID(all)",
    "CHANNEL(x)", "all", "num", "name", "pres", "num-plan", "priv-", "dnid-", "ani", "from-num", "tx", "p", "i", "e", "add",
    "del", "UTC", "%Y-%m-%d", "2024-03-05", "value", "Custom:x", "CustomPresence:x", "default", "s", "a-z", "z-a", "int",
    "hex", "char", "AND", "<<", ">>", "**", "true", "a.b.0", "utf-8", "latin1//IGNORE", "digits", "number", "money",
    "ordinal",
]  # fmt: skip
ROUNDS = 300


def of_the_function_modules(dialplan: Dialplan) -> list[FunctionSpec]:
    """The functions of func_* that do not wait."""
    return [spec for spec in dialplan.system.function_registry if spec.module.startswith("func_") and not spec.is_blocking]


async def test_reading_and_writing_with_hostile_arguments(dialplan: Dialplan) -> None:
    chance = random.Random(1)
    specs = [spec for spec in of_the_function_modules(dialplan) if spec.name != "ENV"]
    assert len(specs) > 90
    for spec in specs:
        for _ in range(ROUNDS):
            for name, _value in list(dialplan.channel.variables):
                dialplan.channel.variables.delete(name)
            dialplan.channel.set_variable("L", "a,b,c")
            dialplan.channel.set_variable("V", '{"a":{"b":[1]}}')
            args = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 7)))
            value = "".join(chance.choice(PIECES) for _ in range(chance.randint(0, 4)))
            try:
                if spec.read is not None:
                    result = spec.read(dialplan.channel, args)
                    assert result is None or isinstance(result, str), (spec.name, args)
                if spec.write is not None:
                    assert spec.write(dialplan.channel, args, value) is None, (spec.name, args)
            except FunctionError:
                continue
            except Exception as error:
                raise AssertionError(f"{spec.name}({args!r})={value!r} raised {error!r}") from error


async def test_reading_without_a_channel(dialplan: Dialplan) -> None:
    """As the CLI and AMI do."""
    for spec in of_the_function_modules(dialplan):
        for args in ("", "a", "a,b,c"):
            try:
                if spec.read is not None:
                    spec.read(None, args)
                if spec.write is not None and spec.name != "ENV":
                    spec.write(None, args, "1")
            except FunctionError:
                continue

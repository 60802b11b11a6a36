"""CDR() and CDR_PROP()."""

from __future__ import annotations

import pytest

from tests.support.callrecords import collect
from tests.support.dialling import variable
from tests.support.testtech import World

pytestmark = pytest.mark.virtual_time


async def run(*steps: str, cdr_conf: str = "[general]\nenable=yes\nunanswered=yes\n") -> World:
    """A world in which alice went through ``steps``."""
    plan = "[default]\nexten => 1,1,Answer()\n" + "".join(f"same => n,{step}\n" for step in steps)
    world = await World.start(plan, files={"cdr.conf": cdr_conf})
    world.records = collect(world)  # type: ignore[attr-defined]
    world.phone("alice", "100", "Alice").dials("1")
    await world.all_gone()
    return world


async def values(world: World, name: str) -> list[str]:
    return variable(world, world.tech.phones["alice"].legs[0], name)


async def test_reading_fields_with_options() -> None:
    steps = (
        "Wait(2.5)",
        "Set(r=${CDR(billsec)}/${CDR(billsec,f)}/${CDR(DISPOSITION)}/${CDR(disposition,u)}/${CDR(none)}/${CDR()})",
    )
    async with await run(*steps) as world:
        assert await values(world, "r") == ["3/3.000000/NO ANSWER/1//"]


async def test_writing_the_user_field_and_variables() -> None:
    steps = ("Set(CDR(UserField)=one)", "Set(CDR(Colour)=blue)", "Set(r=${CDR(userfield)},${CDR(Colour)},${CDR(colour)})")
    async with await run(*steps) as world:
        assert await values(world, "r") == ["one,blue,"]
        (record,) = world.records  # type: ignore[attr-defined]
        assert (record.userfield, record.variables["Colour"]) == ("one", "blue")


async def test_tenants() -> None:
    async with await run("Set(CHANNEL(tenantid)=t1)", "Set(r=${CDR(tenantid)},${CDR(peertenantid)})") as world:
        assert await values(world, "r") == ["t1,"]
        (record,) = world.records  # type: ignore[attr-defined]
        assert (record.tenantid, record.peertenantid) == ("t1", "")


async def test_old_forms_set_the_channel_and_are_told() -> None:
    steps = (
        "Set(CDR(accountcode)=sales)",
        "Set(CDR(amaflags)=OMIT)",
        "Set(CDR(amaflags)=9)",
        "Set(CDR(peeraccount)=x)",
        "Set(CDR()=x)",
    )
    async with await run(*steps) as world:
        (record,) = world.records  # type: ignore[attr-defined]
        assert (record.account_code, record.amaflags, record.peeraccount) == ("sales", "OMIT", "")
        for part in (
            "CDR(accountcode) is an old form",
            "CDR(amaflags) is an old form",
            "'9' is no AMA flag",
            "CDR(peeraccount)",
            "a name",
        ):
            assert any(part in warning for warning in world.warnings), part


async def test_other_fields_stay() -> None:
    async with await run("Set(CDR(src)=999)", "Set(r=${CDR(src)})") as world:
        assert await values(world, "r") == ["100"]


async def test_forked_records_are_set_together_and_the_newest_is_read() -> None:
    steps = ("ForkCDR()", "Set(CDR(colour)=blue)", "Set(r=${CDR(sequence)})")
    async with await run(*steps) as world:
        assert [record.variables.get("colour") for record in world.records] == ["blue", "blue"]  # type: ignore[attr-defined]
        assert await values(world, "r") == ["1"]


async def test_properties() -> None:
    async with await run("Set(CDR_PROP(disable)=1)") as world:
        assert world.records == []  # type: ignore[attr-defined]
    async with await run("Set(CDR_PROP(disable)=1)", "Set(CDR_PROP(disable)=0)") as world:
        assert len(world.records) == 1  # type: ignore[attr-defined]
    async with await run("Set(CDR_PROP(shape)=1)") as world:
        assert any("no property 'shape'" in warning for warning in world.warnings)


async def test_without_records_all_is_empty() -> None:
    steps = ("Set(CDR(userfield)=x)", "Set(CDR_PROP(disable)=1)", "Set(r=[${CDR(userfield)}])")
    async with await run(*steps, cdr_conf="[general]\nenable=no\n") as world:
        assert await values(world, "r") == ["[]"]
        assert world.system.functions.read(None, "CDR", "src") == ""

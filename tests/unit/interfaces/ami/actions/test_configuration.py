"""Reading and changing configuration files."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.config.source import FileSource
from tests.support.ami_world import AmiWorld, ami_world

pytestmark = pytest.mark.virtual_time

FILE = """; about this file
[base](!)
shared = yes
[one](base)
alpha = 1 ; kept
; a remark
alpha = 2
beta => old
[two]
x = 1
[two]
kind = other
"""


async def prepared(ami: AmiWorld, root: Path) -> Path:
    folder = root / "etc"
    folder.mkdir()
    (folder / "f.conf").write_text(FILE)
    (root / "secret.conf").write_text("[a]\nb=c\n")
    (folder / "link.conf").symlink_to(root / "secret.conf")
    ami.world.system.configuration.source = FileSource(folder)
    return folder


def changes(*steps: dict[str, str]) -> dict[str, str]:
    found = {"SrcFilename": "f.conf", "DstFilename": "f.conf"}
    for number, step in enumerate(steps):
        found.update({f"{name}__{number:06}": value for name, value in step.items()})
    return found


def body(folder: Path, name: str = "f.conf") -> list[str]:
    return [line for line in (folder / name).read_text().splitlines() if not line.startswith(";!")]


async def test_every_change_keeps_the_rest(tmp_path: Path) -> None:
    async with ami_world(tmp_path / "run") as ami:
        folder = await prepared(ami, tmp_path)
        answer = await ami.message("UpdateConfig", **changes(
            {"Action": "NewCat", "Cat": "three", "Options": 'template,inherit="base"'},
            {"Action": "Append", "Cat": "three", "Var": "k", "Value": ">v;w"},
            {"Action": "Update", "Cat": "one", "Var": "alpha", "Value": "9", "Match": "2"},
            {"Action": "Delete", "Cat": "one", "Var": "beta"},
            {"Action": "Insert", "Cat": "one", "Var": "first", "Value": "0", "Line": "0"},
            {"Action": "RenameCat", "Cat": "base", "Value": "ground"},
            {"Action": "DelCat", "Cat": "two", "Options": 'catfilter="kind=other"'},
            {"Action": "EmptyCat", "Cat": "two"},
        ))  # fmt: skip
        assert answer == "Success"
        assert body(folder) == [
            "; about this file", "[ground](!)", "shared = yes", "[one](ground)", "shared = yes", "first = 0",
            "alpha = 1\t; kept", "; a remark", "alpha = 9", "", "[two]", "[three](!,ground)", "k => v\\;w",
        ]  # fmt: skip
        for _ in range(2):
            assert await ami.message("UpdateConfig", **changes()) == "Success"
            assert body(folder).count("shared = yes") == 3  # once in each that has it, not once more with every writing


async def test_what_is_inherited_may_be_left_out_and_the_file_have_another_name(tmp_path: Path) -> None:
    async with ami_world(tmp_path / "run") as ami:
        folder = await prepared(ami, tmp_path)
        answer = await ami.message("UpdateConfig", **{**changes(), "DstFilename": "g.conf"}, PreserveEffectiveContext="no")
        assert answer == "Success"
        assert body(folder, "g.conf").count("shared = yes") == 1
        assert (folder / "f.conf").read_text() == FILE
        assert "(" + str(folder / "g.conf") + ")" in (folder / "g.conf").read_text()


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ({"Action": "Update", "Cat": "none", "Var": "a"}, "Given category does not exist"),
        ({"Action": "Update", "Cat": "one", "Var": "gamma", "Value": "1"}, "Update did not complete successfully"),
        ({"Action": "Update", "Cat": "one"}, "Problem with category, value, or line (if required)"),
        ({"Action": "Delete", "Cat": "one", "Line": "99"}, "Delete did not complete successfully"),
        ({"Action": "Insert", "Cat": "one", "Var": "a", "Value": "1"}, "Problem with category, value, or line (if required)"),
        ({"Action": "NewCat", "Cat": "one"}, "Create category did not complete successfully"),
        ({"Action": "NewCat", "Cat": "new", "Options": 'inherit="none"'}, "Template category not found"),
        ({"Action": "NewCat"}, "No category specified"),
        ({"Action": "Polish", "Cat": "one"}, "Unknown action command"),
        ({"Action": "Append", "Cat": "one", "Var": "#exec /bin/true"}, "Problem with category, value, or line (if required)"),
        ({"Action": "Append", "Cat": "one", "Var": "[evil]"}, "Problem with category, value, or line (if required)"),
        ({"Action": "NewCat", "Cat": "a](!)"}, "Problem with category, value, or line (if required)"),
        ({"Action": "DelCat", "Cat": "two", "Options": 'catfilter="("'}, "Failed to parse the filter"),
    ],
)
async def test_nothing_is_written_unless_all_can_be_done(tmp_path: Path, step: dict[str, str], problem: str) -> None:
    async with ami_world(tmp_path / "run") as ami:
        folder = await prepared(ami, tmp_path)
        good = {"Action": "Update", "Cat": "two", "Var": "x", "Value": "2"}
        assert await ami.message("UpdateConfig", **changes(good, step)) == f"Error: {problem}"
        assert (folder / "f.conf").read_text() == FILE


@pytest.mark.parametrize("name", ["../secret.conf", "/etc/passwd", "none.conf", "link.conf"])
async def test_files_outside_of_the_folder_are_not_written(tmp_path: Path, name: str) -> None:
    async with ami_world(tmp_path / "run") as ami:
        await prepared(ami, tmp_path)
        answer = await ami.message("UpdateConfig", SrcFilename=name, DstFilename=name)
        assert answer == "Error: File requires escalated privileges"
        assert (tmp_path / "secret.conf").read_text() == "[a]\nb=c\n"


async def test_getconfig_by_category_and_filter(tmp_path: Path) -> None:
    async with ami_world(tmp_path / "run") as ami:
        await prepared(ami, tmp_path)
        found = await ami.ask("GetConfig", Filename="f.conf", Filter="TEMPLATES=include,shared=^y")
        assert found[1:] == [
            "Category-000000: base", "IsTemplate-000000: 1", "Line-000000-000000: shared=yes",
            "Category-000001: one", "Templates-000001: base", "Line-000001-000000: shared=yes", "Line-000001-000001: alpha=1",
            "Line-000001-000002: alpha=2", "Line-000001-000003: beta=old",
        ]  # fmt: skip
        assert await ami.ask("GetConfig", Filename="f.conf", Category="two", Filter="kind=other") == [
            "Response: Success", "Category-000000: two", "Line-000000-000000: kind=other",
        ]  # fmt: skip
        shown = await ami.ask("GetConfigJSON", Filename="f.conf", Category="one")
        assert shown[1] == 'JSON: {"one":{"templates":"base","shared":"yes","alpha":["1","2"],"beta":"old"}}'
        assert await ami.message("GetConfig", Filename="f.conf", Filter="(=1") == "Error: Invalid filter"
        assert await ami.message("GetConfig") == "Error: Filename not specified"

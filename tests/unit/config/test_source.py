"""Sources of configuration text."""

from __future__ import annotations

from pathlib import Path

import pytest

from globstar.config import ConfigError, FileSource, MemorySource, read_config


def test_files_are_read_below_the_root_and_absolute(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_bytes(b"[x]\ny=\xff\xc3\xa9\n")
    source = FileSource(tmp_path)
    assert source.read("a.conf") == "[x]\ny=\udcff\u00e9\n"
    assert source.read(str(tmp_path / "a.conf")) == source.read("a.conf")
    with pytest.raises(FileNotFoundError):
        source.read("b.conf")


def test_glob_is_sorted_and_leaves_out_folders(tmp_path: Path) -> None:
    (tmp_path / "d" / "e.conf").mkdir(parents=True)
    for name in ("d/b.conf", "d/a.conf", "d/c.txt"):
        (tmp_path / name).write_text("")
    source = FileSource(tmp_path)
    assert source.glob("d/*.conf") == ["d/a.conf", "d/b.conf"]
    assert source.glob("d/a.conf") == ["d/a.conf"]
    assert source.glob("d/none.conf") == []
    assert source.glob(f"{tmp_path}/d/[ab].conf") == [f"{tmp_path}/d/a.conf", f"{tmp_path}/d/b.conf"]


def test_exec_reads_what_a_command_prints(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("[a]\n#exec printf 'b=%s\\n' c\n")
    config = read_config("x.conf", FileSource(tmp_path, exec_enabled=True))
    assert config.get("a", "b") == "c"
    assert config.files == ["x.conf", "#exec printf 'b=%s\\n' c"]


def test_exec_that_fails_breaks_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.conf").write_text("[a]\n#exec exit 3\n")
    with pytest.raises(ConfigError, match="exit status 3"):
        read_config("x.conf", FileSource(tmp_path, exec_enabled=True))


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.conf").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config("x.conf", FileSource(tmp_path))


def test_memory_source_has_files_and_commands() -> None:
    source = MemorySource({"d/a": "1", "d/e/a": "2"}, {"cmd": "3"})
    assert source.glob("d/*") == ["d/a"]
    assert source.exec("cmd") == "3"
    assert source.exec_enabled
    assert not MemorySource({}).exec_enabled
    with pytest.raises(FileNotFoundError):
        source.exec("none")

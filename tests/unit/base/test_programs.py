"""Programs that threads run, and their environment."""

from __future__ import annotations

import os
import subprocess
import threading

import pytest

from globstar.base.programs import environment, run_program, run_shell, set_environment


@pytest.fixture(autouse=True)
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOBSTAR_TEST", "before")  # and it is put back


def test_a_program_sees_what_was_set_and_not_what_was_removed() -> None:
    set_environment("GLOBSTAR_TEST", "one two")
    assert run_shell('echo "$GLOBSTAR_TEST"', stdout=subprocess.PIPE).stdout == b"one two\n"
    set_environment("GLOBSTAR_TEST", "")
    assert run_shell("echo ${GLOBSTAR_TEST-unset}", stdout=subprocess.PIPE).stdout == b"unset\n"
    set_environment("GLOBSTAR_TEST", "")  # there is none to remove
    assert "GLOBSTAR_TEST" not in environment()


def test_a_zero_byte_cannot_be_set_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match="null"):
        set_environment("GLOBSTAR_TEST", "a\0b")
    assert environment()["GLOBSTAR_TEST"] == "before"


def test_programs_start_while_the_environment_changes() -> None:
    names = [f"GLOBSTAR_TEST_{number}" for number in range(200)]
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            for value in ("x", ""):
                for name in names:
                    set_environment(name, value)

    changing = threading.Thread(target=change)
    changing.start()
    try:
        found = [run_shell("echo $GLOBSTAR_TEST", stdout=subprocess.PIPE).stdout for _ in range(20)]
    finally:
        over.set()
        changing.join()
    assert found == [b"before\n"] * 20
    assert not [name for name in names if name in os.environ]


def test_exit_status_input_and_no_such_program() -> None:
    assert run_program(["/bin/cat"], input=b"text", stdout=subprocess.PIPE).stdout == b"text"
    assert run_shell("cat; exit 3", stdout=subprocess.PIPE).returncode == 3  # nothing to read: it ends
    with pytest.raises(FileNotFoundError):
        run_program(["/nowhere/program"])
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(["/bin/sleep", "60"], timeout=0.01)

"""Every example starts as it is, without a warning, and shows what it promises."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.support.loopback import HOST, free_port
from tests.support.server import ServerFactory

#: what the modules of an example add
APPLICATIONS = {"python-application": ("Dice",), "python-flows": ("Reception", "CallBack", "Screen", "VoiceBot")}
#: commands and what they print there
SHOWN = {
    "database-office": {
        "pjsip show endpoints": "alice",
        "realtime load extensions exten 201": "PJSIP/alice,20",
        "sorcery memory cache show res_pjsip/endpoint": "Number of objects within cache: 2",
        "voicemail show users": "Bob",
    }
}
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir()))
def test_example_starts_without_complaint(globstar_process: ServerFactory, tmp_path: Path, name: str):
    files = {path.name: path.read_text() for path in (EXAMPLES / name).glob("*.conf") if path.name != "asterisk.conf"}
    port = free_port(2)
    files["pjsip.conf"] = (
        files["pjsip.conf"].replace("0.0.0.0:5060", f"{HOST}:{port}").replace("127.0.0.1:5060", f"{HOST}:{port}")
    )
    schema = EXAMPLES / name / "schema.sql"
    if schema.is_file():
        database = tmp_path / "example.sqlite3"
        with sqlite3.connect(database) as connection:
            connection.executescript(schema.read_text())
        connection.close()
        files["res_config_sqlite3.conf"] = f"[office]\ndbfile={database}\n"
    modules = EXAMPLES / name / "modules"
    if modules.is_dir():
        shutil.copytree(modules, tmp_path / "server" / "mod", dirs_exist_ok=True)
    server = globstar_process(files)
    assert not server.complaints()
    shown = server.cli("dialplan show")
    for line in files["extensions.conf"].splitlines():
        if line.startswith("[") and line not in ("[globals]", "[general]"):
            assert f"Context '{line[1:-1]}'" in shown
    assert "Objects found: " in server.cli("pjsip show endpoints")
    for module in sorted(modules.glob("app_*.py")):
        assert module.stem in server.cli(f"module show like {module.stem}")
    for application in APPLICATIONS.get(name, ()):
        assert f"-= Info about Application '{application}' =-" in server.cli(f"core show application {application}")
    for command, printed in SHOWN.get(name, {}).items():
        assert printed in server.cli(command)

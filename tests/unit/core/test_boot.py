"""What a start finds of earlier ones."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from globstar.core.cli import run_command
from globstar.interfaces.cli.commands import register_commands
from tests.support.switch import running_system


async def test_the_uuid_of_the_installation_is_kept(tmp_path: Path) -> None:
    async with running_system(tmp_path, keep_database=True) as system:
        first = system.pbx_uuid
        assert str(UUID(first)) == first
        assert system.database.get("pbx", "UUID") == first
    async with running_system(tmp_path, keep_database=True, prepare=register_commands) as system:
        assert system.pbx_uuid == first
        assert f"  PBX UUID:                    {first}\n" in await run_command(system, "core show settings")
        assert await run_command(system, "database show pbx") == f"/pbx/UUID{'':41}: {first}\n1 results found.\n"

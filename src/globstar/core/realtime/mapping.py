"""extconfig.conf: which families and files are in which table of which database."""

from __future__ import annotations

from dataclasses import dataclass

from globstar.base.log import Logger
from globstar.config.file import ConfigFile
from globstar.dialplan.arguments import split_arguments

logger = Logger("config")

#: Files that are needed to read others from a database, and so are files always.
NEVER_MAPPED = frozenset(
    {
        "asterisk.conf", "extconfig.conf", "logger.conf", "modules.conf", "res_odbc.conf", "res_config_odbc.conf",
        "res_pgsql.conf", "res_config_mysql.conf", "res_config_sqlite3.conf", "res_curl.conf",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FamilyMapping:
    """One line: ``family => driver,database[,table[,priority]]``. Without a table it is called as the family."""

    family: str
    driver: str
    database: str
    table: str
    priority: int = 1

    @property
    def is_file(self) -> bool:
        """Whether a whole configuration file is meant."""
        return self.family.endswith(".conf")


def read_mappings(config: ConfigFile | None) -> list[FamilyMapping]:
    """The mappings in the order in which they are asked; lines that make no sense are told of and left out."""
    found: list[FamilyMapping] = []
    counts: dict[str, int] = {}
    for category in config.categories_named("settings") if config is not None else ():
        for variable in category:
            family = variable.name
            where = f"{variable.file}:{variable.line}: "
            parts = [part.strip() for part in split_arguments(variable.value)]
            driver = parts[0] if parts else ""
            if family in NEVER_MAPPED:
                logger.warning(f"{where}{family} is always read as a file")
                continue
            if not driver or (len(parts) < 2 and driver != "text"):
                logger.warning(f"{where}{family} needs a driver and a database")
                continue
            counts[family] = counts.get(family, 0) + 1
            priority = counts[family]
            if len(parts) > 3 and parts[3]:
                if parts[3].isdecimal() and int(parts[3]) > 0:
                    priority = int(parts[3])
                else:
                    logger.warning(f"{where}{family}: '{parts[3]}' is no priority; {priority} is used")
            database = parts[1] if len(parts) > 1 else ""
            table = parts[2] if len(parts) > 2 and parts[2] else family
            found.append(FamilyMapping(family, driver.lower(), database, table, priority))
    return sorted(found, key=lambda mapping: mapping.priority)

"""sorcery.conf: which wizards keep the objects of a module's types."""

from __future__ import annotations

from dataclasses import dataclass, field

from globstar.base.log import Logger
from globstar.config.file import ConfigFile
from globstar.config.values import boolean
from globstar.core.sorcery.cache import CacheOptions
from globstar.dialplan.arguments import split_arguments

logger = Logger("sorcery")


@dataclass(slots=True)
class TypeMapping:
    """The wizards of one type in the order in which they are asked, each with what follows its name, and their cache."""

    type: str
    wizards: list[tuple[str, list[str]]] = field(default_factory=list)
    cache: CacheOptions | None = None


@dataclass(slots=True)
class Mappings:
    """All of sorcery.conf: types by module."""

    modules: dict[str, dict[str, TypeMapping]] = field(default_factory=dict)
    #: an update of what is not there makes it
    creates_on_update: bool = False


def read_mappings(config: ConfigFile | None) -> Mappings:
    """Read sorcery.conf; lines that make no sense are told of and left out."""
    found = Mappings()
    for category in config.categories if config is not None else ():
        if category.name.lower() == "general":
            try:
                found.creates_on_update = boolean(category.get("update_or_create_on_update_miss") or "no")
            except ValueError as error:
                logger.warning(f"{category.file}:{category.line}: update_or_create_on_update_miss: {error}")
            continue
        types = found.modules.setdefault(category.name, {})
        for variable in category:
            where = f"{variable.file}:{variable.line}: "
            type, _, what = variable.name.partition("/")
            parts = [part.strip() for part in split_arguments(variable.value)]
            if not type or not parts or not parts[0]:
                logger.warning(f"{where}'{variable.name}' names no wizard")
                continue
            mapping = types.setdefault(type, TypeMapping(type))
            if what == "cache":
                if parts[0] != "memory_cache":
                    logger.warning(f"{where}'{parts[0]}' is no cache; there is memory_cache")
                    continue
                try:
                    mapping.cache = CacheOptions.parse(parts[1:], f"{category.name}/{type}")
                except ValueError as error:
                    logger.error(f"{where}{error}; there is no cache")
            elif what:
                logger.warning(f"{where}'{what}' is neither empty nor 'cache'")
            else:
                mapping.wizards.append((parts[0], parts[1:]))
    return found

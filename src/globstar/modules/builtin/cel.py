"""Channel event logging: cel.conf and the cel commands."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.options import Report
from globstar.core.cel.engine import SERVICE, CelEngine
from globstar.core.cel.settings import CelSettings
from globstar.core.cli import CliUsage, cli_command
from globstar.core.outbox import describe_outboxes
from globstar.core.system import System

logger = Logger("cel")


def _read(system: System) -> CelSettings:
    config = system.configuration.read("cel.conf")
    settings = CelSettings()
    if config is None:
        return settings
    report = Report()
    for category in config.categories_named("general"):
        settings = CelSettings.read(category, report)
    for warning in report.warnings:
        logger.log(warning.level, str(warning))
    return settings


def load(system: System) -> None:
    """Read cel.conf and start the engine."""
    system.services[SERVICE] = CelEngine(system, _read(system))


def reload(system: System) -> None:
    """Read cel.conf again."""
    engine_of(system).configure(_read(system))


def unload(system: System) -> None:
    """Stop."""
    engine_of(system).close()
    system.services.pop(SERVICE)


def engine_of(system: System) -> CelEngine:
    """The engine of a system."""
    engine: CelEngine = system.services[SERVICE]
    return engine


@cli_command("cel show status")
def show_status(system: System, args: list[str]) -> str:
    """Show what is tracked of channels, and who is told."""
    if args:
        raise CliUsage
    engine = engine_of(system)
    lines = [f"CEL Logging: {'Enabled' if engine.settings.enable else 'Disabled'}"]
    if engine.settings.enable:
        lines += [f"CEL Tracking Event: {kind}" for kind in engine.tracked_kinds()]
        lines += [f"CEL Tracking Application: {name}" for name in dict.fromkeys(engine.settings.apps)]
        lines += [f"CEL Event Subscriber: {backend.description or backend.name}" for backend in engine.backends]
    return "\n".join(lines) + "\n"


@cli_command("cel show backends")
def show_backends(system: System, args: list[str]) -> str:
    """Show how many events each backend took, and how many wait because one is down."""
    if args:
        raise CliUsage
    return describe_outboxes(system, "cel")

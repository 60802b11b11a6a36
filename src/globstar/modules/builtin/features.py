"""Call features: features.conf and its command."""

from __future__ import annotations

from globstar.core.cli import CliUsage, cli_command
from globstar.core.features import SERVICE, FeatureSettings, read_features, settings_of
from globstar.core.system import System

_DEFAULTS = FeatureSettings()
_ROW = "%-25s %-7s %-7s"


def load(system: System) -> None:
    """Read features.conf."""
    system.services[SERVICE] = read_features(system.configuration.read("features.conf"))


def reload(system: System) -> None:
    """Read it again; calls that are up keep their codes."""
    load(system)


def unload(system: System) -> None:
    """Back to the defaults."""
    system.services.pop(SERVICE, None)


@cli_command("features show")
def features_show(system: System, args: list[str]) -> str:
    """List the digit codes of call features."""
    if args:
        raise CliUsage
    settings = settings_of(system)
    rows = (
        ("Pickup", "pickup_extension"),
        ("Blind Transfer", "blindxfer"),
        ("Attended Transfer", "atxfer"),
        ("Disconnect Call", "disconnect"),
        ("Park Call", "parkcall"),
        ("One Touch MixMonitor", "automixmon"),
    )
    lines = [_ROW % ("Builtin Feature", "Default", "Current"), _ROW % ("---------------", "-------", "-------")]
    lines += [_ROW % (title, getattr(_DEFAULTS, name), getattr(settings, name)) for title, name in rows]
    lines += ["", _ROW % ("Dynamic Feature", "Default", "Current"), _ROW % ("---------------", "-------", "-------")]
    dynamic = settings.application_map
    lines += [_ROW % (name, "no def", feature.code) for name, feature in dynamic.items()] or ["(none)"]
    lines += ["", "Feature Groups:", "---------------", "(none)"]
    return "\n".join(lines) + "\n"

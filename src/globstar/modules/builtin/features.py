"""Call features: features.conf and its command."""

from __future__ import annotations

from globstar.base.log import Logger
from globstar.config.values import is_true
from globstar.core.channel import Channel
from globstar.core.cli import CliUsage, cli_command
from globstar.core.features import (
    FEATURES,
    SERVICE,
    FeatureSettings,
    overrides_of,
    read_code,
    read_features,
    read_option,
    settings_for,
    settings_of,
    show_option,
)
from globstar.core.functions import FunctionError
from globstar.core.registry import function
from globstar.core.system import System

_DEFAULTS = FeatureSettings()
logger = Logger("features")
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
    lines += ["", "Feature Groups:", "---------------"]
    for name, features in settings.groups.items():
        lines.append(f"===> Group: {name}")
        lines += [
            f"===> --> {feature} ({code or dynamic[feature].code})" for feature, code in features.items() if feature in dynamic
        ]
    if not settings.groups:
        lines.append("(none)")
    return "\n".join(lines) + "\n"


def _need(channel: Channel | None) -> Channel:
    if channel is None:
        raise FunctionError("a channel is needed")
    return channel


@function("FEATURE", syntax="FEATURE(option_name)")
def feature(channel: Channel | None, args: str) -> str:
    """An option of [general] of features.conf, for this channel; writing changes it for this channel only.

    ``inherit`` says whether the channels that it calls get what was changed.
    """
    name = args.strip().lower()
    channel = _need(channel)
    if name == "inherit":
        return "1" if overrides_of(channel).is_inherited else "0"
    try:
        return show_option(settings_for(channel), name)
    except KeyError:
        raise FunctionError(f"FEATURE knows no '{args}'") from None


@feature.writer
def _set_feature(channel: Channel | None, args: str, value: str) -> None:
    name = args.strip().lower()
    overrides = overrides_of(_need(channel))
    if name == "inherit":
        overrides.is_inherited = is_true(value)
        return
    try:
        attribute, read = read_option(name, value.strip())
    except KeyError:
        raise FunctionError(f"FEATURE knows no '{args}'") from None
    except ValueError as fault:
        raise FunctionError(f"FEATURE({args}): {fault}") from None
    overrides.values[attribute] = read


@function("FEATUREMAP", syntax="FEATUREMAP(feature_name)")
def feature_map(channel: Channel | None, args: str) -> str:
    """The digit code of a feature (blindxfer, atxfer, disconnect, parkcall, automixmon) for this channel; empty for none."""
    name = args.strip().lower()
    if name not in FEATURES:
        raise FunctionError(f"FEATUREMAP knows no '{args}'")
    return str(getattr(settings_for(_need(channel)), name))


@feature_map.writer
def _set_feature_map(channel: Channel | None, args: str, value: str) -> None:
    name = args.strip().lower()
    if name not in FEATURES:
        raise FunctionError(f"FEATUREMAP knows no '{args}'")
    try:
        overrides_of(_need(channel)).values[name] = read_code(value.strip())
    except ValueError as fault:
        raise FunctionError(f"FEATUREMAP({args}): {fault}") from None

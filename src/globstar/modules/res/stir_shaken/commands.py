"""``stir_shaken show ...`` and ``stir_shaken verify ...``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from globstar.config.options import Options
from globstar.core.cli import CliFailure, CliUsage, cli_command
from globstar.core.system import System
from globstar.modules.res.stir_shaken.service import StirService
from globstar.modules.res.stir_shaken.settings import ProfileOptions
from globstar.proto.stir import Attestation, StirError, canonical_number, read_certificates, tn_authorization


def _service(system: System) -> StirService:
    service = system.service("stir shaken", StirService)
    if service is None:
        raise CliFailure("res_stir_shaken is not loaded")
    return service


def _shown(value: Any) -> str:
    if isinstance(value, Attestation):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "not_set" if value is None else str(value)


def _block(title: str, pairs: Iterable[tuple[str, Any]]) -> str:
    return f"{title}\n{'=' * len(title)}\n" + "".join(f"{name:<36}: {_shown(value)}\n" for name, value in pairs) + "\n"


def _own(title: str, options: Options) -> str:
    return _block(title, ((i.name, getattr(options, i.attribute)) for i in options.describe() if i.name != "type"))


def _effective(service: StirService, name: str) -> str:
    own = service.settings.profiles[name]
    pairs = [(info.name, service.settings.value(name, info.attribute)) for info in own.describe() if info.name not in ("type",)]
    return _block(f"Effective profile {name}", [(n, own.endpoint_behavior if n == "endpoint_behavior" else v) for n, v in pairs])


def _none(args: list[str]) -> None:
    if args:
        raise CliUsage


def _profile_names(system: System, args: list[str]) -> Iterable[str]:
    service = system.service("stir shaken", StirService)
    return sorted(service.settings.profiles) if service is not None and len(args) == 1 else ()


def _number_names(system: System, args: list[str]) -> Iterable[str]:
    service = system.service("stir shaken", StirService)
    return sorted(service.settings.numbers) if service is not None and len(args) == 1 else ()


def _profile(service: StirService, args: list[str]) -> tuple[str, ProfileOptions]:
    if len(args) != 1:
        raise CliUsage
    found = service.settings.profiles.get(args[0])
    if found is None:
        raise CliFailure(f"There is no profile '{args[0]}'")
    return args[0], found


@cli_command("stir_shaken show attestation")
def show_attestation(system: System, args: list[str]) -> str:
    """Show how calls are signed, and how many were."""
    _none(args)
    service = _service(system)
    counters = [(name, service.counters[name]) for name in ("signed", "not signed")]
    return _own("Attestation", service.settings.attestation) + _block("Calls", counters)


@cli_command("stir_shaken show verification")
def show_verification(system: System, args: list[str]) -> str:
    """Show how signatures are checked, and with what success."""
    _none(args)
    service = _service(system)
    counters = [(name, value) for name, value in service.describe().items() if name not in ("signed", "not signed")]
    return _own("Verification", service.settings.verification) + _block("Calls and certificates", counters)


@cli_command("stir_shaken show profiles")
def show_profiles(system: System, args: list[str]) -> str:
    """Show all profiles as they stand in stir_shaken.conf."""
    _none(args)
    profiles = _service(system).settings.profiles
    return "".join(_own(f"Profile {name}", profiles[name]) for name in sorted(profiles)) or "No profiles\n"


@cli_command("stir_shaken show profile", usage="stir_shaken show profile <id>", complete=_profile_names)
def show_profile(system: System, args: list[str]) -> str:
    """Show a profile as it stands in stir_shaken.conf."""
    name, found = _profile(_service(system), args)
    return _own(f"Profile {name}", found)


@cli_command("stir_shaken show eprofiles")
def show_eprofiles(system: System, args: list[str]) -> str:
    """Show all profiles with what they take from [attestation] and [verification]."""
    _none(args)
    service = _service(system)
    return "".join(_effective(service, name) for name in sorted(service.settings.profiles)) or "No profiles\n"


@cli_command("stir_shaken show eprofile", usage="stir_shaken show eprofile <id>", complete=_profile_names)
def show_eprofile(system: System, args: list[str]) -> str:
    """Show a profile with what it takes from [attestation] and [verification]."""
    service = _service(system)
    name, _ = _profile(service, args)
    return _effective(service, name)


@cli_command("stir_shaken show tns")
def show_tns(system: System, args: list[str]) -> str:
    """Show all numbers that have options of their own."""
    _none(args)
    numbers = _service(system).settings.numbers
    return "".join(_own(f"TN {name}", numbers[name]) for name in sorted(numbers)) or "No TNs\n"


@cli_command("stir_shaken show tn", usage="stir_shaken show tn <id>", complete=_number_names)
def show_tn(system: System, args: list[str]) -> str:
    """Show the options of a number."""
    if len(args) != 1:
        raise CliUsage
    number = canonical_number(args[0])
    found = _service(system).settings.numbers.get(number)
    if found is None:
        raise CliFailure(f"There is no TN '{args[0]}'")
    return _own(f"TN {number}", found)


@cli_command("stir_shaken verify certificate_file", usage="stir_shaken verify certificate_file <certificate_file> [ <profile> ]")
async def verify_certificate_file(system: System, args: list[str]) -> str:
    """Check a certificate against the authorities of a profile, or of [verification]."""
    if not 1 <= len(args) <= 2:
        raise CliUsage
    service = _service(system)
    profile = args[1] if len(args) == 2 else ""
    if profile and profile not in service.settings.profiles:
        raise CliFailure(f"There is no profile '{profile}'")
    try:
        chain = read_certificates(await system.run_blocking(Path(args[0]).read_bytes))
    except (OSError, ValueError) as error:
        raise CliFailure(f"'{args[0]}' is no certificate: {error}") from None
    try:
        service.loaded.trust[profile].check(chain, system.wall_time())
        allowed = tn_authorization(chain[0])
    except StirError as error:
        raise CliFailure(f"The certificate is not good: {error.detail}") from None
    if allowed is None:
        raise CliFailure("The certificate is not good: it has no TNAuthList")
    subject = chain[0].subject.rfc4514_string()
    return _block(
        "The certificate is good",
        [("subject", subject), ("providers", allowed.providers), ("numbers", allowed.numbers)]
        + [("range", f"{first} and {count - 1} more") for first, count in allowed.ranges],
    )

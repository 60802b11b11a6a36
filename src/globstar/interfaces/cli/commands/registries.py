"""What is registered: applications, functions, codecs, formats, translators, technologies, modules."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event

from globstar.base.errors import RemoteFault
from globstar.base.log import Logger
from globstar.core import events
from globstar.core.cli import LIKE, CliFailure, CliUsage, by_place, cli_command
from globstar.core.cli_data import CliText
from globstar.core.format import BUILTIN, Format, MediaType, find_format
from globstar.core.loader import LoadedModule, ModuleError, ModulePart, ModuleStatus
from globstar.core.mediachannels import MediaChannelTech
from globstar.core.registry import ApplicationSpec, FunctionSpec
from globstar.core.system import System
from globstar.core.tech import ChannelTech
from globstar.core.translate_measure import MOST_SECONDS, measure_all
from globstar.core.translate_report import translation_costs, translation_matrix, translation_paths
from globstar.interfaces.reloading import CORE_MODULES, RENAMED, reload_core, reload_everything

logger = Logger("loader")


@cli_command(
    "core show applications", usage="core show applications [{like|describing} <text>]", complete=by_place(("like", "describing"))
)
def show_applications(system: System, args: list[str]) -> str:
    """List the applications, all or those that match."""
    found: Iterable[ApplicationSpec] = system.applications
    if not args:
        title, end = "Registered Asterisk Applications", "Registered"
    elif len(args) >= 2 and args[0] in ("like", "describing"):
        title, end = "Matching Asterisk Applications", "Matching"
        words = [word.lower() for word in args[1:]]
        if args[0] == "like":
            found = [spec for spec in found if words[0] in spec.name.lower()]
        else:
            found = [s for s in found if all(w in f"{s.name} {s.synopsis} {s.description}".lower() for w in words)]
    else:
        raise CliUsage
    lines = [f"    -= {title} =-"]
    specs = list(found)
    lines += [f"  {spec.name:>20}: {spec.synopsis} " for spec in specs]
    data = [{"name": spec.name, "synopsis": spec.synopsis, "module": spec.module} for spec in specs]
    return CliText("\n".join([*lines, f"    -= {len(specs)} Applications {end} =-"]), data)


def _sections(kind: str, name: str, spec: ApplicationSpec | FunctionSpec) -> str:
    parts = [
        f"\n  -= Info about {kind} '{name}' =- \n",
        f"[Synopsis]\n{spec.synopsis} \n",
        f"[Description]\n{spec.description or 'Not available'}\n",
        f"[Syntax]\n{spec.syntax}\n",
    ]
    return "\n".join(parts)


@cli_command(
    "core show application",
    usage="core show application <application> [<application> ...]",
    complete=lambda system, args: [spec.name for spec in system.applications],
)
def show_application(system: System, args: list[str]) -> str:
    """Explain applications."""
    if not args:
        raise CliUsage
    found = [spec for name in args if (spec := system.applications.get(name)) is not None]
    if not found:
        return "Your application(s) is (are) not registered"
    return "\n".join(_sections("Application", spec.name, spec) for spec in found)


def _access(spec: FunctionSpec) -> str:
    return ("R" if spec.read else " ") + ("/" if spec.read and spec.write else "") + ("W" if spec.write else "")


@cli_command("core show functions", usage="core show functions [like <text>]", complete=LIKE)
def show_functions(system: System, args: list[str]) -> str:
    """List the dialplan functions, all or those whose name contains a text."""
    if args and (args[0] != "like" or len(args) != 2):
        raise CliUsage
    wanted = args[1].upper() if args else ""
    specs = [spec for spec in system.function_registry if wanted in spec.name.upper()]
    lines = [f"{'Matching' if args else 'Installed'} Custom Functions:", "-" * 80]
    lines += [f"{spec.name[:20]:<20}  {spec.syntax[:35]:<35}  {spec.synopsis} " for spec in specs]
    text = "\n".join([*lines, f"{len(specs)} {'matching ' if args else ''}custom functions installed."])
    return CliText(text, [{"name": spec.name, "syntax": spec.syntax, "synopsis": spec.synopsis} for spec in specs])


@cli_command(
    "core show function",
    usage="core show function <function>",
    complete=lambda system, args: [spec.name for spec in system.function_registry],
)
def show_function(system: System, args: list[str]) -> str:
    """Explain a dialplan function."""
    if len(args) != 1:
        raise CliUsage
    spec = system.function_registry.get(args[0].upper()) or system.function_registry.get(args[0])
    if spec is None:
        raise CliFailure("No function by that name registered.")
    return _sections("Function", spec.name, spec) + f"\n[Access]\n{_access(spec)}\n"


_NUMBERS = {format.name: number for number, format in enumerate(BUILTIN.values(), 1)}


@cli_command(
    "core show codecs",
    usage="core show codecs [audio|video|image|text]",
    complete=lambda system, args: ["audio", "video", "image", "text"],
)
def show_codecs(system: System, args: list[str]) -> str:
    """List the codecs."""
    media = {member.value: member for member in MediaType}
    args = [word.lower() for word in args]
    if len(args) > 1 or (args and args[0] not in media):
        raise CliUsage
    lines = [f"{'ID':>8} {'TYPE':<5} {'NAME':<12} {'FORMAT':<16} {'QUALITY':<7} DESCRIPTION", "-" * 96]
    data = []
    for format in BUILTIN.values():
        codec = format.codec
        if not args or codec.media is media[args[0]]:
            lines.append(
                f"{_NUMBERS[format.name]:>8} {codec.media.value:<5} {_family(format):<12} {format.name:<16} "
                f"{codec.quality:>7} ({codec.description})"
            )
            data.append(
                {
                    "id": _NUMBERS[format.name], "type": codec.media.value, "name": _family(format), "format": format.name,
                    "quality": codec.quality, "description": codec.description,
                }
            )  # fmt: skip
    return CliText("\n".join(lines), data)


def _family(format: Format) -> str:
    return format.name.rstrip("0123456789") if format.name.startswith(("slin", "speex", "silk")) else format.name


@cli_command(
    "core show codec", usage="core show codec <number>", complete=by_place(lambda system: [str(n) for n in _NUMBERS.values()])
)
def show_codec(system: System, args: list[str]) -> str:
    """Show the codec of a number."""
    if len(args) != 1 or not args[0].isdecimal():
        raise CliUsage
    name = next((name for name, number in _NUMBERS.items() if number == int(args[0])), None)
    return f"Codec {args[0]} not found" if name is None else f"{args[0]:>11} ({BUILTIN[name].codec.description})"


@cli_command("core show file formats")
def show_file_formats(system: System, args: list[str]) -> str:
    """List the sound file formats."""
    specs = list(system.registry("fileformat"))
    lines = [f"{'Format':<10} {'Name':<10} {'Extensions':<20}", f"{'------':<10} {'----':<10} {'----------':<20}"]
    lines += [f"{spec.format.name:<10} {spec.name:<10} {'|'.join(spec.extensions):<20}" for spec in specs]
    data = [{"format": spec.format.name, "name": spec.name, "extensions": list(spec.extensions)} for spec in specs]
    return CliText("\n".join([*lines, f"{len(specs)} file formats registered."]), data)


def _at_rate(name: str, text: str) -> Format | None:
    """The format of a codec at a rate: ``slin`` and ``16000`` for slin16; None where there is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < 7):
        return None
    rate = int(text)
    found = (find_format(name), find_format(f"{name}{rate // 1000}"))
    return next((format for format in found if format is not None and format.sample_rate == rate), None)


@cli_command(
    "core show translation",
    usage="core show translation [recalc [<seconds>]] | [paths <codec> [<sample rate>]]",
    complete=by_place(("recalc", "paths"), lambda system: list(BUILTIN)),
)
async def show_translation(system: System, args: list[str]) -> str:
    """Show the cost of translating between formats, or the way from one codec to the others.

    Without arguments the costs by which paths are chosen: they weigh loss of quality above work.
    With recalc each translator is timed on so many seconds of sound (1, at most 60), and the times are shown; among
    paths that lose as little they decide from then on.
    With paths the translators between a codec and every other.
    """
    if args[:1] == ["paths"]:
        if len(args) not in (2, 3):
            raise CliUsage
        format = find_format(args[1]) if len(args) == 2 else _at_rate(args[1], args[2])
        if format is None:
            return f'Codec "{args[1]}" not found'
        return "\n".join(translation_paths(system.translation, format))
    if not args:
        return CliText("\n".join(translation_matrix(system.translation)), translation_costs(system.translation))
    if args[0] != "recalc" or len(args) > 2 or (len(args) == 2 and not args[1].isdecimal()):
        raise CliUsage
    seconds = min(max(int(args[1]), 1), MOST_SECONDS) if len(args) == 2 else 1
    specs = list(system.translation)
    over = Event()  # a server that stops does not wait for it
    undo = system.bus.subscribe(events.ShuttingDown, lambda _: over.set())
    try:
        system.translation.set_measured(await system.run_blocking(measure_all, specs, seconds, over.is_set))
    finally:
        undo()
    title = f"         Recalculating Codec Translation (number of sample seconds: {seconds})"
    text = "\n".join([title, "", *translation_matrix(system.translation, is_measured=True)])
    return CliText(text, translation_costs(system.translation, is_measured=True))


def _overrides(tech: ChannelTech, method: str) -> str:
    """Whether a technology does it in a way of its own; what other code of the core does for media channels is none."""
    if isinstance(tech, MediaChannelTech):
        return "yes" if method == "indicate" else "no"
    return "yes" if getattr(type(tech), method) is not getattr(ChannelTech, method) else "no"


@cli_command("core show channeltypes")
def show_channel_types(system: System, args: list[str]) -> str:
    """List the channel technologies."""
    lines = [
        f"{'Type':<16} {'Description':<40} {'Devicestate':<13} {'Presencestate':<13} {'Indications':<13} {'Transfer':<13}",
        f"{'-------------':<16} {'-------------':<40} " + " ".join([f"{'-------------':<13}"] * 4),
    ]
    specs = list(system.techs)
    for spec in specs:
        tech = spec.tech
        lines.append(
            f"{spec.name[:16]:<16} {tech.description[:40]:<40} {_overrides(tech, 'device_state'):<13} "
            f"{_overrides(tech, 'presence_state'):<13} {_overrides(tech, 'indicate'):<13} {_overrides(tech, 'transfer'):<13}"
        )
    data = [{"type": spec.name, "description": spec.tech.description, "module": spec.module} for spec in specs]
    return CliText("\n".join([*lines, "----------", f"{len(specs)} channel drivers registered."]), data)


@cli_command(
    "core show channeltype",
    usage="core show channeltype <name>",
    complete=by_place(lambda system: [spec.name for spec in system.techs]),
)
def show_channel_type(system: System, args: list[str]) -> str:
    """Show what a channel technology can do."""
    if len(args) != 1:
        raise CliUsage
    spec = system.find_tech(args[0])
    if spec is None:
        return f"{args[0]} is not a registered channel driver."
    tech = spec.tech
    return "\n".join(
        [
            f"-- Info about channel driver: {spec.name} --",
            f"  Device State: {_overrides(tech, 'device_state')}",
            f"Presence State: {_overrides(tech, 'presence_state')}",
            f"    Indication: {_overrides(tech, 'indicate')}",
            f"     Transfer : {_overrides(tech, 'transfer')}",
            f"  Capabilities: {_capabilities(tech)}",
            f"   Digit Begin: {_overrides(tech, 'send_digit_begin')}",
            f"     Digit End: {_overrides(tech, 'send_digit_end')}",
            "    Send HTML : no",
            " Image Support: no",
            f"  Text Support: {_overrides(tech, 'send_text')}",
        ]
    )


def _capabilities(tech: ChannelTech) -> str:
    """What a technology carries: every audio format unless it says otherwise."""
    if tech.capabilities:
        return str(tech.capabilities)
    audio = [name for name, format in BUILTIN.items() if format.codec.media is MediaType.AUDIO and name != "none"]
    return f"({'|'.join(audio)})"


def _module_lines(modules: Iterable[LoadedModule]) -> str:
    lines = [f"{'Module':<30} {'Description':<40} {'Use Count':<10} {'Status':<11} Support Level"]
    data = []
    for module in modules:
        data.append(
            {
                "module": _shown_name(module), "description": module.description, "use_count": module.use_count,
                "status": module.status.value, "support_level": module.support_level,
            }
        )  # fmt: skip
        lines.append(
            f"{_shown_name(module):<30} {module.description[:40]:<40} {module.use_count:<10} {module.status.value:<11} "
            f"{module.support_level:>13}"
        )
    return CliText("\n".join([*lines, f"{len(data)} modules loaded"]), data)


#: What Asterisk lists of its core, by our names.
_LISTED = {
    f"builtin_{RENAMED.get(name, name)}": name
    for name in ("acl", "ccss", "cdr", "cel", "dsp", "extconfig", "features", "http", "indications", "plc", "udptl")
}


def _shown_name(module: LoadedModule) -> str:
    if module.name in CORE_MODULES:
        return module.name
    return _LISTED.get(module.name, module.name.removeprefix("builtin_")) if module.is_builtin else f"{module.name}.so"


def _core_modules(system: System) -> list[LoadedModule]:
    """What is listed beside the modules, as if it were some."""
    found = []
    for name, (description, service) in CORE_MODULES.items():
        if service in system.services:
            module = LoadedModule(name, "")
            module.description, module.status = description, ModuleStatus.RUNNING
            found.append(module)
    return found


def _module_names(system: System, args: list[str]) -> list[str]:
    return [name for name, module in system.loader.modules.items() if not module.is_builtin]


@cli_command("module show", usage="module show [like <keyword>]", complete=LIKE)
def module_show(system: System, args: list[str]) -> str:
    """List the modules."""
    wanted = args[1].lower() if args[:1] == ["like"] and len(args) == 2 else ""
    if args and not wanted:
        raise CliUsage
    modules = [
        module
        for module in (*system.loader.modules.values(), *_core_modules(system))
        if (not module.is_builtin or module.name in _LISTED) and module.status is not ModuleStatus.DECLINED
    ]
    return _module_lines(m for m in sorted(modules, key=_shown_name) if wanted in _shown_name(m))


@cli_command("module show declined")
def module_show_declined(system: System, args: list[str]) -> str:
    """List the modules that could not work here, and why."""
    modules = [m for m in system.loader.modules.values() if m.status in (ModuleStatus.DECLINED, ModuleStatus.FAILED)]
    text = "\n".join([*(f"{m.name + '.so':<30} {m.status.value:<10} {m.reason}" for m in modules), f"{len(modules)} modules"])
    return CliText(text, [{"module": f"{m.name}.so", "status": m.status.value, "reason": m.reason} for m in modules])


@cli_command("module load", usage="module load <module name>", complete=lambda system, args: system.loader.discover())
async def module_load(system: System, args: list[str]) -> str:
    """Load a module."""
    if len(args) != 1:
        raise CliUsage
    try:
        module = await system.loader.load(args[0])
    except ModuleError as error:
        logger.warning(f"module load {args[0]}: {error}")
        raise CliFailure(f"Unable to load module {args[0]}") from error
    if module.status is not ModuleStatus.RUNNING:
        raise CliFailure(f"Unable to load module {args[0]}")
    return f"Loaded {args[0]}"


@cli_command("module unload", usage="module unload [-f|-h] <module_1> [<module_2> ... ]", complete=_module_names)
async def module_unload(system: System, args: list[str]) -> str:
    """Unload modules that are not in use; with -f or -h those that are, too."""
    force = args[:1] in (["-f"], ["-h"])
    names = args[1:] if force else args
    if not names:
        raise CliUsage
    lines: list[str] = []
    for name in names:
        try:
            await system.loader.unload(name, force=force)
        except ModuleError as error:
            logger.warning(f"module unload {name}: {error}")
            raise CliFailure("\n".join([*lines, f"Unable to unload resource {name}"])) from error
        lines.append(f"Unloaded {name}")
    return "\n".join(lines)


@cli_command("module reload", usage="module reload [module ...]", complete=_module_names)
async def module_reload(system: System, args: list[str]) -> str:
    """Let modules read their configuration again, all or the named ones."""
    if not args:
        return "".join(f"Module '{name}' reported a reload failure\n" for name in await reload_everything(system))
    lines: list[str] = []
    done: dict[str, Exception | None] = {}
    for name in args:
        try:
            if await reload_core(system, name):
                lines.append(f"Module '{name}' reloaded successfully.")
                continue
        except RemoteFault as fault:
            lines.append(f"Module '{name}' reported a reload failure: {fault}")
            continue
        module = system.loader.find(RENAMED.get(name, name))
        if module is None:
            lines.append(f"No such module '{name}'")
        elif not hasattr(module.code, "reload") and not module.is_of_user:
            lines.append(f"The module '{name}' does not support reloads")
        else:
            # The parts of a module, such as all of res_pjsip_..., are read by one reload of it.
            whole = module.whole.name if isinstance(module, ModulePart) else module.name
            if whole not in done:
                done[whole] = await _try_reload(system, module.name)
            error = done[whole]
            failure = f"Module '{name}' reported a reload failure: {error}"
            lines.append(f"Module '{name}' reloaded successfully." if error is None else failure)
    return "\n".join(lines)


async def _try_reload(system: System, name: str) -> Exception | None:
    try:
        await system.loader.reload(name)
    except Exception as error:  # told to who asked
        return error
    return None


@cli_command(
    "module refresh",
    usage="module refresh <module name> [recursively]",
    complete=by_place(lambda system: _module_names(system, []), ("recursively",)),
)
async def module_refresh(system: System, args: list[str]) -> str:
    """Unload a module, read its code anew and load it.

    recursively does the same with the modules that need it, which keep it from being unloaded otherwise.
    """
    if not args or args[1:] not in ([], ["recursively"]):
        raise CliUsage
    try:
        await system.loader.refresh(args[0], recursively=bool(args[1:]))
    except ModuleError as error:
        raise CliFailure(f"Unable to refresh module {args[0]}\n{error}") from error
    return f"Unloaded and loaded {args[0]}"

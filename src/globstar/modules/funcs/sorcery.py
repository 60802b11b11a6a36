"""Get a field from a sorcery object."""

from __future__ import annotations

from globstar.core.channel import Channel
from globstar.core.functions import FunctionError
from globstar.core.realtime.engine import RealtimeFault
from globstar.core.registry import function
from globstar.core.sorcery import SERVICE, Sorcery
from globstar.dialplan.arguments import argument, split_arguments


@function(
    "AST_SORCERY",
    syntax="AST_SORCERY(module_name,object_type,object_id,field_name[,retrieval_method[,retrieval_details]])",
)
async def ast_sorcery(channel: Channel | None, args: str) -> str:
    """A field of an object that sorcery keeps: of ``module_name`` (res_pjsip), ``object_type`` (endpoint) and ``object_id``.

    A field that the object has several times gives its values with a separator between, which is ``retrieval_details`` (a
    comma) with the method ``concat``, or with the method ``single`` the one whose number that is, from 1.
    """
    if channel is None:
        raise FunctionError("a channel is needed")
    arguments = split_arguments(args, 6)
    module, type, id, field = (argument(arguments, index) for index in range(4))
    if not (module and type and id and field):
        raise FunctionError("AST_SORCERY needs a module, a type, an id and a field")
    method = argument(arguments, 4, "concat").lower()
    details = argument(arguments, 5)
    if method not in ("concat", "single"):
        raise FunctionError(f"'{method}' is neither concat nor single")
    sorcery = channel.system.service(SERVICE, Sorcery)
    fields = await _fields(sorcery, module, type, id) if sorcery is not None else None
    if fields is None:
        raise FunctionError(f"there is no {type} '{id}' of {module}")
    values = [value for name, value in fields if name.lower() == field.lower()]
    if method == "concat":
        return (details or ",").join(values)
    number = details or "1"
    if not number.isdecimal() or not 1 <= int(number) <= len(values):
        raise FunctionError(f"{type} '{id}' has no value {number} of {field}")
    return values[int(number) - 1]


async def _fields(sorcery: Sorcery, module: str, type: str, id: str) -> tuple[tuple[str, str], ...] | None:
    """The fields of an object as it is kept, then those that the module tells of it, with its defaults."""
    describe = sorcery.describers.get((module, type))
    told = describe(id) if describe is not None else None
    store = sorcery.store(module, type)
    if store is None:
        return told
    try:
        found = await store.retrieve(id)
    except RealtimeFault as fault:
        raise FunctionError(str(fault)) from fault
    if found is None:
        return None
    names = {name.lower() for name, _ in found.fields}
    return (*found.fields, *((name, value) for name, value in told or () if name.lower() not in names))

"""``@application`` and ``@function``: what makes a Python function part of the dialplan."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from globstar.base.errors import LocalFault
from globstar.base.log import Logger
from globstar.core.cause import Cause
from globstar.core.channel import Channel as CoreChannel
from globstar.core.channel import ChannelGone
from globstar.core.functions import FunctionError
from globstar.core.pbx import caller_number, plan_of
from globstar.core.registry import ApplicationSpec, FunctionSpec, attach
from globstar.flows.arguments import ArgumentFault, Signature, bind
from globstar.flows.channel import Channel, LeaveFlow

logger = Logger("flows")

P = ParamSpec("P")
#: What a function may return: what has a text, now or later.
_Text = str | int | float | None
R = TypeVar("R", bound="_Text | Coroutine[Any, Any, _Text]")
Q = ParamSpec("Q")

_Flow = Callable[Concatenate[Channel, P], Coroutine[Any, Any, None]]


def _documentation(target: Callable[..., Any]) -> tuple[str, str]:
    head, _, rest = (inspect.getdoc(target) or "").partition("\n\n")
    return " ".join(head.split()), rest.strip()


def _place_of(target: Callable[..., Any]) -> str:
    code = target.__code__ if hasattr(target, "__code__") else None
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(target)


def _signature(target: Callable[..., Any], name: str) -> Signature:
    try:
        return Signature(target)
    except (LocalFault, NameError, TypeError) as fault:
        raise LocalFault(f"{_place_of(target)}: {name} cannot be called from the dialplan: {fault}") from fault


def place_in_dialplan(channel: CoreChannel) -> str:
    """Where a channel is in the dialplan: file and line if it is known, and context, extension and priority."""
    where = f"{channel.context},{channel.extension},{channel.priority}"
    step = plan_of(channel).find(channel.context, channel.extension, channel.priority, caller_number(channel))
    return f"{step.file}:{step.line} ({where})" if step is not None and step.file else where


def _origin(trace: TracebackType | None, target: Callable[..., Any]) -> str:
    """File and line of the innermost frame of an error that is in the flow's own file."""
    own = target.__code__.co_filename
    frames = traceback.extract_tb(trace)
    found = next((frame for frame in reversed(frames) if frame.filename == own), frames[-1] if frames else None)
    return f"{found.filename}:{found.lineno}" if found is not None else own


# -- applications -----------------------------------------------------------------------------------------------------------


@overload
def application(target: _Flow[P], /) -> _Flow[P]: ...
@overload
def application(name: str | None = None, /) -> Callable[[_Flow[P]], _Flow[P]]: ...
def application(target: Any = None, /) -> Any:
    """Make an async function a dialplan application, called as the function is (``call_back`` is ``CallBack``) or as given.

    The docstring is what ``core show application`` prints; its first paragraph is the synopsis. The application ends when the
    function returns, and the dialplan goes on. An error ends the call and is logged with the places in both languages.
    """
    if callable(target):
        return _make_application(target, "")
    return lambda function: _make_application(function, target or "")


def _make_application(target: Callable[..., Any], name: str) -> Callable[..., Any]:
    shown = name or "".join(word[:1].upper() + word[1:] for word in target.__name__.split("_"))
    signature = _signature(target, shown)
    if not inspect.iscoroutinefunction(target):
        raise LocalFault(f"{_place_of(target)}: {shown} must be an async function")

    async def run(channel: CoreChannel, data: str) -> int | str | None:
        try:
            arguments = bind(target, signature.parse(data))
        except ArgumentFault as fault:
            logger.error(f"{shown} at {place_in_dialplan(channel)}: {fault}")
            channel.hangup_cause = Cause.FAILURE
            return -1
        try:
            await target(Channel(channel), *arguments)
        except LeaveFlow as left:
            return left.result
        except ChannelGone:
            if channel.soft_hangup:
                raise
            return None  # somebody whom the flow called is gone, and the flow with it
        except Exception as error:
            origin = _origin(error.__traceback__, target)
            what = f"{type(error).__name__}: {error}"
            logger.error(
                f"{shown} on {channel.name} failed in {origin}, called at {place_in_dialplan(channel)}: {what}", exception=error
            )
            channel.hangup_cause = Cause.FAILURE
            return -1
        return None

    synopsis, description = _documentation(target)
    spec = ApplicationSpec(
        name=shown, run=run, is_async=True, synopsis=synopsis, description=description, syntax=signature.syntax(shown)
    )
    return attach(target, spec)


# -- functions --------------------------------------------------------------------------------------------------------------


class TypedFunction(Generic[P, R]):
    """What :func:`function` makes of a reader: still callable from Python; ``writer`` adds the half that ``Set`` calls."""

    def __init__(self, target: Callable[P, R], name: str) -> None:
        self.target = target
        self.__module__ = target.__module__
        self.__doc__ = target.__doc__
        shown = name or target.__name__.upper()
        signature = _signature(target, shown)
        synopsis, description = _documentation(target)
        is_async = inspect.iscoroutinefunction(target)
        self.spec = FunctionSpec(
            name=shown, read=self._reader(signature, is_async), is_blocking=is_async, synopsis=synopsis,
            description=description, syntax=signature.syntax(shown),
        )  # fmt: skip
        attach(self, self.spec)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call it as Python does."""
        return self.target(*args, **kwargs)

    def _reader(self, signature: Signature, is_async: bool) -> Callable[[CoreChannel | None, str], Any]:
        target: Callable[..., Any] = self.target

        def read(channel: CoreChannel | None, args: str) -> str | None:
            with_channel = _channel_for(signature, channel)
            return _text(target(with_channel, *_arguments(target, signature, args)))

        async def read_later(channel: CoreChannel | None, args: str) -> str | None:
            with_channel = _channel_for(signature, channel)
            return _text(await target(with_channel, *_arguments(target, signature, args)))

        return _guarded_later(read_later, target) if is_async else _guarded(read, target)

    def writer(self, target: Callable[Q, Any]) -> Callable[Q, Any]:
        """Use ``target(channel, value, *arguments)`` for ``Set(NAME(arguments)=value)``."""
        signature = _signature(target, f"the writer of {self.spec.name}")
        if not signature.parameters:
            raise LocalFault(f"{_place_of(target)}: a writer takes the value after the channel")
        free: Callable[..., Any] = target
        is_async = inspect.iscoroutinefunction(target)

        def values(channel: CoreChannel | None, args: str, value: str) -> list[object]:
            first, *_ = signature.parameters
            try:
                converted = first.convert(value)
            except ValueError as error:
                raise FunctionError(f"'{value}' is no {first.name}: {error}") from error
            rest = Signature.__new__(Signature)
            rest.channel_hint, rest.parameters = signature.channel_hint, signature.parameters[1:]
            try:
                return [converted, *bind(_without_value(free), rest.parse(args))]
            except ArgumentFault as fault:
                raise FunctionError(str(fault)) from fault

        def write(channel: CoreChannel | None, args: str, value: str) -> None:
            free(_channel_for(signature, channel), *values(channel, args, value))

        async def write_later(channel: CoreChannel | None, args: str, value: str) -> None:
            await free(_channel_for(signature, channel), *values(channel, args, value))

        self.spec.write = _guarded_later(write_later, target) if is_async else _guarded(write, target)
        self.spec.is_blocking = self.spec.is_blocking or is_async
        return target


def _without_value(target: Callable[..., Any]) -> Callable[..., Any]:
    """Something whose signature lacks the second parameter, for its defaults."""

    def like(*args: object) -> None:
        """Only its signature is used."""

    whole = inspect.signature(target)
    first, _, *rest = whole.parameters.values()
    like.__signature__ = whole.replace(parameters=[first, *rest])  # type: ignore[attr-defined]
    return like


def _arguments(target: Callable[..., Any], signature: Signature, args: str) -> list[object]:
    try:
        return bind(target, signature.parse(args))
    except ArgumentFault as fault:
        raise FunctionError(str(fault)) from fault


def _channel_for(signature: Signature, channel: CoreChannel | None) -> Channel | None:
    if channel is None:
        if signature.channel_hint is Channel:
            raise FunctionError("needs a channel")
        return None
    return Channel(channel)


def _text(result: object) -> str | None:
    if result is None:
        return None
    return str(int(result)) if isinstance(result, bool) else str(result)


def _explain(error: Exception, target: Callable[..., Any]) -> FunctionError:
    origin = _origin(error.__traceback__, target)
    logger.error(f"a function failed in {origin}: {type(error).__name__}: {error}", exception=error)
    return FunctionError(f"failed in {origin}: {error}")


def _guarded(call: Callable[..., Any], target: Callable[..., Any]) -> Callable[..., Any]:
    """``call``, with errors of the user's code told by place and taken for a function without a value."""

    def guarded(*args: Any) -> Any:
        try:
            return call(*args)
        except (FunctionError, ChannelGone):
            raise
        except Exception as error:
            raise _explain(error, target) from error

    return guarded


def _guarded_later(call: Callable[..., Any], target: Callable[..., Any]) -> Callable[..., Any]:
    async def guarded(*args: Any) -> Any:
        try:
            return await call(*args)
        except (FunctionError, ChannelGone):
            raise
        except Exception as error:
            raise _explain(error, target) from error

    return guarded


@overload
def function(target: Callable[Concatenate[Channel | None, P], R], /) -> TypedFunction[Concatenate[Channel | None, P], R]: ...
@overload
def function(target: Callable[Concatenate[Channel, P], R], /) -> TypedFunction[Concatenate[Channel, P], R]: ...
@overload
def function(name: str | None = None, /) -> Callable[[Callable[P, R]], TypedFunction[P, R]]: ...
def function(target: Any = None, /) -> Any:
    """Make a function the dialplan function of its name in capitals, or of the given name.

    It gets the channel (None where there is none, if its type allows that) and the typed arguments, and returns what
    ``${NAME(arguments)}`` becomes; None and an error give the empty text. An async one is awaited before the line runs.
    """
    if callable(target):
        return TypedFunction(target, "")
    return lambda function: TypedFunction(function, target or "")

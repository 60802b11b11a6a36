"""memory_cache: objects held in memory before the wizard that keeps them, for a while or until they are told to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from globstar.config.values import boolean, integer
from globstar.core.sorcery.wizard import SorceryObject

_whole = integer(0)


@dataclass(slots=True)
class CacheOptions:
    """What sorcery.conf says of a cache. Times in seconds; 0: no limit."""

    name: str = ""
    maximum_objects: int = 0
    object_lifetime_maximum: int = 0
    object_lifetime_stale: int = 0
    expire_on_reload: bool = False
    full_backend_cache: bool = False

    @classmethod
    def parse(cls, parts: list[str], default_name: str) -> CacheOptions:
        """Read ``option=value`` parts. Raises ValueError."""
        options = cls(default_name)
        for part in parts:
            name, _, value = (text.strip() for text in part.partition("="))
            match name:
                case "name" if value:
                    options.name = value
                case "maximum_objects":
                    options.maximum_objects = _whole(value)
                case "object_lifetime_maximum":
                    options.object_lifetime_maximum = _whole(value)
                case "object_lifetime_stale":
                    options.object_lifetime_stale = _whole(value)
                case "expire_on_reload":
                    options.expire_on_reload = boolean(value)
                case "full_backend_cache":
                    options.full_backend_cache = boolean(value)
                case _:
                    raise ValueError(f"'{part}' is no option of a memory cache")
        if options.full_backend_cache and options.maximum_objects:
            raise ValueError("maximum_objects and full_backend_cache cannot be had together")
        return options


@dataclass(slots=True)
class Held:
    """An object in a cache. ``since`` is the loop's time when it was read."""

    object: SorceryObject
    since: float
    is_stale: bool = False
    is_refreshed: bool = field(default=False)


class MemoryCache:
    """Objects of one type. What is stale is still given, and read anew meanwhile by its owner."""

    def __init__(self, options: CacheOptions, now: Callable[[], float]) -> None:
        self.options = options
        self._now = now
        self._objects: dict[str, Held] = {}
        #: all objects of the backend are here (full_backend_cache)
        self.is_populated = False
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        self._expire()
        return len(self._objects)

    def items(self) -> list[Held]:
        """What is held, in the order of ids."""
        self._expire()
        return [self._objects[id] for id in sorted(self._objects)]

    def get(self, id: str) -> Held | None:
        """An object that has not expired."""
        held = self._objects.get(id)
        if held is not None and self.seconds_to_expire(held) == 0:
            del self._objects[id]
            self.is_populated = False
            held = None
        if held is None:
            self.misses += 1
            return None
        self.hits += 1
        if self.seconds_to_stale(held) == 0:
            held.is_stale = True
        return held

    def put(self, one: SorceryObject) -> None:
        """Hold an object; the oldest one goes if there is no room."""
        self._objects.pop(one.id, None)
        limit = self.options.maximum_objects
        while limit and len(self._objects) >= limit:
            del self._objects[next(iter(self._objects))]
        self._objects[one.id] = Held(one, self._now())

    def remove(self, id: str) -> bool:
        """Hold it no more; False if it was not held."""
        return self._objects.pop(id, None) is not None

    def clear(self) -> None:
        """Hold nothing."""
        self._objects.clear()
        self.is_populated = False

    def make_stale(self, id: str = "") -> bool:
        """Read one object, or all without an id, anew at their next use; False if it is not held."""
        if id:
            held = self._objects.get(id)
            if held is None:
                return False
            held.is_stale = True
            return True
        for held in self._objects.values():
            held.is_stale = True
        return True

    def seconds_to_expire(self, held: Held) -> int | None:
        """How long it is held yet; None for ever."""
        return self._left(held, self.options.object_lifetime_maximum)

    def seconds_to_stale(self, held: Held) -> int | None:
        """When it is to be read anew; None never."""
        return 0 if held.is_stale else self._left(held, self.options.object_lifetime_stale)

    def _left(self, held: Held, life: int) -> int | None:
        if not life:
            return None
        return max(0, int(held.since + life - self._now() + 0.999))

    def _expire(self) -> None:
        if self.options.object_lifetime_maximum:
            for id in [id for id, held in self._objects.items() if self.seconds_to_expire(held) == 0]:
                del self._objects[id]
                self.is_populated = False

"""What every request of the wire has: a method's name and the access level that it needs."""

from typing import Any, ClassVar

from cgwire.access import Access


class Request:
    """A frozen dataclass per method, in the module of its noun; its docstring gives the shape of the reply.

    Fields are what msgpack carries: str (text), bytes (paths and globs), bool, int, float, tuples of these and maps.
    A field with a default may be left out on the wire.
    """

    __slots__ = ()

    METHOD: ClassVar[str]
    ACCESS: ClassVar[Access]

    def to_wire(self) -> dict[str, Any]:
        """The map that travels: all fields but those that have their default value."""
        fields: dict[str, Any] = self.__dataclass_fields__  # type: ignore[attr-defined]  # every subclass is a dataclass
        return {
            name: value
            for name, field in fields.items()
            if name not in ("METHOD", "ACCESS") and (value := getattr(self, name)) != field.default
        }

"""Compiled functions as methods: bound to an object, which is their first argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from reelgrad._core import SettingError

if TYPE_CHECKING:
    from reelgrad.compiled import CompiledFunction

__all__ = ["BoundFunction", "without_object"]


class BoundFunction:
    """A compiled function and the object that is its first argument.

    `argnums` counts the arguments after the object, as the caller does. Everything else is the function's.
    """

    __slots__ = ("__func__", "__self__")

    def __init__(self, function: CompiledFunction, instance: object) -> None:
        self.__func__, self.__self__ = function, instance

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Return the values: see `reelgrad.CompiledFunction`."""
        return self.__func__(self.__self__, *args, **settings)

    def value_and_grad(self, *args: Any, argnums: int | Sequence[int] = 0, **settings: Any) -> Any:
        """Return the value and the gradient by the arguments `argnums`."""
        return self.__func__.value_and_grad(self.__self__, *args, argnums=_after_self(argnums), **settings)

    def grad(self, *args: Any, argnums: int | Sequence[int] = 0, **settings: Any) -> Any:
        """Return the gradient by the arguments `argnums`."""
        return self.__func__.grad(self.__self__, *args, argnums=_after_self(argnums), **settings)

    @property
    def __wrapped__(self) -> Any:
        """The method that was compiled, bound to the same object."""
        return MethodType(self.__func__.__wrapped__, self.__self__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__func__, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundFunction):
            return NotImplemented
        return self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __hash__(self) -> int:
        return hash((id(self.__func__), id(self.__self__)))

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self.__self__, self.__func__.__wrapped__.__name__)

    def __repr__(self) -> str:
        return f"<{self.__func__!r} of {self.__self__!r:.80}>"


def without_object(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a bound method as a compiled function of the other arguments, whose first are to be moved.

    Raises
    ------
    SettingError
        If the object is not static.
    """
    if not isinstance(function, BoundFunction):
        return function
    compiled = function.__func__
    settings = compiled.settings
    if 0 not in settings.static_argnums:
        raise SettingError(
            f"{compiled!r} is a method, whose object is an argument like others: name it in static_argnums, or pass a "
            "function whose first argument are the parameters"
        )
    axes = settings.in_axes
    return type(compiled)(
        function.__wrapped__,
        replace(
            settings,
            in_axes=axes[1:] if isinstance(axes, (tuple, list)) else axes,
            static_argnums=tuple(k - (k > 0) for k in settings.static_argnums if k != 0),
        ),
    )


def _after_self(argnums: int | Sequence[int]) -> int | tuple[int, ...]:
    if isinstance(argnums, (int, np.integer)):
        return int(argnums) + (argnums >= 0)
    return tuple(int(k) + (k >= 0) for k in argnums)

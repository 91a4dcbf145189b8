"""Optimisers: they move parameters against their gradients, by PyTorch's rules and with its defaults.

Made with variables, ``SGD(model.parameters(), lr=0.1)``, an optimiser serves a loop written by hand: `step()` reads
each parameter's gradient and sets its value; it records nothing. `zero_grad()` sets the gradients to 0 for the next
`backward()`. `lr` may be set at any time; the other settings are read at every step too. What an optimiser remembers
(velocities, moments) belongs to the parameters that it was made with, in their order.

Made without, ``SGD(0.1)``, it is a rule with its settings, for `reelgrad.fit`. Both follow the same code of the engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from itertools import repeat
from numbers import Real
from typing import Any, TypeAlias

import numpy as np

from reelgrad import _core
from reelgrad._core import LengthError, Node, NodeTypeError, SettingError, VariableError
from reelgrad.arrays import Array
from reelgrad.checks import real
from reelgrad.optim.schedules import Schedule

__all__ = ["Optimizer", "Rate"]

Rate: TypeAlias = "float | Callable[[int], float]"


class Optimizer(ABC):
    """What all optimisers share: the parameters, the learning rate, `zero_grad`, `step`.

    Parameters
    ----------
    parameters : iterable of Node and Array, optional
        Variables, such as ``model.parameters()``, each once. Without them the optimiser is for `reelgrad.fit`; the
        learning rate may then come first.
    lr : float or callable
        The learning rate, finite and at least 0, or a function that gives it for the number of steps made before, such
        as those of `reelgrad.optim.schedules`.

    Raises
    ------
    LengthError
        If the iterable of parameters is empty.
    NodeTypeError
        If one is not a Node or an Array.
    VariableError
        If one is the result of an operation.
    SettingError
        If a parameter is given twice (it would be moved twice), or a setting is out of range.
    """

    _default_lr = 1e-3

    def __init__(self, parameters: Iterable[Any] | Rate | None, lr: Rate | None) -> None:
        name = type(self).__name__
        if isinstance(parameters, Real) or (callable(parameters) and not isinstance(parameters, Iterable)):
            if lr is not None:
                raise SettingError(
                    f"{name}({parameters!r}, {lr!r}): two learning rates; without parameters there is one, and other "
                    "settings go by name"
                )
            lr, parameters = parameters, None
        self.parameters = [] if parameters is None else _checked_parameters(parameters, name)
        self.lr = self._default_lr if lr is None else lr
        self._in_bulk = any(isinstance(parameter, Array) for parameter in self.parameters)
        self._memory = _core._Optimizer(self._size)

    @property
    def _size(self) -> int:
        """How many numbers the parameters are."""
        return sum(p.size if isinstance(p, Array) else 1 for p in self.parameters)

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        if not callable(self._lr):
            return self._lr
        return real("lr", self._lr(self._memory.steps), 0.0)

    @lr.setter
    def lr(self, lr: Rate) -> None:
        self._lr: Rate = lr if callable(lr) else real("lr", lr, 0.0)

    @property
    def schedule(self) -> Rate:
        """The learning rate as it was set: a number, or a function of the number of steps made before."""
        return self._lr

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    def step(self) -> None:
        """Move every parameter once, by its gradient."""
        parameters = self.parameters
        if not parameters:
            raise LengthError(
                f"step(): this {type(self).__name__} was made without parameters, for reelgrad.fit; for a loop of your "
                "own give them first: model.parameters()"
            )
        if self._in_bulk:
            self._step_in_bulk()
            return
        values = [parameter.value for parameter in parameters]
        gradient = [parameter.grad for parameter in parameters]
        values = self._memory.step(self.native(), self.lr, values, gradient)
        for parameter, value in zip(parameters, values, strict=True):
            parameter.value = value

    def _step_in_bulk(self) -> None:
        values = np.concatenate([np.ravel(parameter.value) for parameter in self.parameters])
        gradient = np.concatenate([np.ravel(parameter.grad) for parameter in self.parameters])
        values = self._memory.step_in_bulk(self.native(), self.lr, values, gradient)
        at = 0
        for parameter in self.parameters:
            if isinstance(parameter, Array):
                parameter.value = values[at : at + parameter.size].reshape(parameter.shape)
                at += parameter.size
            else:
                parameter.value = values[at]
                at += 1

    def native(self) -> _core._OptimizerSettings:
        """Return the rule and its settings as the engine takes them."""
        return _core._OptimizerSettings(type(self).__name__, **self.settings())

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the settings that the rule has besides the learning rate, by name."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_memory": self._memory.state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._memory = _core._Optimizer(self._size)
        self._memory.restore(state["_memory"])

    def __repr__(self) -> str:
        lr = (
            self._lr
            if not callable(self._lr) or isinstance(self._lr, Schedule)
            else getattr(self._lr, "__name__", "...")
        )
        settings = "".join(f", {name}={value!r}" for name, value in self.settings().items())
        of = f"{self._size} parameters, " if self.parameters else ""
        return f"{type(self).__name__}({of}lr={lr}{settings})"


def _checked_parameters(parameters: Any, optimizer: str) -> list[Any]:
    if isinstance(parameters, (Node, Array)):
        what = type(parameters).__name__
        raise NodeTypeError(f"{optimizer}: got one {what}, but a list of them is needed: [{what.lower()}]")
    if isinstance(parameters, str) or not isinstance(parameters, Iterable):
        raise NodeTypeError(f"{optimizer}: got {parameters!r}, but variables, or a learning rate, are needed")
    checked = list(parameters)
    if not checked:
        raise LengthError(f"{optimizer} got no parameters: there is nothing to optimise; pass model.parameters()")
    seen: set[Any] = set()
    for k, parameter in enumerate(checked):
        if not isinstance(parameter, (Node, Array)):
            raise NodeTypeError(
                f"{optimizer}: parameter {k} is {parameter!r}, but a Node is needed, or an Array: make it with "
                "rg.Node(...) or rg.array(...)"
            )
        if not parameter.is_variable:
            raise VariableError(
                f"{optimizer}: parameter {k}, {parameter!r}, is the result of an operation; only variables can be moved"
            )
        keys = _keys(parameter)
        if not seen.isdisjoint(keys) or len(set(keys)) < len(keys):
            raise SettingError(
                f"{optimizer}: parameter {k}, {parameter!r}, is given twice and would be moved twice; give it once"
                + ("; so are views of an Array the same variables" if isinstance(parameter, Array) else "")
            )
        seen.update(keys)
    return checked


def _keys(parameter: Any) -> list[Any]:
    """Return what tells variables apart: handles, or of Arrays the tape and the places on it."""
    if isinstance(parameter, Array):
        return list(zip(repeat(parameter.tape), parameter._entries().ravel().tolist(), strict=False))
    return [(parameter.tape, _core._entry_of_node(parameter))]

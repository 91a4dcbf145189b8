"""Module: the owner of parameters, which are variables one by one (Nodes) or in bulk (Arrays)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from reelgrad._core import Node, NodeTypeError, ReelgradError
from reelgrad.arrays import Array
from reelgrad.module_trees import register_module

__all__ = ["Module", "Parameter", "StateError"]

Parameter: TypeAlias = Node | Array
_Path: TypeAlias = tuple[Any, ...]  # () for the module itself, else (path to the container, key in it)
_NUMBERS_AND_TEXT = frozenset({bool, int, float, str, type(None)})  # common attributes that hold no variables
_LISTED = 8  # names in a message


class StateError(ReelgradError, ValueError):
    """A state does not fit the module that it was to be loaded into."""

    __module__ = "reelgrad.nn"


class Module:
    """Owner of parameters: a base for networks and whatever else has variables to fit.

    The parameters are the variables found in the attributes, in the order in which those were set, and in the lists,
    tuples, dicts, object arrays and modules among them. An Array of variables is one parameter. What is found twice
    counts once. Attributes whose name begins with an underscore are not searched, and results of operations are no
    parameters.

    Examples
    --------
    >>> import reelgrad as rg
    >>> class Line(rg.nn.Module):
    ...     def __init__(self):
    ...         self.slope = rg.Node(2.0)
    ...         self.offset = rg.Node(1.0)
    ...
    ...     def __call__(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(3.0).backward()
    >>> {name: p.grad for name, p in line.named_parameters()}
    {'slope': 3.0, 'offset': 1.0}
    """

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        register_module(cls)

    def named_parameters(self) -> Iterator[tuple[str, Any]]:
        """Yield each parameter with the path that leads to it, as in ``'layers.0.neurons.3.w.1'``."""
        for parameter, path in self._variables():
            yield _name(path), parameter

    def parameters(self) -> list[Any]:
        """Return the parameters, Nodes and Arrays, as a list, in the order of `named_parameters`."""
        return [parameter for parameter, _ in self._variables()]

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        for parameter in self.parameters():
            parameter.grad = 0.0

    def state_dict(self) -> dict[str, NDArray[np.float64]]:
        """Return the parameters' values, as NumPy arrays by the names of `named_parameters`.

        The arrays are copies. ``numpy.savez(file, **model.state_dict())`` writes them to a file, and
        ``model.load_state_dict(numpy.load(file))`` reads them.

        Examples
        --------
        >>> import reelgrad as rg
        >>> model = rg.nn.Linear(2, 1, seed=0)
        >>> {name: values.shape for name, values in model.state_dict().items()}
        {'weight': (1, 2), 'bias': (1,)}
        """
        return {name: np.array(parameter.value) for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set the parameters' values to those of a state: numbers and arrays by the names of `named_parameters`.

        Raises
        ------
        StateError
            If a name is missing, or is of no parameter, or values have another shape or are no real numbers; tells
            which. Then nothing is changed.
        NodeTypeError
            If `state` is no mapping.

        Examples
        --------
        >>> import reelgrad as rg
        >>> model, other = rg.nn.Linear(2, 1, seed=0), rg.nn.Linear(2, 1, seed=1)
        >>> model.load_state_dict(other.state_dict())
        >>> bool((model.weight.value == other.weight.value).all())
        True
        """
        if not isinstance(state, Mapping):
            raise NodeTypeError(
                f"load_state_dict: got {type(state).__name__}, but a mapping of names to values is needed, such as "
                "another module's state_dict() or what numpy.load gives for an .npz file"
            )
        parameters = dict(self.named_parameters())
        wrong = [
            f"{what}: {_listed(names)}"
            for what, names in (
                ("missing", [name for name in parameters if name not in state]),
                ("of no parameter", [str(name) for name in state if name not in parameters]),
            )
            if names
        ]
        values: dict[str, NDArray[np.float64]] = {}
        misfits = []
        for name, parameter in parameters.items():
            if name not in state:
                continue
            shape = parameter.shape if isinstance(parameter, Array) else ()
            found = state[name]
            given = np.asarray(found.value if isinstance(found, Parameter) else found)
            if given.dtype.kind not in "fiu":
                misfits.append(f"{name} has dtype {given.dtype} instead of real numbers")
            elif given.shape != shape:
                misfits.append(f"{name} has shape {given.shape} instead of {shape}")
            else:
                values[name] = given.astype(np.float64)
        if misfits:
            wrong.append(_listed(misfits))
        if wrong:
            raise StateError(
                f"the state does not fit this {type(self).__name__}: {'; '.join(wrong)}. Nothing was changed"
            )
        for name, parameter in parameters.items():
            parameter.value = values[name] if isinstance(parameter, Array) else float(values[name])

    def _variables(self) -> list[tuple[Parameter, _Path]]:
        found: dict[int, tuple[Parameter, _Path]] = {}
        _find_variables(self, (), found, set())
        return list(found.values())

    def __repr__(self) -> str:
        count = sum(p.size if isinstance(p, Array) else 1 for p in self.parameters())
        return f"{type(self).__name__}({count} parameters)"


register_module(Module)


def _find_variables(value: object, path: _Path, found: dict[int, tuple[Parameter, _Path]], seen: set[int]) -> None:
    """Walk through what a module holds, noting the path to each variable; `seen` ends cycles."""
    entries: Iterable[tuple[object, object]]
    if isinstance(value, (list, tuple)):
        entries = enumerate(value)
    elif isinstance(value, Module):
        entries = [entry for entry in vars(value).items() if entry[0][:1] != "_"]
    elif isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, np.ndarray) and value.dtype == object:
        entries = [(".".join(map(str, position)), entry) for position, entry in np.ndenumerate(value)]
    else:
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    for key, entry in entries:
        if isinstance(entry, Parameter):
            if entry.is_variable:
                found.setdefault(id(entry), (entry, (path, key)))
        elif type(entry) not in _NUMBERS_AND_TEXT:
            _find_variables(entry, (path, key), found, seen)


def _name(path: _Path) -> str:
    above, key = path
    return f"{_name(above)}.{key}" if above else str(key)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more

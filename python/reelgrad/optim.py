"""Optimisers: they move variables against their gradients, by PyTorch's rules and with its defaults.

`step()` reads each parameter's gradient and sets its value; it records nothing. `zero_grad()` sets the gradients to 0
for the next `backward()`. `lr` may be set at any time; the other settings are read at every step too. What an optimiser
remembers (velocities, moments) belongs to the parameters that it was made with, in their order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from math import isfinite, sqrt

from reelgrad._core import LengthError, Node, NodeTypeError, SettingError, VariableError

__all__ = ["SGD", "Adam", "Optimizer"]


class Optimizer(ABC):
    """What all optimisers share: the parameters, the learning rate, `zero_grad`.

    Parameters
    ----------
    parameters : iterable of Node
        Variables, such as ``model.parameters()``, each once.
    lr : float
        The learning rate, finite and at least 0.

    Raises
    ------
    LengthError
        If there are no parameters.
    NodeTypeError
        If one is not a Node.
    VariableError
        If one is the result of an operation.
    SettingError
        If a parameter is given twice (it would be moved twice), or a setting is out of range.
    """

    def __init__(self, parameters: Iterable[Node], lr: float) -> None:
        self.parameters = _checked_parameters(parameters, type(self).__name__)
        self.lr = lr

    @property
    def lr(self) -> float:
        """The learning rate of the next step."""
        return self._lr

    @lr.setter
    def lr(self, lr: float) -> None:
        self._lr = _checked("lr", lr, 0.0, float("inf"))

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to 0."""
        for parameter in self.parameters:
            parameter.grad = 0.0

    @abstractmethod
    def step(self) -> None:
        """Move every parameter once, by its gradient."""


class SGD(Optimizer):
    """Gradient descent, with momentum if that is not 0.

    For each parameter p with gradient g: v = g in the first step and v = momentum*v + g later, then p = p - lr*v. (The
    learning rate is not inside v, unlike in the textbook form, so that changing it acts at once.)

    Parameters
    ----------
    parameters : iterable of Node
        Variables, such as ``model.parameters()``.
    lr : float
        The learning rate.
    momentum : float
        What remains of the velocity from step to step, at least 0.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w = rg.Node(1.0)
    >>> optimizer = rg.optim.SGD([w], lr=0.25)
    >>> for _ in range(3):
    ...     loss = (w - 3.0) ** 2
    ...     optimizer.zero_grad()
    ...     loss.backward()
    ...     optimizer.step()
    >>> w.value
    2.75
    """

    def __init__(self, parameters: Iterable[Node], lr: float = 1e-3, momentum: float = 0.0) -> None:
        super().__init__(parameters, lr)
        self.momentum = _checked("momentum", momentum, 0.0, float("inf"))
        self._velocities = [0.0] * len(self.parameters)

    def step(self) -> None:
        """Move every parameter once, by its gradient."""
        lr, momentum = self._lr, self.momentum
        if momentum == 0.0:
            for parameter in self.parameters:
                parameter.value -= lr * parameter.grad
            return
        for k, parameter in enumerate(self.parameters):
            self._velocities[k] = velocity = momentum * self._velocities[k] + parameter.grad
            parameter.value -= lr * velocity


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    Algorithm 1 of D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015 (arXiv:1412.6980).
    For each parameter p with gradient g, in step t = 1, 2, ...:

    m = beta1*m + (1 - beta1)*g, v = beta2*v + (1 - beta2)*g**2,
    p = p - lr * m/(1 - beta1**t) / (sqrt(v/(1 - beta2**t)) + eps)

    Parameters
    ----------
    parameters : iterable of Node
        Variables, such as ``model.parameters()``.
    lr : float
        The learning rate: about the size of a step.
    betas : pair of float
        How much of the first and of the second moment remains from step to step; each at least 0 and below 1.
    eps : float
        Added to the denominator, at least 0.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w = rg.Node(1.0)
    >>> optimizer = rg.optim.Adam([w], lr=0.1)
    >>> ((w - 3.0) ** 2).backward()
    >>> optimizer.step()
    >>> print(f"{w.value:.6f}")  # the first step has length lr, whatever the gradient
    1.100000
    """

    def __init__(
        self,
        parameters: Iterable[Node],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        beta1, beta2 = betas
        self.betas = _checked("betas[0]", beta1, 0.0, 1.0), _checked("betas[1]", beta2, 0.0, 1.0)
        self.eps = _checked("eps", eps, 0.0, float("inf"))
        self._steps = 0
        self._first_moments = [0.0] * len(self.parameters)
        self._second_moments = [0.0] * len(self.parameters)

    def step(self) -> None:
        """Move every parameter once, by its gradient."""
        beta1, beta2 = self.betas
        eps, first, second = self.eps, self._first_moments, self._second_moments
        self._steps += 1
        lr = self._lr / (1.0 - beta1**self._steps)
        root_correction = sqrt(1.0 - beta2**self._steps)
        for k, parameter in enumerate(self.parameters):
            gradient = parameter.grad
            first[k] = beta1 * first[k] + (1.0 - beta1) * gradient
            second[k] = beta2 * second[k] + (1.0 - beta2) * gradient * gradient
            parameter.value -= lr * first[k] / (sqrt(second[k]) / root_correction + eps)


def _checked_parameters(parameters: Iterable[Node], optimizer: str) -> list[Node]:
    if isinstance(parameters, Node):
        raise NodeTypeError(f"{optimizer}: got one Node, but a list of them is needed: [node]")
    checked = list(parameters)
    if not checked:
        raise LengthError(f"{optimizer} got no parameters: there is nothing to optimise; pass model.parameters()")
    seen: set[int] = set()
    for k, parameter in enumerate(checked):
        if not isinstance(parameter, Node):
            raise NodeTypeError(
                f"{optimizer}: parameter {k} is {parameter!r}, but a Node is needed: make it with rg.Node(...)"
            )
        if not parameter.is_variable:
            raise VariableError(
                f"{optimizer}: parameter {k}, {parameter!r}, is the result of an operation; only variables can be moved"
            )
        if id(parameter) in seen:
            raise SettingError(
                f"{optimizer}: parameter {k}, {parameter!r}, is given twice and would be moved twice; give it once"
            )
        seen.add(id(parameter))
    return checked


def _checked(name: str, value: float, least: float, below: float) -> float:
    if not (isfinite(value) and least <= value < below):
        limits = f"at least {least:g}" + (f" and below {below:g}" if isfinite(below) else " and finite")
        raise SettingError(f"{name} is {value!r}, but must be {limits}")
    return value

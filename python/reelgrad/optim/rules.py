"""The rules: gradient descent, Adam, AdamW and RMSprop, by PyTorch's formulas and with its defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reelgrad._core import SettingError
from reelgrad.checks import real
from reelgrad.optim.optimizer import Optimizer, Rate

__all__ = ["SGD", "Adam", "AdamW", "RMSprop"]


class SGD(Optimizer):
    """Gradient descent, with momentum if that is not 0.

    For each parameter p with gradient g:

        g = g + weight_decay*p
        v = g                                   in the first step, and later
        v = momentum*v + (1 - dampening)*g
        p = p - lr*v                            or, with Nesterov's momentum,
        p = p - lr*(g + momentum*v)

    The learning rate is not inside v, unlike in the textbook form, so that changing it acts at once.

    Parameters
    ----------
    parameters, lr
        As for `Optimizer`.
    momentum : float
        What remains of the velocity from step to step, at least 0.
    dampening : float
        How much of the gradient does not go into the velocity.
    weight_decay : float
        Times the parameter, it is added to the gradient; at least 0.
    nesterov : bool
        Whether to look ahead along the velocity; needs momentum, and no dampening.

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

    def __init__(
        self,
        parameters: Iterable[Any] | Rate | None = None,
        lr: Rate | None = None,
        momentum: float = 0.0,
        *,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = real("momentum", momentum, 0.0)
        self.dampening = real("dampening", dampening)
        self.weight_decay = real("weight_decay", weight_decay, 0.0)
        self.nesterov = bool(nesterov)
        if nesterov and (momentum == 0.0 or dampening != 0.0):
            raise SettingError(
                f"nesterov needs momentum above 0 and no dampening, but they are {momentum!r} and {dampening!r}"
            )

    def step(self) -> None:
        """Move every parameter once, by its gradient."""
        if self.momentum == 0.0 == self.weight_decay and not callable(self._lr):
            # In small loops written by hand the way into the engine would cost more than these two operations.
            lr = self._lr
            for parameter in self.parameters:
                parameter.value -= lr * parameter.grad
            if self.parameters:
                return
        super().step()

    def settings(self) -> dict[str, Any]:
        """Return the settings that the rule has besides the learning rate, by name."""
        return {
            "momentum": self.momentum,
            "dampening": self.dampening,
            "weight_decay": self.weight_decay,
            "nesterov": self.nesterov,
        }


class Adam(Optimizer):
    """Adam: steps scaled by running moments of the gradient.

    Algorithm 1 of D. P. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015 (arXiv:1412.6980).
    For each parameter p with gradient g, in step t = 1, 2, ...:

        g = g + weight_decay*p
        m = beta1*m + (1 - beta1)*g
        v = beta2*v + (1 - beta2)*g**2
        p = p - lr * m/(1 - beta1**t) / (sqrt(v/(1 - beta2**t)) + eps)

    Parameters
    ----------
    parameters, lr
        As for `Optimizer`. The learning rate is about the size of a step.
    betas : pair of float
        How much of the first and of the second moment remains from step to step; each at least 0 and below 1.
    eps : float
        Added to the denominator, at least 0.
    weight_decay : float
        Times the parameter, it is added to the gradient; at least 0.

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

    _default_weight_decay = 0.0

    def __init__(
        self,
        parameters: Iterable[Any] | Rate | None = None,
        lr: Rate | None = None,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float | None = None,
    ) -> None:
        super().__init__(parameters, lr)
        if not isinstance(betas, (tuple, list)) or len(betas) != 2:
            raise SettingError(f"betas: got {betas!r:.80}, but a pair of numbers is needed")
        beta1, beta2 = betas
        self.betas = real("betas[0]", beta1, 0.0, 1.0), real("betas[1]", beta2, 0.0, 1.0)
        self.eps = real("eps", eps, 0.0)
        decay = self._default_weight_decay if weight_decay is None else weight_decay
        self.weight_decay = real("weight_decay", decay, 0.0)

    def settings(self) -> dict[str, Any]:
        """Return the settings that the rule has besides the learning rate, by name."""
        return {"betas": self.betas, "eps": self.eps, "weight_decay": self.weight_decay}


class AdamW(Adam):
    """Adam that takes the weight decay from the parameter itself: ``p = p - lr*weight_decay*p`` first.

    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019 (arXiv:1711.05101). Parameters as
    for `Adam`; `weight_decay` is 0.01 by default.

    Examples
    --------
    >>> import reelgrad as rg
    >>> rg.optim.AdamW(1e-3)
    AdamW(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)
    """

    _default_weight_decay = 0.01


class RMSprop(Optimizer):
    """Steps scaled by a running mean of the squared gradient.

    T. Tieleman and G. Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012. For each parameter p with
    gradient g:

        g = g + weight_decay*p
        v = alpha*v + (1 - alpha)*g**2
        p = p - lr * g/(sqrt(v) + eps)

    With momentum that quotient is accumulated as in `SGD`; centred, v is made a variance: the square of the mean of g
    is taken off.

    Parameters
    ----------
    parameters, lr
        As for `Optimizer`; `lr` is 0.01 by default.
    alpha : float
        How much of the mean square remains from step to step; at least 0 and below 1.
    eps : float
        Added to the denominator, at least 0.
    weight_decay : float
        Times the parameter, it is added to the gradient; at least 0.
    momentum : float
        What remains of the velocity from step to step, at least 0.
    centered : bool
        Whether to scale by the variance.

    Examples
    --------
    >>> import reelgrad as rg
    >>> w = rg.Node(1.0)
    >>> optimizer = rg.optim.RMSprop([w], lr=0.01, alpha=0.75)
    >>> ((w - 3.0) ** 2).backward()
    >>> optimizer.step()
    >>> print(f"{w.value:.6f}")  # the first step has length lr/sqrt(1 - alpha)
    1.020000
    """

    _default_lr = 1e-2

    def __init__(
        self,
        parameters: Iterable[Any] | Rate | None = None,
        lr: Rate | None = None,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.alpha = real("alpha", alpha, 0.0, 1.0)
        self.eps = real("eps", eps, 0.0)
        self.weight_decay = real("weight_decay", weight_decay, 0.0)
        self.momentum = real("momentum", momentum, 0.0)
        self.centered = bool(centered)

    def settings(self) -> dict[str, Any]:
        """Return the settings that the rule has besides the learning rate, by name."""
        return {
            "alpha": self.alpha,
            "eps": self.eps,
            "weight_decay": self.weight_decay,
            "momentum": self.momentum,
            "centered": self.centered,
        }

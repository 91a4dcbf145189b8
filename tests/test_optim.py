"""Optimisers follow PyTorch's rules: against an independent implementation in NumPy and against closed forms."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import optim


class ReferenceSGD:
    """PyTorch's documented rule, on one array."""

    def __init__(self, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.weight_decay, self.nesterov, self.buffer = weight_decay, nesterov, None

    def step(self, theta, g):
        g = g + self.weight_decay * theta
        if self.momentum:
            self.buffer = g if self.buffer is None else self.momentum * self.buffer + (1 - self.dampening) * g
            g = g + self.momentum * self.buffer if self.nesterov else self.buffer
        return theta - self.lr * g


class ReferenceAdam:
    """Algorithm 1 of the paper, line by line, on one array; the decay in the gradient, or decoupled."""

    def __init__(self, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, decoupled=False):
        self.alpha, (self.beta1, self.beta2), self.eps = lr, betas, eps
        self.weight_decay, self.decoupled = weight_decay, decoupled
        self.m = self.v = 0.0
        self.t = 0

    def step(self, theta, g):
        self.t += 1
        if self.decoupled:
            theta = theta - self.alpha * self.weight_decay * theta
        else:
            g = g + self.weight_decay * theta
        self.m = self.beta1 * self.m + (1 - self.beta1) * g
        self.v = self.beta2 * self.v + (1 - self.beta2) * g**2
        m_hat = self.m / (1 - self.beta1**self.t)
        v_hat = self.v / (1 - self.beta2**self.t)
        return theta - self.alpha * m_hat / (np.sqrt(v_hat) + self.eps)


class ReferenceRMSprop:
    """PyTorch's documented rule, on one array."""

    def __init__(self, lr, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        self.lr, self.alpha, self.eps = lr, alpha, eps
        self.weight_decay, self.momentum, self.centered = weight_decay, momentum, centered
        self.v = self.mean = self.buffer = 0.0

    def step(self, theta, g):
        g = g + self.weight_decay * theta
        self.v = self.alpha * self.v + (1 - self.alpha) * g**2
        self.mean = self.alpha * self.mean + (1 - self.alpha) * g
        scaled = g / (np.sqrt(self.v - self.mean**2 if self.centered else self.v) + self.eps)
        self.buffer = self.momentum * self.buffer + scaled
        return theta - self.lr * self.buffer


RULES = {
    "SGD": (lambda *p: optim.SGD(*p, lr=0.1), lambda: ReferenceSGD(0.1)),
    "SGD with momentum": (lambda *p: optim.SGD(*p, lr=0.05, momentum=0.9), lambda: ReferenceSGD(0.05, 0.9)),
    "SGD with all but Nesterov": (
        lambda *p: optim.SGD(*p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1),
        lambda: ReferenceSGD(0.05, 0.9, 0.3, 0.1),
    ),
    "SGD with Nesterov": (
        lambda *p: optim.SGD(*p, lr=0.05, momentum=0.9, nesterov=True),
        lambda: ReferenceSGD(0.05, 0.9, nesterov=True),
    ),
    "Adam": (lambda *p: optim.Adam(*p), lambda: ReferenceAdam(1e-3)),
    "Adam with its settings": (
        lambda *p: optim.Adam(*p, lr=0.1, betas=(0.5, 0.75), eps=1e-3, weight_decay=0.2),
        lambda: ReferenceAdam(0.1, (0.5, 0.75), 1e-3, 0.2),
    ),
    "AdamW": (lambda *p: optim.AdamW(*p), lambda: ReferenceAdam(1e-3, weight_decay=0.01, decoupled=True)),
    "RMSprop": (lambda *p: optim.RMSprop(*p), lambda: ReferenceRMSprop(0.01)),
    "RMSprop with its settings": (
        lambda *p: optim.RMSprop(*p, 0.02, alpha=0.9, eps=1e-4, weight_decay=0.1, momentum=0.5),
        lambda: ReferenceRMSprop(0.02, 0.9, 1e-4, 0.1, 0.5),
    ),
}
GRADIENTS = [g * 10.0 ** np.arange(-2, 3) for g in np.random.default_rng(0).standard_normal((100, 5))]
START = np.random.default_rng(1).standard_normal(5)


@pytest.mark.parametrize(("make", "reference"), RULES.values(), ids=RULES)
def test_a_hundred_steps_agree_with_the_reference(make, reference):
    theta, by_rule = START, reference()
    parameters = [rg.Node(value) for value in theta]
    optimizer = make(parameters)
    for gradient in GRADIENTS:
        for parameter, g in zip(parameters, gradient, strict=True):
            parameter.grad = g
        optimizer.step()
        theta = by_rule.step(theta, gradient)
    # A few roundings per step, and no growth: the gradients do not depend on the parameters.
    np.testing.assert_allclose([p.value for p in parameters], theta, rtol=1e-12)


def test_centred_rmsprop_agrees_with_the_reference_up_to_its_cancellation():
    theta, by_rule = START, ReferenceRMSprop(0.01, centered=True)
    parameters = [rg.Node(value) for value in theta]
    optimizer = optim.RMSprop(parameters, centered=True)
    for gradient in GRADIENTS:
        for parameter, g in zip(parameters, gradient, strict=True):
            parameter.grad = g
        optimizer.step()
        theta = by_rule.step(theta, gradient)
    np.testing.assert_allclose([p.value for p in parameters], theta, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in RULES if "settings" not in name])
def test_the_rules_are_those_of_pytorch_itself(name):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    ours = RULES[name][0]()
    settings = {k: v for k, v in ours.settings().items() if k != "centered"}
    theta = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    theirs = getattr(torch.optim, type(ours).__name__)([theta], lr=ours.lr, **settings)
    parameters = [rg.Node(value) for value in START]
    optimizer = RULES[name][0](parameters)
    for gradient in GRADIENTS:
        theta.grad = torch.tensor(gradient)
        theirs.step()
        for parameter, g in zip(parameters, gradient, strict=True):
            parameter.grad = g
        optimizer.step()
    np.testing.assert_allclose([p.value for p in parameters], theta.detach().numpy(), rtol=1e-12)


def test_a_schedule_gives_the_learning_rate_of_each_step():
    w = rg.Node(0.0)
    optimizer = optim.SGD([w], optim.schedules.piecewise([2], [1.0, 0.25]))
    rates = []
    for _ in range(4):
        w.grad = 1.0
        rates.append(optimizer.lr)
        optimizer.step()
    assert (rates, w.value) == ([1.0, 1.0, 0.25, 0.25], -2.5)
    optimizer = optim.Adam([w], lr=lambda update: 0.5 / (1 + update))
    optimizer.step()
    assert optimizer.lr == 0.25


def test_schedules_have_value_and_survive_pickling():
    linear = optim.schedules.linear(1.0, 0.1, 100)
    assert [linear(k) for k in range(101)] == [1.0 - 0.9 * k / 100 for k in range(100)] + [0.1]
    assert pickle.loads(pickle.dumps(linear)) == linear == optim.schedules.linear(1.0, 0.1, 100)
    assert linear != optim.schedules.linear(1.0, 0.1, 101)
    assert repr(linear) == "schedules.linear(1, 0.1, 100)"
    with pytest.raises(rg.LengthError, match="2 boundaries and 2 rates"):
        optim.schedules.piecewise([1, 2], [0.1, 0.2])
    with pytest.raises(rg.SettingError, match="warmup is 10, but must be less than its steps, 10"):
        optim.schedules.cosine(1.0, 0.0, steps=10, warmup=10)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (optim.SGD(0.1), "SGD(lr=0.1, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False)"),
        (optim.Adam(lr=0.1), "Adam(lr=0.1, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.0)"),
        (optim.AdamW(), "AdamW(lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01)"),
        (
            optim.RMSprop(optim.schedules.step(1.0, 0.5, 10)),
            "RMSprop(lr=schedules.step(1, 0.5, 10), alpha=0.99, eps=1e-08, weight_decay=0.0, momentum=0.0, "
            "centered=False)",
        ),
    ],
)
def test_an_optimiser_without_parameters_is_a_rule_for_fit(setting, told):
    assert repr(setting) == told
    with pytest.raises(rg.LengthError, match=r"made without parameters, for reelgrad\.fit"):
        setting.step()


def test_sgd_on_a_parabola_shrinks_the_distance_by_the_same_factor_at_every_step():
    w = rg.Node(3.0)
    optimizer = optim.SGD([w], lr=0.125)
    for _ in range(20):
        optimizer.zero_grad()
        ((w - 1.0) ** 2).backward()
        optimizer.step()
    assert w.value == 1.0 + 2.0 * (1 - 2 * 0.125) ** 20  # 1 - 2*lr = 3/4: every step is exact in binary


def test_momentum_under_a_constant_gradient_has_the_closed_form():
    w = rg.Node(0.0)
    lr, momentum, steps = 0.1, 0.9, 50
    optimizer = optim.SGD([w], lr, momentum)
    for _ in range(steps):
        w.grad = 1.0
        optimizer.step()
    velocities = [(1 - momentum**k) / (1 - momentum) for k in range(1, steps + 1)]
    assert math.isclose(w.value, -lr * math.fsum(velocities), rel_tol=1e-14)


@pytest.mark.parametrize("gradient", [1e-6, -3.0, 1e100])
def test_adams_first_step_has_length_lr_whatever_the_gradient(gradient):
    w = rg.Node(0.0)
    w.grad = gradient
    optim.Adam([w], lr=0.01).step()
    # m/(1 - beta1) = g and sqrt(v/(1 - beta2)) = |g|; both corrections are rounded once.
    assert math.isclose(w.value, -0.01 * gradient / (abs(gradient) + 1e-8), rel_tol=1e-13)


def test_adam_leaves_a_parameter_without_gradient_in_its_place():
    w = rg.Node(2.0)
    optim.Adam([w]).step()
    assert w.value == 2.0


def test_the_learning_rate_of_momentum_acts_at_once():
    w = rg.Node(0.0)
    optimizer = optim.SGD([w], lr=1.0, momentum=0.5)
    w.grad = 1.0
    optimizer.step()
    optimizer.lr = 0.0
    optimizer.step()
    assert (w.value, optimizer.lr) == (-1.0, 0.0)


def test_defaults_are_pytorchs():
    w = rg.Node(0.0)
    sgd, adam = optim.SGD([w]), optim.Adam([w])
    assert (sgd.lr, sgd.momentum) == (1e-3, 0.0)
    assert (adam.lr, adam.betas, adam.eps) == (1e-3, (0.9, 0.999), 1e-8)


def test_zero_grad_is_for_the_optimisers_own_parameters():
    w, other = rg.variables(1.0, 2.0)
    (w * other).backward()
    optim.SGD([w]).zero_grad()
    assert (w.grad, other.grad) == (0.0, 1.0)


def test_a_step_records_nothing_and_keeps_gradients():
    with rg.Tape() as tape:
        w = rg.Node(1.0)
        (w * w).backward()
        before = len(tape)
        optim.Adam([w]).step()
        optim.SGD([w], momentum=0.9).step()
    assert len(tape) == before
    assert w.grad == 2.0


def test_parameters_may_come_from_a_generator():
    model = rg.nn.MLP(2, [2, 1])
    optimizer = optim.SGD(p for p in model.parameters())
    assert optimizer.parameters == model.parameters()


@pytest.mark.parametrize(
    "make", [lambda ps: optim.SGD(ps, 0.05, 0.5), lambda ps: optim.Adam(ps, 0.1)], ids=["SGD", "Adam"]
)
def test_both_find_the_least_squares_line(make):
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 20)
    y = 0.7 * x - 0.2 + 0.1 * rng.standard_normal(20)
    slope, offset = rg.variables(0.0, 0.0)
    optimizer = make([slope, offset])
    for _ in range(500):
        optimizer.zero_grad()
        rg.mse([slope * xi + offset for xi in x], y).backward()
        optimizer.step()
    np.testing.assert_allclose([slope.value, offset.value], np.polyfit(x, y, 1), rtol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (lambda w: optim.SGD([]), rg.LengthError, "SGD got no parameters.*model.parameters"),
        (lambda w: optim.Adam(iter(())), ValueError, "Adam got no parameters"),
        (lambda w: optim.SGD([w, 1.0]), rg.NodeTypeError, r"parameter 1 is 1\.0, but a Node is needed"),
        (lambda w: optim.SGD(w), rg.NodeTypeError, r"got one Node, but a list of them is needed"),
        (lambda w: optim.SGD([w * 2.0]), rg.VariableError, "parameter 0, .* is the result of an operation"),
        (lambda w: optim.SGD([w, w]), rg.ReelgradError, "parameter 1, .* is given twice"),
        (lambda w: optim.SGD([w], lr=-1.0), ValueError, r"lr is -1\.0, but must be at least 0"),
        (lambda w: optim.SGD([w], lr=math.nan), ValueError, "lr is nan"),
        (lambda w: optim.SGD([w], lr=math.inf), ValueError, "lr is inf, but must be at least 0 and finite"),
        (lambda w: setattr(optim.SGD([w]), "lr", -0.5), ValueError, r"lr is -0\.5"),
        (lambda w: optim.SGD([w], momentum=-0.1), ValueError, r"momentum is -0\.1"),
        (lambda w: optim.Adam([w], betas=(1.0, 0.9)), ValueError, r"betas\[0\] is 1\.0, .* below 1"),
        (lambda w: optim.Adam([w], betas=(0.9, -0.1)), ValueError, r"betas\[1\] is -0\.1"),
        (lambda w: optim.Adam([w], eps=-1e-8), ValueError, "eps is -1e-08"),
        (lambda w: optim.Adam([w], weight_decay=-1.0), ValueError, r"weight_decay is -1\.0"),
        (lambda w: optim.SGD([w], nesterov=True), rg.SettingError, "nesterov needs momentum above 0"),
        (lambda w: optim.SGD(0.1, 0.9), rg.SettingError, "two learning rates"),
        (lambda w: optim.SGD("0.1"), rg.NodeTypeError, "got '0.1', but variables, or a learning rate, are needed"),
        (lambda w: optim.SGD(-0.1), rg.SettingError, r"lr is -0\.1"),
        (lambda w: optim.RMSprop([w], alpha=1.0), rg.SettingError, r"alpha is 1\.0, .* below 1"),
        (lambda w: optim.SGD([w], lr=lambda update: -1.0).step(), rg.SettingError, r"lr is -1\.0"),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(wrong, error, told):
    with pytest.raises(error, match=told):
        wrong(rg.Node(1.0))


def test_a_parameter_that_a_rewind_removed_raises_instead_of_moving_another():
    with rg.Tape() as tape:
        mark = tape.mark()
        w = rg.Node(1.0)
        optimizer = optim.SGD([w])
        tape.rewind(mark)
        with pytest.raises(rg.StaleNodeError):
            optimizer.step()

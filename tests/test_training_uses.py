"""Training asked for in ways that one does not think of first: odd settings, odd answers of callbacks and schedules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reelgrad as rg

X = np.linspace(-1.0, 1.0, 10)
T = 2.0 * X - 1.0


def loss(p: Any, x: Any, t: Any) -> Any:
    return (p["a"] * x + p["b"] - t) ** 2


def fit(**settings: Any) -> rg.FitResult:
    given: dict[str, Any] = {"optimizer": rg.optim.SGD(0.1), "epochs": 5, **settings}
    return rg.fit(loss, {"a": 0.0, "b": 0.0}, (X, T), **given)


@pytest.mark.parametrize("answer", [True, np.True_, np.bool_(True)], ids=repr)
def test_a_callback_stops_with_true_of_python_or_numpy(answer: object) -> None:
    assert fit(callback=lambda *_: answer).epoch == 1


@pytest.mark.parametrize("answer", [False, np.False_, None, 1, np.ones(2), "True"], ids=repr)
def test_a_callback_that_answers_something_else_goes_on(answer: object) -> None:
    assert fit(callback=lambda *_: answer).epoch == 5


def test_an_error_of_a_callback_comes_out_and_nothing_is_left_behind() -> None:
    def raise_it(epoch: int, *_: object) -> None:
        if epoch == 2:
            raise KeyError("mine")

    expected = fit()
    with pytest.raises(KeyError, match="mine"):
        fit(callback=raise_it)
    assert fit().params == expected.params


def test_early_stopping_may_be_numpys() -> None:
    assert fit(validation=(X, T), early_stopping=np.int64(3)).epoch == 5


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"epochs": 10**20}, rg.SettingError, "epochs is 1000.* below 2"),
        ({"batch_size": 10**20}, rg.SettingError, "batch_size is 1000.* below 2"),
        ({"tol": "a"}, rg.NodeTypeError, "tol: got 'a'"),
        ({"validation": (X,)}, rg.LengthError, "validation: got 1 arguments of the loss, but data has 2"),
        ({"validation": X}, rg.LengthError, "validation: got 1 "),
        ({"validation": (X, T, T)}, rg.LengthError, "validation: got 3 "),
        ({"optimizer": rg.optim.SGD(lambda k: "a")}, rg.NodeTypeError, "gave 'a' for update 0"),
        ({"optimizer": rg.optim.SGD(lambda k: None if k == 3 else 0.1)}, rg.NodeTypeError, "None for update 3"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_wrong_settings_are_named(settings: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        fit(**settings)


@pytest.mark.parametrize("betas", [0.9, (0.9,), (0.9, 0.99, 0.999), "ab", None])
def test_betas_are_a_pair(betas: Any) -> None:
    with pytest.raises(rg.ReelgradError, match=r"betas"):
        rg.optim.Adam(0.1, betas=betas)


def test_settings_of_optimisers_are_numbers() -> None:
    for make in (
        lambda: rg.optim.SGD(0.1, momentum="a"),
        lambda: rg.optim.Adam(0.1, eps=None),
        lambda: rg.optim.RMSprop(0.1, alpha=[0.9]),
        lambda: rg.optim.schedules.constant("a"),
        lambda: rg.optim.schedules.linear(0.1, None, 5),
    ):
        with pytest.raises(rg.NodeTypeError, match="needed"):
            make()
    schedule = rg.optim.schedules.linear(1.0, 0.0, 10)
    assert schedule(np.int64(5)) == 0.5
    for update in (-1, 1.5, "a"):
        with pytest.raises(rg.SettingError, match="at least 0"):
            schedule(update)


def test_a_variable_given_by_two_handles_is_given_twice() -> None:
    w = rg.array([1.0, 2.0])
    for twice in ([w[0], w[0]], [w, w[1]], [w[1], w]):
        with pytest.raises(rg.SettingError, match="given twice"):
            rg.optim.SGD(twice, lr=0.1)
    optimizer = rg.optim.SGD([w[0], w[1]], lr=0.5)
    (w * w).sum().backward()
    optimizer.step()
    assert w.value.tolist() == [0.0, 0.0]


class Model:
    order = 2

    @rg.compile(static_argnums=0, in_axes=(None, None, 0, 0), reduce="mean")
    def loss(self, p: Any, x: Any, t: Any) -> Any:
        return (p["a"] * x**self.order + p["b"] - t) ** 2

    @rg.compile(static_argnums=(0, -1))
    def bowl(self, p: Any, power: int) -> Any:
        return (p - 3.0) ** power

    @rg.compile
    def unnamed(self, p: Any) -> Any:
        return p * p


def test_a_compiled_method_is_fitted_and_minimised_by_the_argument_after_its_object() -> None:
    start, settings = {"a": 0.0, "b": 0.0}, {"optimizer": rg.optim.Adam(0.1), "epochs": 5}
    of_function = rg.fit(lambda p, x, t: (p["a"] * x**2 + p["b"] - t) ** 2, start, (X, T), **settings)
    assert rg.fit(Model().loss, start, (X, T), **settings).params == of_function.params
    assert rg.minimize(Model().bowl, 0.0, (2,)).x == pytest.approx(3.0)
    with pytest.raises(rg.SettingError, match="is a method, whose object is an argument"):
        rg.minimize(Model().unnamed, 1.0)

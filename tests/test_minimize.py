"""rg.minimize and rg.least_squares: SciPy gets exact derivatives, and answers come back in the structure of x0."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import reelgrad as rg

optimize = pytest.importorskip("scipy.optimize", reason="SciPy is not installed")

POINT = np.array([-1.2, 1.0, 0.3, 0.7])
RNG = np.random.default_rng(5)


def rosenbrock(x):
    return sum(100.0 * (x[k + 1] - x[k] ** 2) ** 2 + (1.0 - x[k]) ** 2 for k in range(len(x) - 1))


@pytest.mark.parametrize(
    "method",
    [
        "Nelder-Mead",
        "Powell",
        "COBYLA",
        "CG",
        "BFGS",
        "L-BFGS-B",
        "TNC",
        "SLSQP",
        "Newton-CG",
        "trust-ncg",
        "trust-krylov",
        "trust-constr",
        "dogleg",
        "trust-exact",
    ],
)
def test_every_method_finds_the_minimum(method):
    center = np.array([1.0, -0.5, 2.0])

    def fun(x):  # convex, which dogleg needs
        away = [a - b for a, b in zip(x, center, strict=True)]
        return sum(map(rg.cosh, away)) + 0.5 * sum(away) ** 2

    start = np.array([0.5, 0.5, 0.5])
    result = rg.minimize(fun, start, method=method, tol=1e-6)
    np.testing.assert_allclose(result.x, center, atol=1e-3)
    assert start.tolist() == [0.5, 0.5, 0.5]


def test_l_bfgs_b_is_the_default_and_gets_the_exact_gradient(monkeypatch):
    given = {}

    def record(fun, x0, **settings):
        given.update(settings, fun=fun)
        return optimize.OptimizeResult(x=x0)

    monkeypatch.setattr(optimize, "minimize", record)
    rg.minimize(rosenbrock, POINT)
    value, gradient = given["fun"](POINT)
    assert (given["method"], given["jac"]) == ("L-BFGS-B", True)
    assert value == pytest.approx(optimize.rosen(POINT), rel=1e-14)
    np.testing.assert_allclose(gradient, optimize.rosen_der(POINT), rtol=1e-13)


def test_hessian_vector_products_and_hessians_are_exact(monkeypatch):
    given = {}

    def record(fun, x0, **settings):
        given.update(settings)
        return optimize.OptimizeResult(x=x0)

    monkeypatch.setattr(optimize, "minimize", record)
    rg.minimize(rosenbrock, POINT, method="trust-krylov")
    for direction in (np.eye(4)[1], RNG.standard_normal(4)):
        np.testing.assert_allclose(
            given["hessp"](POINT, direction), optimize.rosen_hess_prod(POINT, direction), rtol=1e-12, atol=1e-11
        )
    rg.minimize(rosenbrock, POINT, method="trust-exact")
    np.testing.assert_allclose(given["hess"](POINT), optimize.rosen_hess(POINT), rtol=1e-12, atol=1e-11)


def test_a_likelihood_over_a_batch_has_its_closed_form():
    x = RNG.gamma(2.0, 3.0, 500)

    @rg.compile(in_axes=(None, 0), reduce="sum")
    def negative_log_likelihood(params, x):
        return (x - params["mean"]) ** 2 / (2.0 * rg.exp(2.0 * params["log_sd"])) + params["log_sd"]

    for method in ("L-BFGS-B", "trust-ncg", "trust-exact"):
        result = rg.minimize(negative_log_likelihood, {"mean": 3.0, "log_sd": 1.0}, (x,), method=method, tol=1e-10)
        assert result.x["mean"] == pytest.approx(x.mean(), rel=1e-6)
        assert np.exp(result.x["log_sd"]) == pytest.approx(x.std(), rel=1e-6)
        assert set(result.x) == {"mean", "log_sd"}


def test_a_mean_is_the_sum_over_the_number_of_samples():
    x = np.linspace(0, 1, 7)
    for reduce, n in (("sum", 1), ("mean", 7)):
        fun = rg.compile(lambda w, x: (w - x) ** 2 + 1.0, in_axes=(None, 0), reduce=reduce)
        result = rg.minimize(fun, 0.0, (x,))
        assert result.fun == pytest.approx((((x - x.mean()) ** 2).sum() + 7) / n)
        assert result.x == pytest.approx(x.mean())


def test_other_arguments_bounds_and_structures():
    def fun(x, center, factor):
        (a,), b = x
        return factor * ((a - center[0]) ** 2 + (b[1] - center[1]) ** 2 + b[0] ** 2)

    start = ((0.0,), np.array([1.0, 0.5]))
    result = rg.minimize(fun, start, (np.array([3.0, -2.0]), 2.0), bounds=[(None, 1.0), (None, None), (-1.0, None)])
    (a,), b = result.x
    assert a == pytest.approx(1.0)
    np.testing.assert_allclose(b, [0.0, -1.0], atol=1e-6)
    assert start[1].tolist() == [1.0, 0.5]


def test_a_module_comes_back_as_a_new_one():
    model = rg.nn.Neuron(2, activation="linear")
    before = [p.value for p in model.parameters()]
    X = RNG.standard_normal((30, 2))
    t = X @ [2.0, -1.0] + 0.5
    loss = rg.compile(lambda model, x, t: (model(x) - t) ** 2, in_axes=(None, 0, 0), reduce="mean")
    result = rg.minimize(loss, model, (X, t), method="trust-exact")
    np.testing.assert_allclose([p.value for p in result.x.parameters()], [2.0, -1.0, 0.5], rtol=1e-6)
    assert [p.value for p in model.parameters()] == before


def test_branches_that_the_way_down_meets_are_traced():
    def huber(x):
        total = 0.0
        for element in x:
            total = total + (0.5 * element * element if abs(element) < 1.0 else abs(element) - 0.5)
        return total

    for method in ("BFGS", "trust-ncg", "Nelder-Mead"):
        result = rg.minimize(huber, np.array([5.0, -4.0]), method=method)
        np.testing.assert_allclose(result.x, 0.0, atol=1e-4)


# --- Least squares.

TIMES = np.linspace(0.0, 3.0, 25)
DECAY = 3.0 * np.exp(-0.7 * TIMES) + 0.2


def residual(p, t, y):
    return p["a"] * rg.exp(-p["k"] * t) + p["c"] - y


def jacobian_by_hand(p):
    e = np.exp(-p["k"] * TIMES)
    return np.stack([e, np.ones_like(e), -p["a"] * TIMES * e], axis=1)  # a, c, k: dicts go by their sorted keys


START = {"a": 1.0, "k": 1.0, "c": 0.0}


@pytest.mark.parametrize(
    ("fun", "args"),
    [
        (rg.compile(residual, in_axes=(None, 0, 0)), (TIMES, DECAY)),
        (lambda p: [residual(p, t, y) for t, y in zip(TIMES, DECAY, strict=True)], ()),
        (lambda p, ts, ys: {"all": [residual(p, t, y) for t, y in zip(ts, ys, strict=True)]}, (TIMES, DECAY)),
    ],
    ids=["per sample", "a list", "a structure"],
)
@pytest.mark.parametrize("method", ["trf", "lm", "dogbox"])
def test_least_squares_fits_the_curve_with_the_jacobian_by_hand(fun, args, method, monkeypatch):
    given = {}
    solve = optimize.least_squares

    def record(fun, x0, **settings):
        given.update(settings, fun=fun)
        return solve(fun, x0, **settings)

    monkeypatch.setattr(optimize, "least_squares", record)
    result = rg.least_squares(fun, START, args, method=method)
    assert result.x == pytest.approx({"a": 3.0, "k": 0.7, "c": 0.2}, rel=1e-6)
    x = np.array([2.0, 0.1, 0.5])
    p = dict(zip(("a", "c", "k"), x, strict=True))
    np.testing.assert_allclose(given["jac"](x), jacobian_by_hand(p), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(
        given["fun"](x), p["a"] * np.exp(-p["k"] * TIMES) + p["c"] - DECAY, rtol=1e-12, atol=1e-15
    )


def test_several_residuals_per_sample_go_sample_by_sample():
    angles = np.linspace(0, 2, 9)
    points = np.stack([1.0 + 2.0 * np.cos(angles), -0.5 + 2.0 * np.sin(angles)], axis=1)

    @rg.compile(in_axes=(None, 0, 0))
    def distance(circle, point, angle):
        x, y, r = circle
        return [x + r * rg.cos(angle) - point[0], y + r * rg.sin(angle) - point[1]]

    result = rg.least_squares(distance, [0.0, 0.0, 1.0], (points, angles))
    np.testing.assert_allclose(result.x, [1.0, -0.5, 2.0], rtol=1e-8)
    assert isinstance(result.x, list)
    by_hand = np.zeros((9, 2, 3))
    by_hand[:, 0, 0] = by_hand[:, 1, 1] = 1.0
    by_hand[:, 0, 2], by_hand[:, 1, 2] = np.cos(angles), np.sin(angles)
    np.testing.assert_allclose(result.jac, by_hand.reshape(18, 3), rtol=1e-13, atol=1e-15)


def test_one_residual_of_one_number():
    result = rg.least_squares(lambda x: x * x - 2.0, 1.0, method="lm")
    assert result.x == pytest.approx(2.0**0.5)


# --- Wrong use.


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: rg.minimize(rosenbrock, POINT, jac=True), rg.SettingError, r"minimize\(jac=\.\.\.\)"),
        (lambda: rg.least_squares(rosenbrock, POINT, jac="2-point"), rg.SettingError, r"least_squares\(jac"),
        (
            lambda: rg.minimize(rg.compile(lambda w, x: w * x, in_axes=(None, 0)), 1.0, (TIMES,)),
            rg.SettingError,
            "fun was compiled without reduce",
        ),
        (
            lambda: rg.least_squares(rg.compile(lambda w, x: w * x, in_axes=(None, 0), reduce="sum"), 1.0, (TIMES,)),
            rg.SettingError,
            "compiled with reduce",
        ),
        (lambda: rg.minimize(lambda x: [x, x], 1.0), TypeError, "return a number"),
        (lambda: rg.minimize(lambda x: 1.0, "a"), TypeError, "x0 has no numbers"),
        (lambda: rg.least_squares(lambda x: [], 1.0), TypeError, "returned no numbers"),
        (lambda: rg.minimize(rosenbrock, POINT, method="nonsense"), ValueError, "nonsense"),
        (
            lambda: rg.minimize(rg.compile(residual, in_axes=(None, 0, 0), reduce="sum"), START, (TIMES, DECAY[:-1])),
            rg.LengthError,
            "24",
        ),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(call, error, told):
    with pytest.raises(error, match=told):
        call()


@pytest.mark.parametrize("call", [rg.minimize, rg.least_squares])
def test_without_scipy_the_way_to_it_is_told(call, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match=r"needs SciPy: pip install 'reelgrad\[scipy\]'"):
        call(lambda x: x, 1.0)

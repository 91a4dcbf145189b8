"""Wrong use of grad, jacobian and their like: the error says what it was and what to do."""

from __future__ import annotations

import copy
import pickle
import traceback
from typing import Any

import numpy as np
import pytest

import reelgrad as rg


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (lambda x: [x, x], "a list of 2.*reelgrad.jacobian"),
        (lambda x: np.array([x, x]), r"shape \(2,\).*reelgrad.jacobian"),
        (lambda x: (x, "aux"), "has_aux=True"),
        (lambda x: None, "return missing"),
        (lambda x: "text", "str 'text'"),
    ],
)
def test_a_gradient_needs_a_number(result: Any, words: str) -> None:
    with pytest.raises(rg.StructureError, match=words):
        rg.grad(result)(1.0)


@pytest.mark.parametrize("static", ["text", None, True, rg.static(2.0), ["a", None]])
def test_a_static_argument_has_no_derivative(static: Any) -> None:
    with pytest.raises(rg.SettingError, match="argument 0 is static"):
        rg.grad(lambda x: 1.0)(static)


def test_what_is_no_number_is_named_by_its_path() -> None:
    with pytest.raises(rg.StructureError, match=r"argument 0\['a'\]\[1\].*complex"):
        rg.grad(lambda p: p["a"][0])({"a": [1.0, 2j]})


@pytest.mark.parametrize("argnums", [1, -2, (0, 1), (0, 0)])
def test_argnums_out_of_range_are_refused(argnums: Any) -> None:
    with pytest.raises(rg.SettingError, match="argnums"):
        rg.grad(lambda x: x, argnums)(1.0)


def test_what_cannot_be_called_is_refused() -> None:
    for derivative in (rg.grad, rg.value_and_grad, rg.jacobian, rg.hessian, rg.vjp):
        with pytest.raises(rg.NodeTypeError, match="cannot be called"):
            derivative(3.0)  # type: ignore[operator]


@pytest.mark.parametrize("derivative", [rg.jvp, rg.hvp])
def test_tangents_must_fit(derivative: Any) -> None:
    f = lambda v: v[0] * v[1]  # noqa: E731
    v = np.ones(2)
    with pytest.raises(rg.LengthError, match="1 primals need as many tangents, not 2"):
        derivative(f, (v,), (v, v))
    with pytest.raises(rg.NodeTypeError, match="a tuple is needed"):
        derivative(f, v, v)
    with pytest.raises(rg.LengthError, match=r"shape \(3,\)"):
        derivative(f, (v,), (np.ones(3),))
    with pytest.raises(rg.StructureError, match="structure"):
        derivative(f, (v,), ([1.0, 1.0],))


def test_seeds_must_fit() -> None:
    _, pull = rg.vjp(lambda x: (x, x), 1.0)
    with pytest.raises(rg.StructureError, match="seeds"):
        pull([1.0, 1.0])


def test_a_node_of_another_tape_is_refused() -> None:
    other = rg.Tape().variable(1.0)
    with pytest.raises(rg.TapeMismatchError, match="another tape"):
        rg.grad(lambda x: other)(1.0)
    with pytest.raises(rg.TapeMismatchError):
        rg.grad(lambda x: x * other)(1.0)


def test_errors_of_the_function_keep_their_traceback() -> None:
    def fails(x: Any) -> Any:
        return [][3]

    with pytest.raises(IndexError) as caught:
        rg.grad(fails)(1.0)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fails"
    assert rg.grad(lambda x: x * x)(1.0) == 2.0
    assert type(rg.grad(lambda x: x)(rg.Node(1.0))) is float  # nothing is under way any more


def test_derivatives_say_what_they_are() -> None:
    def loss(x: Any, y: Any) -> Any:
        return x * y

    assert rg.grad(loss).__name__ == "gradient_of_loss"
    assert rg.hessian(loss).__doc__ == "Jacobian of gradient_of_loss."


@pytest.mark.parametrize("transform", [rg.grad, rg.jacobian, rg.hessian])
def test_a_pickle_of_an_argument_would_lose_its_derivative(transform: Any) -> None:
    with pytest.raises(rg.ReelgradError, match=r"(argument|intermediate|traced).*(copied|copy)|copy"):
        transform(lambda x: pickle.loads(pickle.dumps(x)) ** 2)(3.0)
    assert transform(lambda x: copy.copy(2.0) * x)(3.0) is not None


def test_other_variables_may_be_copied_while_a_derivative_is_taken() -> None:
    constant = rg.Node(2.0)
    assert rg.grad(lambda x: copy.deepcopy(constant).value * x)(3.0) == 2.0
    assert rg.grad(lambda x: rg.grad(lambda y: y * y)(2.0) * x)(3.0) == 4.0
    assert copy.copy(constant).value == 2.0

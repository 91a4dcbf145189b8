"""Trees: what is a number, what is static, and that taking apart and putting together is the identity."""

from __future__ import annotations

import dataclasses
import re
from collections import namedtuple
from fractions import Fraction
from typing import Any

import numpy as np
import optree
import pytest

import reelgrad as rg
from reelgrad.trees import Static, flatten, with_axes

Point = namedtuple("Point", "x y")


def numbers(tree: Any) -> list[Any]:
    return flatten(tree)[0]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (1.5, [1.5]),
        (3, [3.0]),
        (np.float32(0.5), [0.5]),
        (np.int64(-2), [-2.0]),
        ([1.0, (2.0, {"b": 4.0, "a": 3.0})], [1.0, 2.0, 3.0, 4.0]),
        (Point(1.0, [2.0]), [1.0, 2.0]),
        (["name", True, None, 1.0, rg.static([1])], [1.0]),
        ([], []),
        (np.bool_(True), []),
        (rg.Node(2.5), [2.5]),
    ],
    ids=repr,
)
def test_numbers_are_leaves_and_the_rest_is_static(tree: Any, expected: list[float]) -> None:
    assert numbers(tree) == expected


def test_arrays_are_leaves_of_their_own_type() -> None:
    for dtype in (np.float64, np.float32, np.int8, np.uint64, np.bool_):
        array = np.ones((2, 3), dtype)
        (leaf,), structure = flatten({"a": array})
        assert leaf is array
        assert structure.leaves[0].shape == (2, 3)
        assert structure.size == 6


def test_an_array_of_objects_becomes_numbers() -> None:
    (leaf,), _ = flatten(np.array([rg.Node(1.0), 2, 3.5], object))
    assert isinstance(leaf, np.ndarray)
    assert leaf.dtype == np.float64
    assert leaf.tolist() == [1.0, 2.0, 3.5]


@pytest.mark.parametrize(
    "tree",
    [1.0, [1.0, (2.0, {"b": 4.0, "a": "text"})], Point(1.0, [2.0, None]), {"k": [np.arange(3.0), 1.0]}],
    ids=repr,
)
def test_put_together_it_is_the_same_tree(tree: Any) -> None:
    leaves, structure = flatten(tree)
    again = structure.unflatten(leaves)
    assert repr(again) == repr(tree)
    assert type(again) is type(tree)


def test_flat_numbers_are_spread_over_the_leaves() -> None:
    _, structure = flatten({"w": np.zeros((2, 2)), "b": 0.0})
    filled = structure.unflatten_flat(np.array([9.0, 1.0, 2.0, 3.0, 4.0]))
    assert filled["b"] == 9.0
    assert filled["w"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    objects = structure.unflatten_flat([rg.Node(9.0)] * 5)
    assert objects["w"].dtype == object
    assert objects["w"].shape == (2, 2)


def test_structures_are_equal_by_shape_and_statics() -> None:
    def key(tree: Any) -> Any:
        return flatten(tree)[1]

    assert key([1.0, "a"]) == key([2.0, "a"])
    assert hash(key([1.0, "a"])) == hash(key([2.0, "a"]))
    assert key([1.0, "a"]) != key([1.0, "b"])
    assert key([1.0, True]) != key([1.0, False])
    assert key([1.0]) != key((1.0,))
    assert key(np.zeros(2)) != key(np.zeros(3))
    assert key(np.zeros(1)) != key(0.0)
    assert key(rg.static(1)) != key(rg.static(True))
    assert key(rg.static(0.0)) != key(rg.static(-0.0))
    assert key(rg.static(float("nan"))) == key(rg.static(float("nan")))
    unhashable = [1]
    assert key(rg.static(unhashable)) == key(rg.static(unhashable))
    assert key(rg.static([1])) != key(rg.static([1]))


@pytest.mark.parametrize(
    ("tree", "path", "says"),
    [
        ({"w": [1.0, 1j]}, "params['w'][1]", "complex"),
        ([np.array([1j])], "params[0]", "complex128"),
        ([np.array(["a"])], "params[0]", "real numbers"),
        ((Fraction(1, 3),), "params[0]", "Fraction"),
        ([1.0, len], "params[1]", r"rg\.static"),
        ([10**400], "params[0]", "too large"),
        ([np.array([1.0, "a"], object)], "params[0]", r"element \(1,\)"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_what_is_no_number_is_refused_with_its_place(tree: Any, path: str, says: str) -> None:
    with pytest.raises(rg.StructureError, match=re.escape(path) + ".*" + says):
        flatten(tree, "params")


def test_a_result_of_an_operation_is_no_argument() -> None:
    with pytest.raises(rg.StructureError, match=r"pass its \.value"):
        flatten([rg.Node(1.0) * 2.0])


def test_static_compares_by_value_or_identity() -> None:
    assert Static("a") == rg.static("a")
    assert Static("a") != "a"
    assert repr(rg.static([1])) == "static([1])"


# --- Modules


class Scaled(rg.nn.Module):
    def __init__(self) -> None:
        self.w = [rg.Node(1.0), rg.Node(2.0)]
        self.shared = self.w[0]
        self.slope = 0.5
        self._hidden = rg.Node(7.0)
        self.net = rg.nn.Neuron(1)
        self.table = {"k": np.array([rg.Node(3.0), 4.0], object)}


def test_a_modules_leaves_are_its_parameters() -> None:
    model = Scaled()
    leaves, structure = flatten(model)
    assert leaves == [p.value for p in model.parameters()]
    assert next(iter(structure.paths("model"))).startswith("model")


def test_a_module_put_together_is_new_and_of_the_same_make() -> None:
    model = Scaled()
    before = [p.value for p in model.parameters()]
    leaves, structure = flatten(model)
    again = structure.unflatten([10.0 * x for x in leaves])
    assert type(again) is Scaled
    assert again is not model
    assert again.w == [10.0, 20.0]
    assert again.shared == 10.0
    assert again.slope == 0.5
    assert again._hidden is model._hidden
    assert again.table["k"][0] == 30.0
    assert again.table["k"][1] == 4.0
    assert again.net._activation is model.net._activation
    assert [p.value for p in model.parameters()] == before
    assert model.w[0].value == 1.0


def test_modules_of_one_make_have_one_structure() -> None:
    assert flatten(rg.nn.MLP(2, [3, 1]))[1] == flatten(rg.nn.MLP(2, [3, 1]))[1]
    assert flatten(rg.nn.MLP(2, [3, 1]))[1] != flatten(rg.nn.MLP(2, [4, 1]))[1]
    assert flatten(rg.nn.MLP(2, [3, 1]))[1] != flatten(rg.nn.MLP(2, [3, 1], activation="tanh"))[1]
    other = Scaled()
    other.slope = 0.25
    assert flatten(Scaled())[1] != flatten(other)[1]


def test_a_module_that_holds_itself_is_put_together_again() -> None:
    class Ring(rg.nn.Module):
        def __init__(self) -> None:
            self.x = rg.Node(1.0)
            self.me = [self]

    leaves, structure = flatten(Ring())
    again = structure.unflatten([2.0 * leaves[0]])
    assert again.me[0] is again
    assert again.x == 2.0


def test_a_module_can_stand_anywhere_in_a_tree() -> None:
    leaves, structure = flatten({"m": rg.nn.Neuron(2), "lr": 0.1})
    assert len(leaves) == 4
    again = structure.unflatten(leaves)
    assert isinstance(again["m"], rg.nn.Neuron)


# --- Axes


def axes_of(tree: Any, axes: Any) -> list[Any]:
    return with_axes(tree, flatten(tree)[1], axes, "arguments")


def test_axes_are_spread_over_the_leaves() -> None:
    tree = ([1.0, 2.0], {"a": 3.0, "s": "text"}, 4.0)
    assert axes_of(tree, (None, 0, 1)) == [None, None, 0, 1]
    assert axes_of(tree, ([0, None], {"a": 1, "s": None}, None)) == [0, None, 1, None]
    assert axes_of(rg.nn.Neuron(2), None) == [None] * 3


@pytest.mark.parametrize("axes", [(0,), (0, [0, 1], None), ([0], 0, 0), (0.5, 0, 0), (True, 0, 0)], ids=repr)
def test_axes_that_do_not_fit_are_refused(axes: Any) -> None:
    with pytest.raises(rg.StructureError, match="in_axes"):
        axes_of(([1.0, 2.0], {"a": 3.0}, 4.0), axes)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (1.0, "number"),
        ({"w": np.ones(2), "b": [0.0, "name"]}, "{'w': array of shape (2,), 'b': [number, 'name']}"),
        (Point(1.0, None), "Point(x=number, y=None)"),
        ([1.0] * 100, "[" + "number, " * 24 + "number,..."),
        (rg.nn.Neuron(1), None),
    ],
    ids=["number", "dict", "named tuple", "long", "module"],
)
def test_a_structure_reads_as_python_with_words_for_numbers(tree: Any, text: str | None) -> None:
    shown = str(flatten(tree)[1])
    assert len(shown) <= 203
    assert text is None or shown == text


def test_messages_about_structures_are_readable() -> None:
    f = rg.compile(lambda x: x if x > 0.0 else [x])
    f(1.0)
    with pytest.raises(
        rg.StructureError, match=r"returns \[number\] where it branches at .*, but number on its first path"
    ):
        f(-1.0)
    with pytest.raises(
        rg.StructureError, match=r"out: got the structure \[number, number\], but array of shape \(2,\) is needed"
    ):
        rg.compile(lambda p: rg.sum(p)).grad(np.ones(2), out=[0.0, 0.0])
    with pytest.raises(
        rg.StructureError, match=r"got the structure number, but tangents of argument 0 have \[number\]"
    ):
        rg.jvp(lambda x: x[0], ([1.0],), (1.0,))


@dataclasses.dataclass
class Plain:
    a: float
    b: float


def test_a_dataclass_says_how_it_becomes_a_tree_and_is_one_then() -> None:
    with pytest.raises(rg.StructureError, match=r"argument 0: got the dataclass Plain.*optree\.dataclasses\.dataclass"):
        rg.grad(lambda s: s.a * s.b)(Plain(2.0, 3.0))
    registered: Any = optree.dataclasses.dataclass(type("Registered", (Plain,), {}), namespace="reelgrad")
    assert rg.grad(lambda s: s.a * s.b)(registered(2.0, 3.0)) == registered(3.0, 2.0)
    compiled = rg.compile(lambda s: registered(s.b, s.a * s.b))
    assert compiled(registered(2.0, 3.0)) == registered(3.0, 6.0)

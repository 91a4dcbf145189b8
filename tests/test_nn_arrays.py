"""Layers on Arrays compute NumPy's numbers, and modules of them are trees like all modules."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

import reelgrad as rg
from reelgrad import nn

RNG = np.random.default_rng(4)
X = RNG.standard_normal((7, 3))
T = RNG.standard_normal(7)


def by_hand(model, x):
    """Return what a DenseMLP with tanh computes, in NumPy."""
    (*hidden, last) = [(layer.weight.value, layer.bias.value) for layer in model.layers]
    for weight, bias in hidden:
        x = np.tanh(x @ weight.T + bias)
    return (x @ last[0].T + last[1])[..., 0]


def loss(model, x, t):
    return (model(x) - t) ** 2


# Layers


@pytest.mark.parametrize("shape", [(3,), (7, 3), (2, 7, 3)], ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_numpys_affine_map_for_any_number_of_samples(shape, bias):
    layer = nn.Linear(3, 2, bias=bias, seed=1)
    if bias:
        layer.bias.value = [0.5, -1.0]
    x = np.random.default_rng(2).standard_normal(shape)
    expected = x @ layer.weight.value.T + (layer.bias.value if bias else 0.0)
    np.testing.assert_allclose(layer(x).value, expected, rtol=1e-14)
    np.testing.assert_allclose(layer(rg.array(x)).value, expected, rtol=1e-14)
    np.testing.assert_allclose(layer(x.tolist()).value, expected, rtol=1e-14)


def test_linear_takes_lists_and_object_arrays_of_nodes_and_gives_them_gradients():
    layer = nn.Linear(2, 1, seed=0)
    for make in (list, lambda nodes: np.array(nodes, object), lambda nodes: [nodes[0], nodes[1]]):
        nodes = [rg.Node(1.0), rg.Node(-2.0)]
        layer(make(nodes)).backward()
        assert [node.grad for node in nodes] == layer.weight.value[0].tolist()


def test_gradients_of_a_dense_mlp_are_those_of_the_scalar_form():
    dense = nn.DenseMLP(3, [4, 4, 1], activation="tanh", seed=3)
    scalar = nn.MLP(3, [4, 4, 1], activation="tanh")
    for layer, neurons in zip(dense.layers, scalar.layers, strict=True):
        for k, neuron in enumerate(neurons.neurons):
            neuron.b.value = layer.bias.value[k]
            for j, w in enumerate(neuron.w):
                w.value = layer.weight.value[k, j]
    total = ((dense(X) - T) ** 2).sum()
    by_sample = sum(loss(scalar, x.tolist(), t) for x, t in zip(X, T, strict=True))
    assert total.value == pytest.approx(by_sample.value, rel=1e-13)
    total.backward()
    by_sample.backward()
    for layer, neurons in zip(dense.layers, scalar.layers, strict=True):
        rows = [[w.grad for w in neuron.w] for neuron in neurons.neurons]
        np.testing.assert_allclose(layer.weight.grad, rows, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(layer.bias.grad, [n.b.grad for n in neurons.neurons], rtol=1e-11, atol=1e-13)


def test_a_last_layer_of_width_one_gives_one_number_for_a_sample():
    model = nn.DenseMLP(3, [5, 1], seed=0)
    assert isinstance(model(X[0]), rg.Node)
    assert model(X).shape == (7,)
    assert model(X[None]).shape == (1, 7)
    assert nn.DenseMLP(3, [5, 2], seed=0)(X).shape == (7, 2)


@pytest.mark.parametrize(
    ("activation", "function"),
    [("tanh", np.tanh), ("relu", lambda z: np.maximum(z, 0.0)), (rg.sin, np.sin), ("linear", lambda z: z)],
    ids=["tanh", "relu", "sin", "linear"],
)
def test_the_activation_stands_between_the_layers(activation, function):
    model = nn.DenseMLP(3, [4, 2], activation=activation, output=activation, seed=5)
    first, second = model.layers
    hidden = function(X @ first.weight.value.T)
    np.testing.assert_allclose(model(X).value, function(hidden @ second.weight.value.T), rtol=1e-12, atol=1e-14)


def test_sequential_applies_modules_and_functions_in_order():
    first, second = nn.Linear(3, 4, seed=0), nn.Linear(4, 2, seed=1)
    model = nn.Sequential(first, rg.tanh, second, lambda z: z * 2.0)
    np.testing.assert_array_equal(model(X).value, (second(rg.tanh(first(X))) * 2.0).value)
    assert len(model) == 4
    assert model[2] is second
    assert list(model)[1] is rg.tanh


@pytest.mark.parametrize("numbers", [3, [1, 1, 4], np.array([[0, 4], [2, 2]], np.uint8), np.array([], int)], ids=str)
def test_an_embedding_gives_the_rows_of_its_table_and_each_use_adds_to_the_gradient(numbers):
    embedding = nn.Embedding(5, 2, seed=0)
    found = embedding(numbers)
    np.testing.assert_array_equal(found.value, embedding.weight.value[np.asarray(numbers, int)])
    found.sum().backward()
    counts = np.bincount(np.ravel(np.asarray(numbers, int)), minlength=5)
    np.testing.assert_array_equal(embedding.weight.grad, np.stack([counts, counts], axis=1))


# Trees: compile, fit, derivatives, optimisers


def test_a_compiled_loss_takes_the_module_and_its_gradient_is_one_of_numpy_arrays():
    model = nn.DenseMLP(3, [4, 1], activation="tanh", seed=0)
    compiled = rg.compile(loss, in_axes=(None, 0, 0), reduce="mean")
    value, gradient = compiled.value_and_grad(model, X, T)
    assert value == pytest.approx(((by_hand(model, X) - T) ** 2).mean(), rel=1e-13)
    loss(model, X, T).mean().backward()
    assert type(gradient) is nn.DenseMLP
    for layer, slopes in zip(model.layers, gradient.layers, strict=True):
        assert type(slopes.weight) is np.ndarray
        np.testing.assert_allclose(slopes.weight, layer.weight.grad, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(slopes.bias, layer.bias.grad, rtol=1e-12, atol=1e-15)


def test_a_compiled_function_is_traced_once_for_modules_of_one_structure():
    compiled = rg.compile(lambda model, x: model(x))
    for seed in range(3):
        model = nn.DenseMLP(3, [4, 1], activation="tanh", seed=seed)
        assert compiled(model, X[0]) == pytest.approx(by_hand(model, X[0]), rel=1e-13)
    assert len(compiled._specialisations) == 1
    compiled(nn.DenseMLP(3, [5, 1], activation="tanh", seed=0), X[0])
    assert len(compiled._specialisations) == 2


def test_fit_returns_a_module_with_arrays_and_leaves_the_given_one():
    model = nn.DenseMLP(3, [4, 1], activation="tanh", seed=0)
    before = model.state_dict()
    result = rg.fit(loss, model, (X, T), optimizer=rg.optim.Adam(0.05), epochs=200)
    assert isinstance(result.params, nn.DenseMLP)
    assert all(isinstance(p, rg.Array) and p.is_variable for p in result.params.parameters())
    assert ((by_hand(result.params, X) - T) ** 2).mean() < 0.5 * ((by_hand(model, X) - T) ** 2).mean()
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(values, before[name])
    result.params(X).sum().backward()
    again = pickle.loads(pickle.dumps(result))
    np.testing.assert_array_equal(again.params(X).value, result.params(X).value)


OPTIMIZERS = {
    "SGD": lambda parameters=None: rg.optim.SGD(parameters, lr=0.05),
    "momentum": lambda parameters=None: rg.optim.SGD(parameters, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "Adam": lambda parameters=None: rg.optim.Adam(parameters, lr=0.01),
    "AdamW": lambda parameters=None: rg.optim.AdamW(parameters, lr=0.01),
    "RMSprop": lambda parameters=None: rg.optim.RMSprop(parameters, lr=0.01, centered=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_on_arrays_are_those_on_their_elements(name):
    with rg.Tape():
        table, scale = rg.array([[1.0, -2.0], [0.5, 3.0]]), rg.Node(2.0)
        bulk = OPTIMIZERS[name]([table, scale])
        nodes = [rg.Node(x) for x in (1.0, -2.0, 0.5, 3.0, 2.0)]
        single = OPTIMIZERS[name](nodes)
        for _ in range(5):
            bulk.zero_grad()
            single.zero_grad()
            ((table**3).sum() * scale).backward()
            (sum(x**3 for x in nodes[:4]) * nodes[4]).backward()
            bulk.step()
            single.step()
        np.testing.assert_allclose(table.value.ravel(), [x.value for x in nodes[:4]], rtol=1e-13)
        assert scale.value == pytest.approx(nodes[4].value, rel=1e-13)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_loop_by_hand_is_what_fit_does(name):
    model = nn.DenseMLP(3, [4, 1], activation="tanh", seed=0)
    result = rg.fit(loss, model, (X, T), optimizer=OPTIMIZERS[name](), epochs=10)
    optimizer = OPTIMIZERS[name](model.parameters())
    for _ in range(10):
        optimizer.zero_grad()
        loss(model, X, T).mean().backward()
        optimizer.step()
    for mine, its in zip(model.parameters(), result.params.parameters(), strict=True):
        np.testing.assert_allclose(mine.value, its.value, rtol=1e-9, atol=1e-12)


def test_an_optimiser_of_arrays_goes_on_after_a_pickle():
    model = nn.Linear(3, 1, seed=0)
    optimizer = rg.optim.Adam(model.parameters(), lr=0.1)
    assert repr(optimizer).startswith("Adam(4 parameters")
    for _ in range(2):
        (model(X) ** 2).sum().backward()
        optimizer.step()
    model_too, optimizer_too = pickle.loads(pickle.dumps((model, optimizer)))
    for m, o in ((model, optimizer), (model_too, optimizer_too)):
        m.zero_grad()
        (m(X) ** 2).sum().backward()
        o.step()
    np.testing.assert_array_equal(model_too.weight.value, model.weight.value)


DERIVATIVES = {
    "grad": (lambda f, m: rg.grad(f)(m), lambda w: 3 * w**2),
    "value_and_grad": (lambda f, m: rg.value_and_grad(f)(m)[1], lambda w: 3 * w**2),
    "compiled": (lambda f, m: rg.compile(f).grad(m), lambda w: 3 * w**2),
    "grad of compiled": (lambda f, m: rg.grad(rg.compile(f))(m), lambda w: 3 * w**2),
    "vjp": (lambda f, m: rg.vjp(f, m)[1](2.0)[0], lambda w: 6 * w**2),
    "grad of a sum of squared slopes": (
        lambda f, m: rg.grad(lambda m: (rg.grad(f)(m).weight ** 2).sum())(m),
        lambda w: 36 * w**3,
    ),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_by_a_module_have_its_structure(name):
    derivative, expected = DERIVATIVES[name]
    layer = nn.Linear(3, 2, seed=0)
    found = derivative(lambda m: (m.weight**3).sum() + (m.bias * 2.0).sum(), layer)
    np.testing.assert_allclose(np.asarray(found.weight, float), expected(layer.weight.value), rtol=1e-12)
    assert found.weight.shape == (2, 3)


def test_minimize_and_trees_without_modules_take_arrays_of_variables():
    found = rg.minimize(lambda p: ((p["a"] - 1.0) ** 2).sum() + p["b"] ** 2, {"a": rg.array([3.0, 4.0]), "b": 2.0}).x
    assert isinstance(found["a"], rg.Array)
    np.testing.assert_allclose(found["a"].value, [1.0, 1.0], atol=1e-6)
    assert rg.compile(lambda a: (a * a).sum())(rg.array([1.0, 2.0])) == 5.0


def test_auxiliary_data_of_arrays_become_numbers():
    layer = nn.Linear(3, 2, seed=0)
    gradient, aux = rg.grad(lambda m: ((m(X) ** 2).sum(), m(X)), has_aux=True)(layer)
    np.testing.assert_array_equal(np.asarray(aux, float), layer(X).value)
    assert gradient.weight.shape == (2, 3)


def test_results_of_operations_go_through_a_compiled_function_with_their_derivatives():
    a = rg.array([1.0, 2.0])
    rg.compile(lambda b: (b * b).sum())(a * 3.0).backward()
    assert a.grad.tolist() == [18.0, 36.0]


def test_arrays_in_a_traced_function_mix_with_the_numbers_of_the_samples():
    def mixed(table, x):
        a = x * table["w"] + table["w"] * x  # either side
        b = np.where(x > 0.0, table["w"], x).sum()
        return (np.concatenate([a, table["w"]]) ** 2).sum() + b

    w = np.array([1.0, -2.0, 0.5])
    compiled = rg.compile(mixed, in_axes=(None, 0), reduce="sum")
    value = compiled({"w": rg.array(w)}, X)
    assert value == pytest.approx(float(sum(mixed({"w": w}, x) for x in X)), rel=1e-13)


# Wrong use


def optimiser_of_a_view():
    """Return an optimiser of variables on a tape that only they hold."""
    a = rg.Tape().array([[1.0, 2.0], [3.0, 4.0]])
    return rg.optim.Adam([rg.array([1.0]), a, a[1:]])


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        (
            lambda: nn.Linear(3, 2)(np.ones((4, 2))),
            rg.LengthError,
            r"Linear\(3, 2\) got inputs of shape \(4, 2\): .* 3",
        ),
        (lambda: nn.Linear(3, 2)(1.0), rg.LengthError, r"inputs of shape \(\)"),
        (lambda: nn.Linear(0, 2), rg.SettingError, "nin is 0"),
        (lambda: nn.Linear(2, 1.5), rg.NodeTypeError, "nout: got 1.5"),
        (lambda: nn.Linear(2, 2, init="glorot"), rg.SettingError, "'glorot' is no initialiser; give one of glorot_n"),
        (lambda: nn.Linear(2, 2, init=3), rg.NodeTypeError, "init: got 3"),
        (lambda: nn.Linear(2, 2, init=lambda s, seed: np.ones(3)), rg.LengthError, r"returned .* \(3,\) .* \(2, 2\)"),
        (lambda: nn.Linear(2, 2, seed=-1), rg.SettingError, "seed is -1"),
        (lambda: nn.Linear(2, 2, seed="a"), rg.NodeTypeError, "seed: got 'a'"),
        (lambda: nn.init.glorot_uniform((3,)), rg.LengthError, r"the shape \(3,\) does not tell"),
        (lambda: nn.DenseMLP(2, []), rg.LengthError, "nouts is empty"),
        (lambda: nn.DenseMLP(2, 1), rg.NodeTypeError, r"nouts: got 1, .*\[16, 16, 1\]"),
        (lambda: nn.DenseMLP(2, [1], activation="rleu", output="rleu"), rg.SettingError, "'rleu' is not an operator"),
        (lambda: nn.Sequential(nn.Linear(2, 2), "tanh"), rg.NodeTypeError, "layer 1 is 'tanh'"),
        (lambda: nn.Embedding(3, 2)(3), rg.LengthError, r"Embedding\(3, 2\) got the number 3, but has 3 vectors"),
        (lambda: nn.Embedding(3, 2)([0, -1]), rg.LengthError, "got the number -1"),
        (lambda: nn.Embedding(3, 2)(1.0), rg.NodeTypeError, "got 1.0 .*whole numbers"),
        (lambda: nn.Embedding(3, 2)(rg.Node(1.0)), rg.NodeTypeError, "cannot choose a vector"),
        (lambda: rg.compile(lambda e, k: e(k).sum())(nn.Embedding(3, 2), 1), rg.NodeTypeError, "rows of a unit matrix"),
        (lambda: nn.Linear(2, 1).load_state_dict([1.0]), rg.NodeTypeError, "got list, but a mapping"),
        (lambda: rg.optim.SGD(rg.array([1.0])), rg.NodeTypeError, r"got one Array, but a list of them .*\[array\]"),
        (lambda: rg.optim.SGD([rg.array([1.0]) * 2.0]), rg.VariableError, "parameter 0, .* is the result"),
        (lambda: (lambda a: rg.optim.SGD([a, a.T]))(rg.array([1.0])), rg.SettingError, "parameter 1, .* given twice"),
        (lambda: optimiser_of_a_view(), rg.SettingError, "so are views of an Array the same variables"),
        (
            lambda: rg.fit(lambda a: a.sum(), rg.array([1.0]) * 2.0, optimizer=rg.optim.SGD(0.1), epochs=1),
            TypeError,
            "got ",
        ),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(wrong, error, told):
    with pytest.raises(error, match=told):
        wrong()

"""Wrong use of rg.fit is told with the value and the cure."""

from __future__ import annotations

import pytest

import reelgrad as rg
from fit_problem import START, T, X, squared_error

SGD = rg.optim.SGD(0.1)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (lambda: rg.fit(squared_error, START, (X, T), epochs=1), rg.SettingError, r"none was given; rg\.optim\.SGD"),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer="sgd", epochs=1),
            rg.NodeTypeError,
            r"got 'sgd', but one of rg\.optim is needed",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD([rg.Node(1.0)]), epochs=1),
            rg.SettingError,
            "has parameters of its own",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=0),
            rg.SettingError,
            "epochs is 0, but must be at least 1",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1.5),
            rg.NodeTypeError,
            r"epochs: got 1\.5",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, batch_size=0),
            rg.SettingError,
            "batch_size is 0",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, batch_size=60, drop_last=True),
            rg.LengthError,
            "drop_last leaves nothing of 53 samples",
        ),
        (lambda: rg.fit(squared_error, START, (X, T[:-1]), optimizer=SGD, epochs=1), rg.LengthError, "52"),
        (
            lambda: rg.fit(squared_error, START, (X[:0], T[:0]), optimizer=SGD, epochs=1),
            rg.LengthError,
            "the data is empty",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, validation=(X[:0], T[:0])),
            rg.LengthError,
            "validation data is empty",
        ),
        (lambda: rg.fit(lambda p, x: x, {"name": "a"}, X, optimizer=SGD, epochs=1), TypeError, "params has no numbers"),
        (lambda: rg.fit(squared_error, None, (X, T), optimizer=SGD, epochs=1), TypeError, "params is None"),
        (lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, seed=-1), ValueError, "seed is -1"),
        (lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, tol=-1.0), ValueError, r"tol is -1\.0"),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, early_stopping=3),
            rg.SettingError,
            "early_stopping needs validation data",
        ),
        (
            lambda: rg.fit(
                squared_error, START, (X, T), optimizer=SGD, epochs=1, validation=(X, T), early_stopping="x"
            ),
            rg.NodeTypeError,
            "early_stopping: got 'x'",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=1, callback=3),
            rg.NodeTypeError,
            "callback: got 3",
        ),
        (lambda: rg.EarlyStopping(patience=0), rg.SettingError, "patience is 0"),
        (
            lambda: rg.fit(lambda p: p, 1.0, optimizer=SGD, epochs=1, batch_size=3),
            rg.SettingError,
            "no argument of the loss varies",
        ),
        (
            lambda: rg.fit(rg.compile(lambda p, x: p * x, in_axes=(0, 0)), T, T, optimizer=SGD, epochs=1),
            rg.SettingError,
            "must be None for them",
        ),
        (
            lambda: rg.fit(lambda p, x: [p, x], 1.0, T, optimizer=SGD, epochs=1),
            TypeError,
            "return a number",
        ),
        (
            lambda: rg.fit(squared_error, START, (X, T), optimizer=rg.optim.SGD(lambda update: -1.0), epochs=1),
            rg.SettingError,
            "learning rate of update 0 is -1",
        ),
        (lambda: rg.fit(squared_error, START, (X, T), epochs=1, resume="x"), TypeError, "a FitResult is needed"),
    ],
)
def test_wrong_use_is_told_with_the_value_and_the_cure(call, error, told):
    with pytest.raises(error, match=told):
        call()


def test_resuming_with_other_parameters_or_fewer_epochs_is_refused():
    first = rg.fit(squared_error, START, (X, T), optimizer=SGD, epochs=5)
    with pytest.raises(rg.SettingError, match="epochs is 5, but the result to resume from has 5"):
        rg.fit(squared_error, data=(X, T), epochs=5, resume=first)
    with pytest.raises(rg.SettingError, match="was found by SGD, whose memory is of no use to Adam"):
        rg.fit(squared_error, data=(X, T), optimizer=rg.optim.Adam(), epochs=9, resume=first)
    with pytest.raises(rg.StructureError, match="params are not those of the result"):
        rg.fit(squared_error, START, (X, T), epochs=6, resume=first)

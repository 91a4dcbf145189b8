from typing import TypeAlias

from reelgrad import Node

_Scalar: TypeAlias = Node | float

def mean_potential(
    sodium: _Scalar,
    potassium: _Scalar,
    leak: _Scalar,
    current: _Scalar,
    *,
    duration: float = 500.0,
    dt: float = 0.01,
) -> _Scalar: ...

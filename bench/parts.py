"""What a run of the report consists of: parts, each with its times and the peers that are missing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bench.engines import PeerMissing
from bench.timing import Rounds

T = TypeVar("T")


@dataclass(frozen=True)
class Effort:
    """How many rounds each part gets, and how long the C++ tape is."""

    operators: int = 41
    chain: int = 41
    xor: int = 21
    moons: int = 15
    backward: int = 41
    batch: int = 21
    asian: int = 21
    tape: int = 15
    replay: int = 41
    calls: int = 41
    long_program: int = 15
    arrays: int = 9
    embedding: int = 11
    scaling: int = 5
    scaling_size: int = 100_000
    compile_with_jax: int = 1_000  # operators, for which JAX needs a minute
    tape_operators: int = 10_000_000


FULL = Effort()
QUICK = Effort(
    operators=5,
    chain=5,
    xor=2,
    moons=2,
    backward=5,
    batch=2,
    asian=2,
    tape=3,
    replay=5,
    calls=5,
    long_program=2,
    arrays=2,
    embedding=2,
    scaling=1,
    scaling_size=1_000,
    compile_with_jax=0,
    tape_operators=1_000_000,
)


@dataclass
class Part:
    """The times of one workload, and why some of its peers are not among them."""

    rounds: Rounds
    names: list[str]
    missing: list[str] = field(default_factory=list)


@dataclass
class ArrayPart:
    """W10: times by workload and size, of which a variant's name is the last word."""

    rounds: list[tuple[str, int, Rounds]]
    recording: float  # seconds per multiply-add
    missing: list[str] = field(default_factory=list)


@dataclass
class EmbeddingPart:
    """W9, or the reason why there is none."""

    rounds: Rounds | None = None
    missing: str = ""


@dataclass
class CppPart:
    """W6: times, memory and the compiler; or the reason why there are none."""

    rounds: Rounds | None = None
    operators: int = 0
    bytes_per_operator: float = 0.0
    compiler: str = ""
    missing: str = ""


def made(make: Callable[[], T], missing: list[str]) -> T | None:
    """Make a peer, or note why it cannot be made."""
    try:
        return make()
    except PeerMissing as reason:
        missing.append(str(reason))
        return None

"""Benchmarks: what reelgrad costs beside plain Python floats and beside the libraries a user might take instead.

``pytest bench`` times everything with pytest-benchmark, in groups; ``pytest bench --benchmark-disable`` runs everything
once without timing; ``python -m bench.report`` measures all ratios in one run and writes ``docs/benchmarks.md``.

    program, xor, moons, operators   the workloads, written once over any engine; training is the loop of xor and moons
    engines                          reelgrad, plain floats and the scalar peers behind one interface
    arrays                           the peers that compute whole arrays
    batch, asian, replay, long_program   workloads of one call that gives value and gradient, with their peers
    compiled                         reelgrad's rows where functions are compiled: rg.compile, rg.fit
    cpp_build                        the C++ of the benchmarks, built and loaded
    cpp_tape, limits                 the tape from C++; what can be had by hand in C++
    scaling, curves                  a workload at sizes from 1 to 100,000; W1 to W9 so (W10 is array_sizes)
    timing, machine                  interleaved rounds and their ratios; what they ran on
    measure -> report, figure        one run of everything -> Markdown and plots

Peers that are not installed are left out, with the reason.
"""

import os

# One thread for everyone, and float64. The libraries read this when they are imported, so it stands before any of them.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1"),
    XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    JAX_ENABLE_X64="1",
    JAX_PLATFORMS="cpu",
)

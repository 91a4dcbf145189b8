"""A nerve cell whose simulation, in Cython, records on the tape of Python's Nodes."""

from cython_simulator.neuron import mean_potential

__all__ = ["mean_potential"]

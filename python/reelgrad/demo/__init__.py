"""What `python -m reelgrad` shows: worked examples and two trainings, each number beside the one printed for it.

`documented` compares printed numbers with computed ones and lays them out; `worked`, `xor` and `moons` compute.
"""

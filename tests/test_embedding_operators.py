"""Every function of the table of operators gives Cython modules what it gives Python: values and gradients."""

from __future__ import annotations

from types import ModuleType

import pytest

import reelgrad as rg
from extension_build import compile_module, load, translate

TABLE = rg.operator_table()
PRIMITIVES = [row for row in TABLE if row["kind"] == "primitive" or row["name"] in ("silu", "gelu")]
OF_ARRAYS = [row for row in TABLE if row not in PRIMITIVES]
ARGUMENTS = (0.6, 0.7, 0.9)  # in the domain of all of them but this:
OTHERS = {"acosh": (1.6,)}

ARRAYS_OF_VARS = """
from libcpp.vector cimport vector
from reelgrad cimport Var, import_reelgrad, to_node, to_var
cimport reelgrad

import_reelgrad()

cdef vector[Var] vars_of(nodes) except *:
    cdef vector[Var] result
    for node in nodes:
        result.push_back(to_var(node))
    return result

cdef nodes_of(vector[Var] x):
    return [to_node(x[k]) for k in range(x.size())]
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Every function of the table, of Vars and of doubles."""
    lines = [ARRAYS_OF_VARS]
    for row in PRIMITIVES:
        name, operands = row["name"], row["operands"]
        typed = [f"double {x}" if row["constant_first"] and k == 0 else x for k, x in enumerate(operands)]
        passed = [x if "double" in parameter else f"to_var({x})" for x, parameter in zip(operands, typed, strict=True)]
        lines += [
            f"def {name}_of_vars({', '.join(typed)}):",
            f"    return to_node(reelgrad.{name}({', '.join(passed)}))",
            f"def {name}_of_numbers({', '.join('double ' + x for x in operands)}):",
            f"    return reelgrad.{name}({', '.join(operands)})",
        ]
    for row in OF_ARRAYS:
        operands = row["operands"][:2]
        lines += [f"def {row['name']}_of_arrays({', '.join(operands)}):"]
        lines += [f"    cdef vector[Var] v_{x} = vars_of({x})" for x in operands]
        call = f"reelgrad.{row['name']}({', '.join(f'v_{x}.data()' for x in operands)}, v_{operands[0]}.size())"
        lines += [f"    return nodes_of({call})" if row["name"] == "softmax" else f"    return to_node({call})"]
    folder = tmp_path_factory.mktemp("functions")
    source = folder / "functions.pyx"
    source.write_text("\n".join(lines) + "\n")
    return load(compile_module(translate(source, folder), folder))


@pytest.mark.parametrize("row", PRIMITIVES, ids=lambda row: row["name"])
def test_every_primitive_is_the_same_in_cython(functions, row):
    arguments = OTHERS.get(row["name"], ARGUMENTS)
    values = [1.0 if row["constant_first"] and k == 0 else arguments[k] for k in range(len(row["operands"]))]
    results = []
    for function in (getattr(functions, f"{row['name']}_of_vars"), getattr(rg, row["name"])):
        nodes = [x if row["constant_first"] and k == 0 else rg.Node(x) for k, x in enumerate(values)]
        result = function(*nodes)
        variables = [x for x in nodes if isinstance(x, rg.Node)]
        results.append((result.value, rg.current_tape().gradient(result, variables)))
    assert results[0] == results[1]
    assert getattr(functions, f"{row['name']}_of_numbers")(*values) == results[1][0]


@pytest.mark.parametrize("row", OF_ARRAYS, ids=lambda row: row["name"])
def test_every_function_of_arrays_is_the_same_in_cython(functions, row):
    results = []
    for function in (getattr(functions, f"{row['name']}_of_arrays"), getattr(rg, row["name"])):
        arrays = [rg.variables(0.2, 0.7, 0.4), rg.variables(0.1, 0.5, 0.9)][: len(row["operands"])]
        result = function(*arrays)
        nodes = result if isinstance(result, list) else [result]
        variables = [x for array in arrays for x in array]
        results.append([(node.value, rg.current_tape().gradient(node, variables)) for node in nodes])
    assert results[0] == results[1]

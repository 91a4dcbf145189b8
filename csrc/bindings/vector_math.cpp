// bindings/vector_math.cpp: which instruction set is used, and its functions over arrays for the accuracy tests.
#include "reelgrad/exec/vector_math.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "bindings/functions.hpp"
#include "bindings/lock.hpp"
#include "reelgrad/exec/cpu.hpp"
#include "reelgrad/tape/errors.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

Doubles vector_math(const std::string& name, const std::string& isa, bool wide, const std::vector<Doubles>& operands) {
    exec::ArrayFunction function = nullptr;
    std::size_t arity = 0;
    const exec::MathTable& table = exec::isa_named(isa).math;
    ops::for_each_primitive([&]<class Op>() {
        if (Op::name != name) return;
        const exec::MathTable::Entry& entry = table.of[ops::opcode_v<Op>];
        function = wide ? entry.wide : entry.single;
        arity = ops::arity_v<Op>;
    });
    if (function == nullptr) throw SettingError("\"" + name + "\" is not a primitive of the table of operators");
    if (operands.size() != arity) {
        throw LengthError(name + " has " + std::to_string(arity) + " operands, but got " +
                          std::to_string(operands.size()) + " arrays");
    }
    const py::ssize_t n = operands[0].size();
    const double* numbers[3] = {};
    for (std::size_t k = 0; k < arity; ++k) {
        if (operands[k].size() != n) throw LengthError("the arrays' lengths differ");
        numbers[k] = operands[k].data();
    }
    Doubles result(n);
    double* out = result.mutable_data();
    const WithoutLock unlocked;
    function(out, numbers[0], numbers[1], numbers[2], static_cast<std::size_t>(n));
    return result;
}

}  // namespace

void add_vector_math(py::module_& module, py::module_& testing) {
    module.def(
        "cpu_features",
        [] {
            py::list available;
            for (const exec::Isa& isa : exec::available_isas()) available.append(std::string(isa.name));
            const exec::Isa& active = exec::active_isa();
            py::dict result;
            result["used"] = std::string(active.name);
            result["lanes"] = active.math.width;
            result["available"] = available;
            return result;
        },
        R"(Which instruction set compiled functions use on this machine.

The environment variable ``REELGRAD_ISA`` forces one; it is read once. Results differ between instruction sets in the
last bits, and are the same bits on every machine that uses the same one.

Returns
-------
dict
    ``"used"``, the name of the instruction set; ``"lanes"``, how many samples it calculates at once; ``"available"``,
    the names of all that this machine can run, best first. The last is always ``"baseline"``.

Raises
------
SettingError
    If ``REELGRAD_ISA`` names one that is not available.

Examples
--------
>>> import reelgrad as rg
>>> features = rg.cpu_features()
>>> features["used"] in features["available"]
True
>>> features["available"][-1]
'baseline'
)");
    testing.def("vector_math", vector_math, py::arg("name"), py::arg("isa"), py::arg("wide"), py::arg("operands"),
                "A primitive over arrays by the code of an instruction set, in its wide form or lane by lane.");
}

}  // namespace reelgrad::python

#include "bindings/executable.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bindings/batch.hpp"
#include "bindings/errors.hpp"
#include "bindings/lock.hpp"
#include "reelgrad/tape/errors.hpp"

namespace py = pybind11;

namespace reelgrad::python {

using exec::Batch;
using exec::Column;
using exec::Destination;
using exec::Executable;

namespace {

[[noreturn]] void raise_type(const std::string& message) {
    PyErr_SetString(exceptions.node_type, message.c_str());
    throw PythonError{};
}

std::string shape_of(const py::array& array) { return py::str(array.attr("shape")); }

using Doubles = py::array_t<double, 0>;

Doubles checked_out(const py::object& given, py::ssize_t length, const char* name, bool in_a_row) {
    if (!py::isinstance<Doubles>(given)) raise_type(std::string(name) + " must be an array of float64");
    auto array = py::reinterpret_borrow<Doubles>(given);
    if (array.ndim() != 1 || array.shape(0) != length) {
        throw LengthError(std::string(name) + " has the shape " + shape_of(array) + " where (" +
                          std::to_string(length) + ",) is needed");
    }
    if (!array.writeable()) raise_type(std::string(name) + " is read-only");
    const auto item = static_cast<py::ssize_t>(sizeof(double));
    if (length > 1 && (array.strides(0) % item != 0 || (in_a_row && array.strides(0) != item))) {
        raise_type(std::string(name) + " must be contiguous");
    }
    return array;
}

py::tuple run(const Executable& executable,
              const py::array_t<double, py::array::c_style | py::array::forcecast>& uniforms,
              const std::vector<py::array>& columns, py::ssize_t lanes,
              const std::optional<py::array_t<std::uint32_t, py::array::c_style | py::array::forcecast>>& chosen,
              std::size_t threads, const py::object& uniform_out, const std::optional<py::sequence>& varying_out) {
    if (lanes < 0) throw SettingError("lanes is " + std::to_string(lanes) + "; it must not be negative");
    std::vector<Column> sources;
    sources.reserve(columns.size());
    py::ssize_t length = lanes;
    if (chosen) length = columns.empty() ? 0 : columns.front().size();
    for (const py::array& array : columns) sources.push_back(column_of(array, length));
    std::span<const std::uint32_t> chosen_lanes;
    if (chosen) {
        chosen_lanes = {chosen->data(), static_cast<std::size_t>(chosen->size())};
        lanes = chosen->size();
        for (const std::uint32_t lane : chosen_lanes) {
            if (static_cast<py::ssize_t>(lane) < length) continue;
            throw LengthError("lane " + std::to_string(lane) + " is chosen of " + std::to_string(length));
        }
    }

    const auto uniform_count = static_cast<py::ssize_t>(executable.uniform_outputs());
    Doubles totals =
        uniform_out.is_none() ? Doubles(uniform_count) : checked_out(uniform_out, uniform_count, "uniform_out", true);
    py::list lists;
    std::vector<Destination> destinations;
    if (varying_out && varying_out->size() != executable.varying_outputs()) {
        throw LengthError("varying_out has " + std::to_string(varying_out->size()) + " arrays where the Program has " +
                          std::to_string(executable.varying_outputs()) + " varying outputs");
    }
    for (std::size_t k = 0; k < executable.varying_outputs(); ++k) {
        Doubles out =
            varying_out ? checked_out((*varying_out)[k], length, "an array of varying_out", false) : Doubles(length);
        destinations.push_back(
            {out.mutable_data(), length > 1 ? out.strides(0) / static_cast<py::ssize_t>(sizeof(double)) : 1});
        lists.append(std::move(out));
    }
    const Batch batch{.lanes = static_cast<std::size_t>(lanes),
                      .uniforms = {uniforms.data(), static_cast<std::size_t>(uniforms.size())},
                      .columns = sources,
                      .chosen = chosen_lanes};
    const std::span<double> sums(totals.mutable_data(), static_cast<std::size_t>(uniform_count));
    {
        const WithoutLock unlocked;
        executable.run(batch, {sums, destinations}, {.threads = threads, .interrupt = python_interrupt});
    }
    return py::make_tuple(std::move(totals), std::move(lists));
}

py::dict stats(const Executable& executable) {
    const exec::ExecutableStats s = executable.stats();
    py::dict result;
    result["prologue"] = s.prologue;
    result["body"] = s.body;
    result["epilogue"] = s.epilogue;
    result["slots"] = s.slots;
    result["accumulators"] = s.accumulators;
    result["bytes"] = s.bytes;
    return result;
}

}  // namespace

Column column_of(const py::array& array, py::ssize_t lanes) {
    const std::optional<exec::Dtype> dtype = dtype_of(array);
    if (!dtype) {
        raise_type(
            "an array of " + std::string(py::str(array.dtype())) +
            " where real numbers in native byte order are needed (float64, float32, integers, bool): convert it with "
            "astype");
    }
    if (array.ndim() != 1) {
        throw LengthError("a varying input is an array of one dimension, a number per lane; this one has the shape " +
                          shape_of(array));
    }
    if (lanes >= 0 && array.shape(0) != lanes) {
        throw LengthError("a varying input has " + std::to_string(array.shape(0)) + " lanes where others have " +
                          std::to_string(lanes));
    }
    return {static_cast<const std::byte*>(array.data()), array.strides(0), *dtype};
}

bool python_interrupt() {
    const py::gil_scoped_acquire locked;
    return PyErr_CheckSignals() != 0;
}

void add_executable(py::module_& module) {
    py::class_<Executable, std::shared_ptr<Executable>>(module, "Executable", py::is_final(),
                                                        R"(A Program made ready to run over batches.

Examples
--------
>>> import numpy as np
>>> import reelgrad as rg
>>> program = rg.Program.parse('''
... v0 = uniform("w")
... v1 = varying("x")
... v2 = mul(v0, v1)
... v3 = lane_sum(v2)
... output("y", v2)
... output("sum", v3)
... ''')
>>> rg._core.Executable(program).run(np.array([2.0]), [np.array([1.0, 2.0, 3.0])], 3)
(array([12.]), [array([2., 4., 6.])])
)")
        .def(py::init([](const program::Program& p) { return Executable(p); }), py::arg("program"))
        .def("run", run, py::arg("uniforms"), py::arg("columns"), py::arg("lanes"), py::arg("chosen") = py::none(),
             py::arg("threads") = 1, py::arg("uniform_out") = py::none(), py::arg("varying_out") = py::none(),
             R"(Run over a batch; the GIL is released.

Parameters
----------
uniforms : array of float64
    A number for each uniform input.
columns : list of arrays
    A number per lane for each varying input, of any real type and stride.
lanes : int
    The number of lanes.
chosen : array of uint32, optional
    The lanes to run, ascending, if not all.
threads : int
    How many threads may work; the results do not depend on it.
uniform_out, varying_out : array, list of arrays, optional
    Where the results go; by default into new arrays.

Returns
-------
A number for each uniform output, and an array for each varying one.)")
        .def("stats", stats, "Instructions of prologue, body and epilogue, slots, accumulators, bytes per thread.")
        .def("listing", &Executable::listing, "The instructions of prologue, body and epilogue as text.");
}

}  // namespace reelgrad::python

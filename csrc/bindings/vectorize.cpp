#include "bindings/vectorize.hpp"

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <span>
#include <string>
#include <vector>

#include "bindings/errors.hpp"
#include "bindings/number.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// Calls visit(values, k) for each k-th element of the broadcast operands and returns what it wrote.
template <std::size_t N, class Kernel>
py::object over_arrays(const char* name, const std::array<PyObject*, N>& operands, Kernel kernel) {
    const py::module_ numpy = py::module_::import("numpy");
    py::list arrays;
    for (PyObject* operand : operands) {
        if (is_array(operand)) refuse_mask(operand, name);
        const py::array array = numpy.attr("asarray")(py::handle(operand));
        const char kind = array.dtype().kind();
        if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
            raise_not_a_number(name, operand);
            throw PythonError{};
        }
        arrays.append(array);
    }
    const py::sequence broadcast = numpy.attr("broadcast_arrays")(*arrays);
    std::array<py::array_t<double, py::array::c_style | py::array::forcecast>, N> inputs;
    for (std::size_t n = 0; n < N; ++n) inputs[n] = py::cast<py::array>(broadcast[n]);
    py::array_t<double> result(std::vector<py::ssize_t>(inputs[0].shape(), inputs[0].shape() + inputs[0].ndim()));
    double* out = result.mutable_data();
    for (py::ssize_t k = 0; k < result.size(); ++k) {
        if constexpr (N == 1) {
            out[k] = kernel(inputs[0].data()[k]);
        } else if constexpr (N == 2) {
            out[k] = kernel(inputs[0].data()[k], inputs[1].data()[k]);
        } else {
            out[k] = kernel(inputs[0].data()[k], inputs[1].data()[k], inputs[2].data()[k]);
        }
    }
    return result;
}

bool has_objects(PyObject* operand) {
    return is_array(operand) && py::reinterpret_borrow<py::array>(operand).dtype().kind() == 'O';
}

py::object over_objects(const char* name, std::span<PyObject* const> operands) {
    const py::module_ numpy = py::module_::import("numpy");
    py::list arguments;
    for (PyObject* operand : operands) {
        if (is_array(operand)) {
            arguments.append(py::handle(operand));
            continue;
        }
        py::array boxed = numpy.attr("empty")(py::tuple(), py::str("O"));  // a 0-d array: nothing is looked into
        boxed[py::tuple()] = py::handle(operand);
        arguments.append(boxed);
    }
    // Kept for good: NumPy frees little of what a ufunc was made with.
    static PyObject* const ufuncs = PyDict_New();
    const auto known = py::reinterpret_borrow<py::dict>(ufuncs);
    if (!known.contains(name)) {
        known[name] = numpy.attr("frompyfunc")(py::module_::import("reelgrad").attr(name), operands.size(), 1);
    }
    // The functions themselves raise no warnings; NumPy would, from the floating-point flags that partials leave.
    const py::object quiet = numpy.attr("errstate")(py::arg("all") = "ignore");
    quiet.attr("__enter__")();
    try {
        const py::object result = known[name](*arguments);
        quiet.attr("__exit__")(py::none(), py::none(), py::none());
        return result;
    } catch (...) {
        quiet.attr("__exit__")(py::none(), py::none(), py::none());
        throw;
    }
}

template <std::size_t N, class Kernel>
PyObject* apply(const char* name, Kernel kernel, const std::array<PyObject*, N>& operands) {
    try {
        std::array<double, N> numbers{};
        bool all_numbers = true, objects = false;  // a 0-d array is a number
        for (std::size_t n = 0; n < N; ++n) {
            switch (as_number(operands[n], &numbers[n])) {
                case NumberKind::real:
                    break;
                case NumberKind::failed:
                    return nullptr;
                default:
                    all_numbers = false;
                    if (!is_array(operands[n])) {
                        raise_not_a_number(name, operands[n]);
                        return nullptr;
                    }
            }
            objects |= has_objects(operands[n]);
        }
        if (all_numbers) return PyFloat_FromDouble(std::apply(kernel, numbers));
        if (objects) return over_objects(name, operands).release().ptr();
        return over_arrays(name, operands, kernel).release().ptr();
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

}  // namespace

PyObject* apply_to_numbers(const char* name, UnaryKernel kernel, PyObject* a) { return apply<1>(name, kernel, {a}); }
PyObject* apply_to_numbers(const char* name, BinaryKernel kernel, PyObject* a, PyObject* b) {
    return apply<2>(name, kernel, {a, b});
}
PyObject* apply_to_numbers(const char* name, TernaryKernel kernel, PyObject* a, PyObject* b, PyObject* c) {
    return apply<3>(name, kernel, {a, b, c});
}

PyObject* apply_elementwise(const char* name, PyObject* a, PyObject* b, PyObject* c) {
    try {
        const std::array operands{a, b, c};
        return over_objects(name, std::span(operands).first(c == nullptr ? 2 : 3)).release().ptr();
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

}  // namespace reelgrad::python

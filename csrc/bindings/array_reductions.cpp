// bindings/array_reductions.cpp: the reductions of the table along axes of an Array.
#include <pybind11/numpy.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"
#include "bindings/errors.hpp"
#include "bindings/names.hpp"
#include "reelgrad/tape/block_kernels.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

struct Kernel {
    double (*value)(std::span<const double> x) = nullptr;
    void (*partials)(std::span<const double> x, double y, std::span<double> p) = nullptr;
    Opcode opcode{};
};

template <class Op>
Kernel kernel_of() {
    return {[](std::span<const double> x) { return Op::value(x); },
            [](std::span<const double> x, double y, std::span<double> p) { Op::partials(x, y, p); }, opcode_of<Op>};
}

const Kernel& kernel_named(std::string_view name) {
    static const auto table = [] {
        std::vector<std::pair<std::string_view, Kernel>> result;
        ops::for_each(ops::Reductions{}, [&]<class Op>() {
            if constexpr (Op::operands.size() == 1) result.emplace_back(Op::name, kernel_of<Op>());
        });
        return result;
    }();
    for (const auto& [known, kernel] : table) {
        if (known == name) return kernel;
    }
    throw SettingError("'" + std::string(name) + "' is no reduction of the table of operators");
}

// Which axes an `axis` argument names: None is all, an int, or several.
std::vector<bool> axes_of(const py::object& axis, int dims) {
    std::vector<bool> reduced(static_cast<std::size_t>(dims), axis.is_none());
    if (axis.is_none()) return reduced;
    const auto enter = [&](const py::handle& item) {
        const Py_ssize_t number = PyNumber_AsSsize_t(item.ptr(), PyExc_OverflowError);
        if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
        const Py_ssize_t at = number < 0 ? number + dims : number;
        if (at < 0 || at >= dims) {
            const py::object error = py::module_::import("numpy").attr("exceptions").attr("AxisError");
            PyErr_SetObject(error.ptr(), error(number, dims).ptr());
            throw PythonError{};
        }
        if (reduced[static_cast<std::size_t>(at)]) {
            PyErr_SetString(PyExc_ValueError, "duplicate value in 'axis'");
            throw PythonError{};
        }
        reduced[static_cast<std::size_t>(at)] = true;
    };
    if (py::isinstance<py::tuple>(axis) || py::isinstance<py::list>(axis)) {
        for (const py::handle item : axis) enter(item);
    } else {
        enter(axis);
    }
    return reduced;
}

// values[entry] += the elements of the operand.
void add_up(const Tape& tape, const Block& block, double* values) {
    const BlockOperand& x = block.operands[0];
    const auto last = static_cast<std::size_t>(block.dims - 1);
    const std::size_t inner = block.shape[last];
    const std::ptrdiff_t step = x.strides[last], entry_step = block.entry_strides[last];
    const BlockKernels& kernels = block_kernels();
    for_each_row(block, [&](std::size_t element, const std::array<std::ptrdiff_t, 4>& offset) {
        double* const to = values + offset[0];
        if (x.kind == BlockOperand::Kind::list) {
            const Index* const list = tape.blocks().list(x.stored) + element;
            for (std::size_t j = 0; j < inner; ++j) {
                to[static_cast<std::ptrdiff_t>(j) * entry_step] += tape.value(list[j]);
            }
            return;
        }
        const double* const from = tape.values(x.first) + offset[1];
        if (step == 1 && entry_step == 0) {
            *to += kernels.sum(from, inner);
        } else if (step == 1 && entry_step == 1) {
            for (std::size_t j = 0; j < inner; ++j) to[j] += from[j];
        } else {
            for (std::size_t j = 0; j < inner; ++j) {
                to[static_cast<std::ptrdiff_t>(j) * entry_step] += from[static_cast<std::ptrdiff_t>(j) * step];
            }
        }
    });
}

// Each entry's elements stand together.
void reduce_rows(Tape& tape, Block& block, const Kernel& kernel, double* values) {
    const std::size_t length = block.elements / block.count;
    thread_local std::vector<double> buffer;
    buffer.resize(length);
    block.operands[0].partials = tape.blocks().store(block.elements);
    for (std::size_t entry = 0; entry < block.count; ++entry) {
        const std::span x(numbers_of_operand(tape, block, 0, entry * length, length, buffer.data()), length);
        values[entry] = kernel.value(x);
        kernel.partials(x, values[entry], {tape.blocks().numbers(block.operands[0].partials) + entry * length, length});
    }
}

py::object reduce(std::string_view name, const py::object& array, const py::object& axis, bool keepdims) {
    const Kernel& kernel = kernel_named(name);
    std::vector<ArrayOperand> operands;
    operands.emplace_back(array.ptr(), name.data());
    ArrayOperand& x = operands[0];
    const Layout layout = x.layout();
    const auto dims = static_cast<std::size_t>(layout.dims);
    const std::vector<bool> reduced = axes_of(axis, layout.dims);
    std::vector<std::ptrdiff_t> result_shape;
    std::vector<std::size_t> order;  // of the axes: for sums as they are, otherwise what is reduced comes last
    for (std::size_t d = 0; d < dims; ++d) {
        if (!reduced[d] || keepdims) result_shape.push_back(reduced[d] ? 1 : layout.shape[d]);
        order.push_back(d);
    }
    const bool is_sum = kernel.opcode == opcode_of<ops::Sum>;
    if (!is_sum) std::ranges::stable_sort(order, {}, [&](std::size_t d) { return bool{reduced[d]}; });
    Tape& tape = *common_tape(name.data(), operands);
    const Layout result = Layout::contiguous(result_shape);
    const std::size_t count = result.size();
    if (count == 0) return py::reinterpret_steal<py::object>(new_array(tape.make_set(0, 0), 0, result));
    if (layout.size() == 0) return filled(tape, result.lengths(), kernel.value({}));

    tape.make_block_room(true, count);
    BlockInMaking making(tape);
    Block& block = making.block;
    block.opcode = kernel.opcode;
    std::vector<std::ptrdiff_t> shape(dims), strides(dims);
    std::ptrdiff_t stride = 1;
    for (std::size_t d = dims; d-- > 0;) {
        shape[d] = layout.shape[order[d]];
        if (reduced[order[d]]) continue;
        strides[d] = stride;
        stride *= shape[d];
    }
    x.permute(order);
    MapLayout(shape, strides, operands).enter(tape, block, operands);
    block.operands[0].has_partial = true;
    block.operands[0].partial = 1.0;
    std::fill_n(tape.new_values(), count, 0.0);
    if (is_sum) {
        add_up(tape, block, tape.new_values());
    } else {
        reduce_rows(tape, block, kernel, tape.new_values());
    }
    return py::reinterpret_steal<py::object>(record_array(tape, making, result.lengths()));
}

}  // namespace

// Called for each sum: by hand, because pybind11 takes half as long again to call it as it takes.
PyObject* reduce_function(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs != 4) {
        PyErr_SetString(PyExc_TypeError, "_array_reduce(name, array, axis, keepdims) takes 4 arguments");
        return nullptr;
    }
    try {
        const char* const name = PyUnicode_AsUTF8(args[0]);
        const int keepdims = PyObject_IsTrue(args[3]);
        if (name == nullptr || keepdims < 0) throw PythonError{};
        return reduce(name, py::reinterpret_borrow<py::object>(args[1]), py::reinterpret_borrow<py::object>(args[2]),
                      keepdims != 0)
            .release()
            .ptr();
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

void add_array_reductions(py::module_& module) {
    static PyMethodDef functions[] = {
        {"_array_reduce", fast_call(reduce_function), METH_FASTCALL,
         "_array_reduce(name, array, axis, keepdims, /)\n--\n\nA reduction of the table along axes: None for all, a "
         "number, or several."},
        {nullptr, nullptr, 0, nullptr}};
    if (PyModule_AddFunctions(module.ptr(), functions) < 0) throw py::error_already_set();
}

}  // namespace reelgrad::python

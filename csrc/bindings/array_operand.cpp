// bindings/array_operand.cpp: what may be mixed with Arrays, and how it broadcasts.
#include <pybind11/numpy.h>

#include <algorithm>
#include <string>

#include "bindings/array.hpp"
#include "bindings/condition.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"

namespace py = pybind11;

namespace reelgrad::python {
ArrayOperand::ArrayOperand(PyObject* object, const char* what)
    : kind_(Kind::array), object_(py::reinterpret_borrow<py::object>(object)) {
    if (is_node_array(object)) {
        layout_ = array_of(object).layout;
        return;
    }
    if (is_node(object)) {
        kind_ = Kind::node;
        return;
    }
    if (is_array(object)) refuse_mask(object, what);
    using Doubles = py::array_t<double, py::array::c_style>;
    if (is_array(object) && Doubles::check_(object_)) {  // the usual case, without asking NumPy
        enter_constants(py::reinterpret_borrow<Doubles>(object_), what);
        return;
    }
    switch (as_number(object, &number_)) {
        case NumberKind::real:
            kind_ = Kind::number;
            return;
        case NumberKind::failed:
            throw PythonError{};
        case NumberKind::refused:
            raise_not_a_number(what, object);
            throw PythonError{};
        case NumberKind::other:
            break;
    }
    if (!is_array(object) && !PyList_Check(object) && !PyTuple_Check(object)) {
        raise_not_a_number(what, object);
        throw PythonError{};
    }
    const py::array given = py::module_::import("numpy").attr("asarray")(object_);
    const char kind = given.dtype().kind();
    if (kind == 'O') {
        object_ = array_of_objects(given, &conditions_);
        if (!object_) object_ = py::module_::import("reelgrad.arrays").attr("asarray")(given);
        if (!is_node_array(object_.ptr())) {  // numbers after all
            *this = ArrayOperand(object_.ptr(), what);
            return;
        }
        layout_ = array_of(object_.ptr()).layout;
        return;
    }
    if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
        PyErr_Format(exceptions.node_type,
                     "%s: got an array of dtype %S, but Arrays are of float64: real numbers are needed", what,
                     given.dtype().ptr());
        throw PythonError{};
    }
    auto numbers = py::array_t<double, py::array::c_style | py::array::forcecast>::ensure(given);
    if (!numbers) throw py::error_already_set();
    enter_constants(numbers, what);
}

void ArrayOperand::enter_constants(py::array numbers, const char* what) {
    const auto dims = static_cast<std::size_t>(numbers.ndim());
    if (dims > kArrayDims) {
        throw LengthError(std::string(what) + ": " + std::to_string(dims) + " dimensions, but Arrays have " +
                          std::to_string(kArrayDims) + " at most");
    }
    constants_ = static_cast<const double*>(numbers.data());
    if (dims == 0) {
        kind_ = Kind::number;
        number_ = *constants_;
        return;
    }
    kind_ = Kind::constants;
    std::array<std::ptrdiff_t, kArrayDims> shape{};
    std::copy_n(numbers.shape(), dims, shape.begin());
    layout_ = Layout::contiguous({shape.data(), dims});
    object_ = std::move(numbers);
}

py::object array_of_objects(const py::handle& array, bool* conditions) {
    const py::array objects = py::cast<py::array>(array);
    const py::list elements = objects.attr("ravel")().attr("tolist")();
    std::vector<Index> entries;
    entries.reserve(elements.size());
    Tape* tape = nullptr;
    std::size_t number_of_conditions = 0;
    for (const py::handle element : elements) {
        PyObject* node = element.ptr();
        if (is_condition(node)) {
            node = node_of_condition(node);
            ++number_of_conditions;
        }
        if (!is_node(node)) return {};
        Handle& handle = handle_of(node);
        check_usable(handle);
        if (tape != nullptr && handle.tape != tape) tape->refuse_mixing("an array of Nodes", *handle.tape);
        tape = handle.tape;
        entries.push_back(handle.index);
    }
    if (tape == nullptr || (number_of_conditions > 0 && number_of_conditions < entries.size())) return {};
    if (conditions != nullptr) *conditions = number_of_conditions > 0;
    if (objects.ndim() > kArrayDims) return {};
    std::array<std::ptrdiff_t, kArrayDims> shape{};
    std::copy_n(objects.shape(), objects.ndim(), shape.begin());
    const Layout layout = Layout::contiguous({shape.data(), static_cast<std::size_t>(objects.ndim())});
    return py::reinterpret_steal<py::object>(new_array(tape->make_set(std::move(entries)), 0, layout));
}

Tape* ArrayOperand::tape() const {
    if (kind_ == Kind::array) {
        check_usable(array_of(object_.ptr()));
        return &array_of(object_.ptr()).set->tape();
    }
    if (kind_ == Kind::node) {
        check_usable(handle_of(object_.ptr()));
        return handle_of(object_.ptr()).tape;
    }
    return nullptr;
}

bool ArrayOperand::is_run() const { return kind_ == Kind::node || array_of(object_.ptr()).set->is_run(); }

Index ArrayOperand::first() const {
    if (kind_ == Kind::node) return handle_of(object_.ptr()).index;
    const ArrayObject& array = array_of(object_.ptr());
    return array.set->first() + static_cast<Index>(array.offset);
}

Index ArrayOperand::entry(std::ptrdiff_t offset) const {
    if (kind_ == Kind::node) return handle_of(object_.ptr()).index;
    const ArrayObject& array = array_of(object_.ptr());
    return (*array.set)[static_cast<std::size_t>(array.offset + offset)];
}

void ArrayOperand::permute(std::span<const std::size_t> order) {
    const Layout before = layout_;
    for (std::size_t d = 0; d < order.size(); ++d) {
        layout_.shape[d] = before.shape[order[d]];
        layout_.strides[d] = before.strides[order[d]];
    }
}

Tape* common_tape(const char* what, std::span<const ArrayOperand> operands) {
    Tape* tape = nullptr;
    for (const ArrayOperand& operand : operands) {
        Tape* const its = operand.tape();
        if (its == nullptr) continue;
        if (tape != nullptr && its != tape) tape->refuse_mixing(what, *its);
        tape = its;
    }
    return tape;
}

Layout broadcast(std::span<const ArrayOperand> operands) {
    Layout result;
    for (const ArrayOperand& operand : operands) result.dims = std::max(result.dims, operand.layout().dims);
    bool fits = true;
    for (int d = 0; d < result.dims; ++d) {
        std::ptrdiff_t& length = result.shape[static_cast<std::size_t>(d)];
        length = 1;
        for (const ArrayOperand& operand : operands) {
            const int own = d - (result.dims - operand.layout().dims);
            if (own < 0) continue;
            const std::ptrdiff_t its = operand.layout().shape[static_cast<std::size_t>(own)];
            if (its == 1 || its == length) continue;
            fits &= length == 1;
            length = its;
        }
    }
    if (!fits) {
        std::string message = "operands could not be broadcast together with shapes";
        for (const ArrayOperand& operand : operands) {
            message += ' ';
            message += shape_text(operand.layout().lengths());
        }
        throw LengthError(message);
    }
    return Layout::contiguous(result.lengths());
}

}  // namespace reelgrad::python

#include "bindings/array.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <string>

#include "bindings/anomaly.hpp"
#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"
#include "bindings/array_views.hpp"
#include "bindings/names.hpp"
#include "bindings/node.hpp"
#include "bindings/number.hpp"
#include "bindings/tape.hpp"
#include "reelgrad/exec/block_tables.hpp"

namespace py = pybind11;

namespace reelgrad::python {

PyTypeObject* array_base = nullptr;
PyTypeObject* array_class = nullptr;

std::size_t Layout::size() const {
    std::size_t n = 1;
    for (const std::ptrdiff_t length : lengths()) n *= static_cast<std::size_t>(length);
    return n;
}

bool Layout::is_contiguous() const {
    std::ptrdiff_t expected = 1;
    for (int d = dims - 1; d >= 0; --d) {
        const auto k = static_cast<std::size_t>(d);
        if (shape[k] != 1 && strides[k] != expected) return false;
        expected *= shape[k];
    }
    return true;
}

Layout Layout::contiguous(std::span<const std::ptrdiff_t> shape) {
    Layout layout;
    layout.dims = static_cast<int>(shape.size());
    std::ptrdiff_t stride = 1;
    for (std::size_t d = shape.size(); d-- > 0;) {
        layout.shape[d] = shape[d];
        layout.strides[d] = stride;
        stride *= shape[d];
    }
    return layout;
}

std::string shape_text(std::span<const std::ptrdiff_t> shape) {
    std::string text = "(";
    for (std::size_t d = 0; d < shape.size(); ++d) {
        text += std::to_string(shape[d]);
        if (d + 1 < shape.size() || shape.size() == 1) text += ",";
    }
    return text + ")";
}

void check_alive(ArrayObject& array) {
    Tape& tape = array.set->tape();
    if (tape.refresh(*array.set)) return;
    if (tape.was_traced()) {
        throw StaleNodeError(
            "this Array is of a trace that is over: what a traced function computes is there while it runs only; "
            "return it from the function instead of keeping it elsewhere");
    }
    throw StaleNodeError(
        "this Array is no longer on its tape: a rewind() or reset() of the tape, or the end of a scope(), removed it "
        "or part of it; compute it again, or take its .value before");
}

void check_usable(ArrayObject& array) {
    if (!array.set->tape().is_mine()) {
        throw TapeThreadError(
            "this Array's tape belongs to another thread: record and call backward() on the thread that made the tape, "
            "or make a Tape and variables on this one");
    }
    check_alive(array);
}

void gather(const Tape& tape, const EntrySet& set, std::ptrdiff_t offset, const Layout& layout, double* to) {
    if (set.is_run()) {
        const double* const values = tape.values(set.first());
        if (layout.is_contiguous()) {
            std::copy_n(values + offset, layout.size(), to);
        } else {
            for_each_offset(layout, offset, [&](std::ptrdiff_t k) { *to++ = values[k]; });
        }
        return;
    }
    for_each_offset(layout, offset, [&](std::ptrdiff_t k) { *to++ = tape.value(set[static_cast<std::size_t>(k)]); });
}

std::vector<Index> entries_of(const ArrayObject& array) {
    std::vector<Index> entries;
    entries.reserve(array.layout.size());
    for_each_offset(array.layout, array.offset,
                    [&](std::ptrdiff_t k) { entries.push_back((*array.set)[static_cast<std::size_t>(k)]); });
    return entries;
}

namespace {

PyObject* node_at(Tape& tape, Index i) {
    if (!tape.handles().has_free()) tape.handles().add_slab();
    return new_node(tape, i);
}

// The set of an Array in the making.
class Held {
  public:
    explicit Held(EntrySet* set) : set_(set) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
        if (set_ != nullptr) set_->tape().release(set_);
    }
    EntrySet& operator*() const { return *set_; }
    EntrySet* release() { return std::exchange(set_, nullptr); }

  private:
    EntrySet* set_;
};

}  // namespace

PyObject* new_array(EntrySet* set, std::ptrdiff_t offset, const Layout& layout) {
    Held held(set);
    if (layout.dims == 0) return node_at(set->tape(), (*set)[static_cast<std::size_t>(offset)]);
    PyTypeObject* const type = array_class != nullptr ? array_class : array_base;
    PyObject* const object = type->tp_alloc(type, 0);
    if (object == nullptr) throw PythonError{};
    ArrayObject& array = array_of(object);
    array.set = held.release();
    array.offset = offset;
    array.layout = layout;
    return object;
}

PyObject* new_array(Tape& tape, Index first, std::span<const std::ptrdiff_t> shape) {
    const Layout layout = Layout::contiguous(shape);
    if (layout.dims == 0) return node_at(tape, first);
    return new_array(tape.make_set(first, layout.size()), 0, layout);
}

namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

void array_dealloc(PyObject* self) {
    EntrySet* const set = array_of(self).set;
    PyTypeObject* const type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
    if (set == nullptr) return;
    Tape& tape = set->tape();
    tape.release(set);
    if (tape.owners == 0 && tape.abandoned()) delete &tape;
}

PyObject* array_new(PyTypeObject*, PyObject*, PyObject*) {
    PyErr_SetString(exceptions.node_type,
                    "Array is not made by calling it: use reelgrad.array(values), which makes variables, or "
                    "reelgrad.asarray(nodes)");
    return nullptr;
}

PyObject* get_shape(PyObject* self, void*) {
    const Layout& layout = array_of(self).layout;
    PyObject* const shape = PyTuple_New(layout.dims);
    for (int d = 0; shape != nullptr && d < layout.dims; ++d) {
        PyTuple_SET_ITEM(shape, d, PyLong_FromSsize_t(layout.shape[static_cast<std::size_t>(d)]));
    }
    return shape;
}

PyObject* get_ndim(PyObject* self, void*) { return PyLong_FromLong(array_of(self).layout.dims); }
PyObject* get_size(PyObject* self, void*) { return PyLong_FromSize_t(array_of(self).layout.size()); }

Py_ssize_t array_length(PyObject* self) {
    const Layout& layout = array_of(self).layout;
    if (layout.dims > 0) return layout.shape[0];
    PyErr_SetString(PyExc_TypeError, "len() of unsized object");
    return -1;
}

PyObject* get_value(PyObject* self, void*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_alive(array);
        const Tape& tape = array.set->tape();
        if (tape.tracing()) {
            throw TraceError(
                ".value of a traced Array, which stands for any numbers: compute with the Array itself, or do this "
                "outside of the traced function");
        }
        py::array_t<double> result(shape_of(array.layout));
        gather(tape, *array.set, array.offset, array.layout, result.mutable_data());
        return result.release().ptr();
    });
}

PyObject* get_grad(PyObject* self, void*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_alive(array);
        const Tape& tape = array.set->tape();
        py::array_t<double> result(shape_of(array.layout));
        double* to = result.mutable_data();
        for_each_offset(array.layout, array.offset,
                        [&](std::ptrdiff_t k) { *to++ = tape.grad((*array.set)[static_cast<std::size_t>(k)]); });
        return result.release().ptr();
    });
}

bool has_shape_of(const py::array& numbers, const Layout& layout) {
    return std::ranges::equal(std::span(numbers.shape(), static_cast<std::size_t>(numbers.ndim())), layout.lengths());
}

// The numbers to set, broadcast to the Array's shape.
Doubles numbers_for(PyObject* self, PyObject* object, const char* what) {
    if (is_array(object)) refuse_mask(object, what);
    using Exact = py::array_t<double, py::array::c_style>;
    if (is_array(object) && Exact::check_(object)) {  // the usual case, without asking NumPy
        const auto numbers = py::reinterpret_borrow<py::array>(object);
        if (has_shape_of(numbers, array_of(self).layout)) return py::reinterpret_borrow<Doubles>(object);
    }
    const py::module_ numpy = py::module_::import("numpy");
    py::array given = numpy.attr("asarray")(py::handle(object));
    const char kind = given.dtype().kind();
    if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
        PyErr_Format(exceptions.node_type, "%s of an Array: got an array of dtype %S, but real numbers are needed",
                     what, given.dtype().ptr());
        throw PythonError{};
    }
    return numpy.attr("broadcast_to")(given, py::reinterpret_steal<py::object>(get_shape(self, nullptr)));
}

// Calls set(entry, number) for each element.
template <class Set>
int set_numbers(PyObject* self, PyObject* object, const char* what, Set&& set) {
    try {
        if (object == nullptr) {
            PyErr_Format(PyExc_AttributeError, "%s of an Array cannot be deleted", what);
            return -1;
        }
        const Doubles numbers = numbers_for(self, object, what);
        ArrayObject& array = array_of(self);
        check_usable(array);
        const std::vector<Index> entries = entries_of(array);
        for (const Index i : entries) {
            if (is_variable(i)) continue;
            throw VariableError(std::string(what) +
                                " of an Array that holds intermediates: only variables have one that can be set; make "
                                "them with reelgrad.array(values)");
        }
        const double* from = numbers.data();
        for (const Index i : entries) set(array.set->tape(), i, *from++);
        return 0;
    } catch (...) {
        raise_current();
        return -1;
    }
}

int set_value(PyObject* self, PyObject* object, void*) {
    return set_numbers(self, object, ".value", [](Tape& tape, Index i, double x) { tape.set_value(i, x); });
}
int set_grad(PyObject* self, PyObject* object, void*) {
    return set_numbers(self, object, ".grad", [](Tape& tape, Index i, double x) { tape.set_grad(i, x); });
}

PyObject* get_tape(PyObject* self, void*) {
    return guarded([&] { return py::cast(TapeOwner(&array_of(self).set->tape())).release().ptr(); });
}

PyObject* get_is_variable(PyObject* self, void*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_alive(array);
        bool all = true;
        for_each_offset(array.layout, array.offset,
                        [&](std::ptrdiff_t k) { all &= is_variable((*array.set)[static_cast<std::size_t>(k)]); });
        return PyBool_FromLong(all);
    });
}

// The elements in C order, as Nodes.
PyObject* array_nodes(PyObject* self, PyObject*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        py::list nodes;
        for_each_offset(array.layout, array.offset, [&](std::ptrdiff_t k) {
            nodes.append(py::reinterpret_steal<py::object>(
                node_at(array.set->tape(), (*array.set)[static_cast<std::size_t>(k)])));
        });
        return nodes.release().ptr();
    });
}

PyObject* array_backward(PyObject* self, PyObject* seeds) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        const std::vector<double> weights = seeds_of(self, py::reinterpret_borrow<py::object>(seeds));
        check_usable(array);
        const std::vector<Index> outputs = entries_of(array);
        backward(array.set->tape(), outputs, weights);
        return Py_NewRef(Py_None);
    });
}

PyGetSetDef attributes[] = {
    {"shape", get_shape, nullptr, "The lengths of the dimensions, a tuple.", nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"size", get_size, nullptr, "The number of elements.", nullptr},
    {"value", get_value, set_value,
     "The numbers, a new NumPy array. Setting it is for variables, and changes nothing that was recorded.", nullptr},
    {"data", get_value, set_value, "Alias of value.", nullptr},
    {"grad", get_grad, set_grad,
     "The gradients, a new NumPy array. Of variables: the sums over backward() calls since zero_grad(). Of "
     "intermediates: from the last backward().",
     nullptr},
    {"T", get_transposed, nullptr, "The view with its axes in reverse order.", nullptr},
    {"tape", get_tape, nullptr, "The Tape that the elements are on.", nullptr},
    {"is_variable", get_is_variable, nullptr, "Whether all elements are variables.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

const char* const kDoc = "The C type behind reelgrad.Array.";

}  // namespace

std::vector<double> seeds_of(PyObject* array, const py::object& seeds) {
    const Layout& layout = array_of(array).layout;
    std::vector<double> result(layout.size(), 1.0);
    if (!seeds.is_none()) {
        const Doubles numbers = numbers_for(array, seeds.ptr(), "the seed");
        std::copy_n(numbers.data(), numbers.size(), result.begin());
    } else if (result.size() != 1) {
        throw LengthError(
            "backward() of an Array of shape " + shape_text(layout.lengths()) +
            ": only one number has a gradient; take sum() or mean(), or pass backward(seed) with a weight "
            "for each element");
    }
    return result;
}

void add_array(py::module_& module) {
    static std::vector<PyMethodDef> methods = array_operator_methods();
    methods.insert(methods.begin(),
                   {{"_positions", array_positions, METH_NOARGS, "Where in the set the elements stand."},
                    {"_view", array_view, METH_O, "The view of the elements at these positions."},
                    {"_entries", array_entries, METH_NOARGS, "The entries' numbers, until something is recorded."},
                    {"_nodes", array_nodes, METH_NOARGS, "The elements in C order, a list of Nodes."},
                    {"_backward", array_backward, METH_O, "The reverse sweep from the elements, with seeds or None."}});
    methods.push_back({nullptr, nullptr, 0, nullptr});
    std::vector<PyType_Slot> slots = array_operator_slots();
    const auto slot = [&](int id, auto function) { slots.push_back({id, reinterpret_cast<void*>(function)}); };
    slot(Py_tp_methods, methods.data());
    slot(Py_tp_getset, attributes);
    slots.push_back({Py_tp_doc, const_cast<char*>(kDoc)});
    slot(Py_tp_new, array_new);
    slot(Py_tp_dealloc, array_dealloc);
    slot(Py_mp_length, array_length);
    slot(Py_mp_subscript, array_subscript);
    slots.push_back({0, nullptr});
    PyType_Spec spec{"reelgrad._core._ArrayBase", sizeof(ArrayObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                     slots.data()};
    array_base = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    if (array_base == nullptr ||
        PyModule_AddObjectRef(module.ptr(), "_ArrayBase", reinterpret_cast<PyObject*>(array_base)) != 0) {
        throw py::error_already_set();
    }
    module.def(
        "_use_array_class",
        [](const py::type& cls) { array_class = reinterpret_cast<PyTypeObject*>(cls.inc_ref().ptr()); }, py::arg("cls"),
        "Results are instances of this subclass of _ArrayBase from now on.");
    try {
        use_block_kernels(exec::active_block_kernels());
    } catch (const SettingError&) {  // REELGRAD_ISA names none that there is: compiled functions will say so
    }
    add_array_making(module);
    add_array_reductions(module);
    add_array_product(module);
    add_array_rule(module);
}

}  // namespace reelgrad::python

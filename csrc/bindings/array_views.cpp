#include "bindings/array_views.hpp"

#include <algorithm>
#include <string>

#include "bindings/node.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using Positions = py::array_t<std::int64_t>;

// The positions 0, 1, 2 ... of which all views are made. Read-only; a longer one replaces it when need be.
Positions& all_positions(std::size_t count) {
    static Positions* const positions = new Positions(0);
    if (static_cast<std::size_t>(positions->size()) < count) {
        Positions more(static_cast<py::ssize_t>(std::max(count, 2 * static_cast<std::size_t>(positions->size()))));
        std::int64_t* const to = more.mutable_data();
        for (py::ssize_t k = 0; k < more.size(); ++k) to[k] = k;
        *positions = std::move(more);
    }
    return *positions;
}

// Takes the next dimension off the layout by an index. False if it is no plain int.
bool step_into(PyObject* index, std::size_t axis, Layout& layout, std::ptrdiff_t& offset) {
    if (!PyLong_CheckExact(index) || layout.dims == 0) return false;
    const Py_ssize_t given = PyLong_AsSsize_t(index);
    if (given == -1 && PyErr_Occurred() != nullptr) throw PythonError{};
    const std::ptrdiff_t length = layout.shape[0], at = given < 0 ? given + length : given;
    if (at < 0 || at >= length) {
        PyErr_Format(PyExc_IndexError, "index %zd is out of bounds for axis %zu with size %zd", given, axis, length);
        throw PythonError{};
    }
    offset += at * layout.strides[0];
    std::shift_left(layout.shape.begin(), layout.shape.begin() + layout.dims, 1);
    std::shift_left(layout.strides.begin(), layout.strides.begin() + layout.dims, 1);
    --layout.dims;
    return true;
}

}  // namespace

std::vector<py::ssize_t> shape_of(const Layout& layout) {
    return {layout.shape.begin(), layout.shape.begin() + layout.dims};
}

PyObject* array_positions(PyObject* self, PyObject*) {
    return guarded([&] {
        const ArrayObject& array = array_of(self);
        const Positions& base = all_positions(array.set->size());
        std::vector<py::ssize_t> strides;
        for (int d = 0; d < array.layout.dims; ++d) {
            strides.push_back(array.layout.strides[static_cast<std::size_t>(d)] *
                              static_cast<py::ssize_t>(sizeof(std::int64_t)));
        }
        py::array view(py::dtype::of<std::int64_t>(), shape_of(array.layout), strides, base.data() + array.offset,
                       base);
        py::detail::array_proxy(view.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
        return view.release().ptr();
    });
}

Layout layout_of(const py::array& array, const char* what) {
    if (array.ndim() > kArrayDims) {
        throw LengthError(std::string(what) + ": " + std::to_string(array.ndim()) + " dimensions, but Arrays have " +
                          std::to_string(kArrayDims) + " at most");
    }
    Layout layout;
    layout.dims = static_cast<int>(array.ndim());
    for (int d = 0; d < layout.dims; ++d) {
        layout.shape[static_cast<std::size_t>(d)] = array.shape(d);
        layout.strides[static_cast<std::size_t>(d)] = array.strides(d) / array.itemsize();
    }
    return layout;
}

// The view of the elements at these positions, which NumPy made of array_positions().
PyObject* array_view(PyObject* self, PyObject* positions) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        const auto at = py::array_t<std::int64_t>::ensure(py::handle(positions));
        if (!at) throw py::error_already_set();
        const Layout layout = layout_of(at, "an Array");
        const Positions& base = all_positions(array.set->size());
        const std::int64_t* const data = at.data();
        if (data >= base.data() && data < base.data() + base.size() && layout.size() > 0) {
            return new_array(Tape::hold(array.set), data - base.data(), layout);
        }
        std::vector<Index> list;
        list.reserve(layout.size());
        for_each_offset(layout, 0,
                        [&](std::ptrdiff_t k) { list.push_back((*array.set)[static_cast<std::size_t>(data[k])]); });
        Tape& tape = array.set->tape();
        const Layout contiguous = Layout::contiguous(layout.lengths());
        if (list.empty()) return new_array(tape.make_set(0, 0), 0, contiguous);
        return new_array(tape.make_set(std::move(list)), 0, contiguous);
    });
}

PyObject* get_transposed(PyObject* self, void*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        Layout layout = array.layout;
        std::reverse(layout.shape.begin(), layout.shape.begin() + layout.dims);
        std::reverse(layout.strides.begin(), layout.strides.begin() + layout.dims);
        return new_array(Tape::hold(array.set), array.offset, layout);
    });
}

// Plain ints, the usual case, without asking NumPy; all else by _getitem of the public class.
PyObject* array_subscript(PyObject* self, PyObject* key) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        Layout layout = array.layout;
        std::ptrdiff_t offset = array.offset;
        bool plain = true;
        if (PyTuple_CheckExact(key)) {
            const Py_ssize_t count = PyTuple_GET_SIZE(key);
            plain = count > 0;
            for (Py_ssize_t k = 0; plain && k < count; ++k) {
                plain = step_into(PyTuple_GET_ITEM(key, k), static_cast<std::size_t>(k), layout, offset);
            }
        } else {
            plain = step_into(key, 0, layout, offset);
        }
        if (plain) return new_array(Tape::hold(array.set), offset, layout);
        PyObject* const result = PyObject_CallMethod(self, "_getitem", "(O)", key);
        if (result == nullptr) throw PythonError{};
        return result;
    });
}

// The numbers of the entries in C order; good until something is recorded.
PyObject* array_entries(PyObject* self, PyObject*) {
    return guarded([&] {
        ArrayObject& array = array_of(self);
        check_usable(array);
        py::array_t<std::int64_t> result(shape_of(array.layout));
        std::int64_t* to = result.mutable_data();
        for_each_offset(array.layout, array.offset,
                        [&](std::ptrdiff_t k) { *to++ = (*array.set)[static_cast<std::size_t>(k)]; });
        return result.release().ptr();
    });
}

}  // namespace reelgrad::python

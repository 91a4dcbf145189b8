#include "bindings/batch.hpp"

#include <optional>
#include <string>

#include "bindings/errors.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

constexpr int kContiguous = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_;
constexpr int kAligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
constexpr int kWriteable = py::detail::npy_api::NPY_ARRAY_WRITEABLE_;

[[noreturn]] void raise_unfit(const char* what, const py::array& array, const char* needed) {
    PyErr_Format(exceptions.node_type, "%s is an array of %S with shape %S; needed: %s", what,
                 py::object(array.dtype()).ptr(), py::object(array.attr("shape")).ptr(), needed);
    throw PythonError{};
}

bool is_float64(const py::array& array) {
    return array.itemsize() == sizeof(double) && dtype_of(array) == exec::Dtype::f64;
}

void check_lanes(const py::array& array, std::size_t lanes, const char* what) {
    if (array.ndim() >= 1 && static_cast<std::size_t>(array.shape(0)) == lanes) return;
    throw LengthError(std::string(what) + " has " +
                      (array.ndim() == 0 ? std::string("no axis") : std::to_string(array.shape(0)) + " lanes") +
                      ", but the batch has " + std::to_string(lanes));
}

// Calls visit(offset in bytes) for each column, in C order of the axes after the first.
template <class Visitor>
void for_each_column(const py::array& array, Visitor&& visit) {
    const py::ssize_t axes = array.ndim();
    if (axes == 1) return visit(py::ssize_t{0});
    if (axes == 2) {
        for (py::ssize_t k = 0; k < array.shape(1); ++k) visit(k * array.strides(1));
        return;
    }
    py::ssize_t columns = 1;
    for (py::ssize_t axis = 1; axis < axes; ++axis) columns *= array.shape(axis);
    for (py::ssize_t column = 0; column < columns; ++column) {
        py::ssize_t rest = column, offset = 0;
        for (py::ssize_t axis = axes - 1; axis >= 1; --axis) {
            offset += rest % array.shape(axis) * array.strides(axis);
            rest /= array.shape(axis);
        }
        visit(offset);
    }
}

}  // namespace

std::optional<exec::Dtype> dtype_of(const py::array& array) {
    using exec::Dtype;
    if ((array.flags() & kAligned) == 0) return std::nullopt;
    const py::dtype dtype = array.dtype();
    const char order = dtype.byteorder();
    if (order == '<' || order == '>') return std::nullopt;  // native order is '=', or '|' for single bytes
    const auto size = dtype.itemsize();
    const auto by_size = [size](Dtype one, Dtype two, Dtype four, Dtype eight) -> std::optional<Dtype> {
        switch (size) {
            case 1:
                return one;
            case 2:
                return two;
            case 4:
                return four;
            case 8:
                return eight;
            default:
                return std::nullopt;
        }
    };
    switch (dtype.kind()) {
        case 'f':
            if (size == 8) return Dtype::f64;
            if (size == 4) return Dtype::f32;
            return std::nullopt;
        case 'i':
            return by_size(Dtype::i8, Dtype::i16, Dtype::i32, Dtype::i64);
        case 'u':
            return by_size(Dtype::u8, Dtype::u16, Dtype::u32, Dtype::u64);
        case 'b':
            return Dtype::boolean;
        default:
            return std::nullopt;
    }
}

std::span<const double> numbers_of(const py::array& array, const char* what) {
    if (array.ndim() != 1 || (array.flags() & kContiguous) == 0 || !is_float64(array)) {
        raise_unfit(what, array, "a contiguous float64 array of one dimension");
    }
    return {static_cast<const double*>(array.data()), static_cast<std::size_t>(array.size())};
}

std::span<double> writable_numbers_of(py::array& array, const char* what) {
    const std::span<const double> numbers = numbers_of(array, what);
    if ((array.flags() & kWriteable) == 0) raise_unfit(what, array, "an array that can be written to");
    return {static_cast<double*>(array.mutable_data()), numbers.size()};
}

void append_columns(const py::array& array, std::size_t lanes, std::vector<exec::Column>& columns) {
    check_lanes(array, lanes, "a column");
    const auto dtype = dtype_of(array);
    if (!dtype) {
        raise_unfit("a column", array, "real numbers in native byte order; convert it with numpy.asarray(x, float)");
    }
    const auto* base = static_cast<const std::byte*>(array.data());
    const py::ssize_t stride = array.strides(0);
    for_each_column(array, [&](py::ssize_t offset) { columns.push_back({base + offset, stride, *dtype}); });
}

void append_destinations(py::array& array, std::size_t lanes, std::vector<exec::Destination>& destinations) {
    constexpr auto size = static_cast<py::ssize_t>(sizeof(double));
    check_lanes(array, lanes, "an output array");
    if (!is_float64(array) || (array.flags() & kWriteable) == 0) {
        raise_unfit("an output array", array, "a float64 array that can be written to");
    }
    auto* base = static_cast<std::byte*>(array.mutable_data());
    const py::ssize_t stride = array.strides(0);
    for_each_column(array, [&](py::ssize_t offset) {
        if (stride % size != 0) raise_unfit("an output array", array, "strides in whole numbers");
        destinations.push_back({reinterpret_cast<double*>(base + offset), stride / size});
    });
}

std::vector<exec::Column> columns_of(const py::sequence& arrays, std::size_t lanes) {
    std::vector<exec::Column> columns;
    for (const py::handle array : arrays) append_columns(py::cast<py::array>(array), lanes, columns);
    return columns;
}

std::vector<exec::Destination> destinations_of(const py::sequence& arrays, std::size_t lanes) {
    std::vector<exec::Destination> destinations;
    for (const py::handle array : arrays) {
        auto writable = py::cast<py::array>(array);
        append_destinations(writable, lanes, destinations);
    }
    return destinations;
}

}  // namespace reelgrad::python

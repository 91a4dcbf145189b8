// bindings/array.hpp: Array, Nodes in a NumPy-shaped container.
//
// An Array is a strided view, as NumPy's arrays are, of a set of entries of a tape: no Python object stands for an
// element. What only rearranges elements records nothing: NumPy's own functions are applied to the elements' positions
// in the set, and the result is a view of the same set, or of a list of its entries.
//
// The C type here holds the view and the operators of the table; the public class, reelgrad.Array, derives from it
// (python/reelgrad/arrays).
#pragma once

#include <Python.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "bindings/errors.hpp"
#include "reelgrad/tape/tape.hpp"

namespace reelgrad::python {

inline constexpr int kArrayDims = 16;

// Dimensions and, for each, a length and a stride in elements.
struct Layout {
    int dims = 0;
    std::array<std::ptrdiff_t, kArrayDims> shape{};
    std::array<std::ptrdiff_t, kArrayDims> strides{};

    std::size_t size() const;
    bool is_contiguous() const;  // in C order
    static Layout contiguous(std::span<const std::ptrdiff_t> shape);
    std::span<const std::ptrdiff_t> lengths() const { return {shape.data(), static_cast<std::size_t>(dims)}; }
};

struct ArrayObject {
    PyObject_HEAD EntrySet* set;
    std::ptrdiff_t offset;
    Layout layout;
};

extern PyTypeObject* array_base;   // the C type
extern PyTypeObject* array_class;  // the public class

inline bool is_node_array(PyObject* object) {
    return Py_IS_TYPE(object, array_class) || (array_base != nullptr && PyObject_TypeCheck(object, array_base));
}
inline ArrayObject& array_of(PyObject* object) { return *reinterpret_cast<ArrayObject*>(object); }

// Throws StaleNodeError, TapeThreadError; brings the serial up to date.
void check_alive(ArrayObject& array);
void check_usable(ArrayObject& array);

// A new Array over a set, of which it takes one hold; a Node if it has no dimensions. Throws PythonError.
PyObject* new_array(EntrySet* set, std::ptrdiff_t offset, const Layout& layout);
// Over entries from `first` on, in C order.
PyObject* new_array(Tape& tape, Index first, std::span<const std::ptrdiff_t> shape);

// The entries in C order. Precondition: checked.
std::vector<Index> entries_of(const ArrayObject& array);

// The seeds of a reverse sweep from an Array: numbers that broadcast to its shape; None will do for one element.
std::vector<double> seeds_of(PyObject* array, const pybind11::object& seeds);

// "(2, 3)", as NumPy writes a shape in messages.
std::string shape_text(std::span<const std::ptrdiff_t> shape);

// An operand of an array operation: an Array, a Node, a number, or an array of numbers.
class ArrayOperand {
  public:
    // Throws PythonError for anything else, naming `what`.
    ArrayOperand(PyObject* object, const char* what);

    Tape* tape() const;
    const Layout& layout() const { return layout_; }
    bool is_constant() const { return kind_ == Kind::number || kind_ == Kind::constants; }
    bool is_number() const { return kind_ == Kind::number; }
    bool is_condition() const { return conditions_; }  // entries that comparisons in a trace made
    double number() const { return number_; }
    // Of constants: its numbers by the layout.
    const double* constants() const { return constants_; }
    // Of entries, once room is made on the tape: that of the element at these strides' offset.
    bool is_run() const;
    Index first() const;  // of a run: where offset 0 stands
    Index entry(std::ptrdiff_t offset) const;
    // Its axes in another order.
    void permute(std::span<const std::size_t> order);

  private:
    void enter_constants(pybind11::array numbers, const char* what);

    enum class Kind { array, node, number, constants };
    Kind kind_;
    pybind11::object object_;  // keeps the handle, or the numbers
    Layout layout_;
    bool conditions_ = false;
    double number_ = 0.0;
    const double* constants_ = nullptr;
};

// The Array of a NumPy array of Nodes, or of Conditions, which then is told. An empty object if there are others among
// the elements, or none at all. Throws if a Node may not be used here, or there are several tapes.
pybind11::object array_of_objects(const pybind11::handle& array, bool* conditions);

// The tape that operands are on, nullptr if all are numbers. Throws if it may not be used here, or there are several.
Tape* common_tape(const char* what, std::span<const ArrayOperand> operands);

// The shape that operands broadcast to. Throws NumPy's error if they do not.
Layout broadcast(std::span<const ArrayOperand> operands);

// Takes back what was stored for a block unless it was recorded.
class BlockInMaking {
  public:
    explicit BlockInMaking(Tape& tape) : tape_(tape) {}
    BlockInMaking(const BlockInMaking&) = delete;
    BlockInMaking& operator=(const BlockInMaking&) = delete;
    ~BlockInMaking() {
        if (!done_) tape_.blocks().abandon();
    }
    Index record() {
        const Index first = tape_.record_block(std::move(block));
        done_ = true;
        return first;
    }
    Block block;

  private:
    Tape& tape_;
    bool done_ = false;
};

// rg.<Op> of operands of which one is an Array at least.
PyObject* apply_to_arrays(Opcode opcode, std::span<PyObject* const> operands);
template <class Op, class... Objects>
PyObject* apply_to_arrays(Objects... objects) {
    const std::array<PyObject*, sizeof...(objects)> operands{objects...};
    return apply_to_arrays(opcode_of<Op>, operands);
}

void add_array(pybind11::module_& module);

// Parts of the C type that array_operators.cpp makes from the table.
std::vector<PyMethodDef> array_operator_methods();
std::vector<PyType_Slot> array_operator_slots();

// Values of the elements of a view, in C order.
void gather(const Tape& tape, const EntrySet& set, std::ptrdiff_t offset, const Layout& layout, double* to);

// Calls visit(offset) for each element in C order.
template <class Visitor>
void for_each_offset(const Layout& layout, std::ptrdiff_t offset, Visitor&& visit) {
    if (layout.size() == 0) return;
    if (layout.dims == 0) return visit(offset);
    std::array<std::ptrdiff_t, kArrayDims> at{};
    const auto last = static_cast<std::size_t>(layout.dims - 1);
    while (true) {
        for (std::ptrdiff_t j = 0; j < layout.shape[last]; ++j) visit(offset + j * layout.strides[last]);
        int dim = layout.dims - 2;
        for (; dim >= 0; --dim) {
            const auto d = static_cast<std::size_t>(dim);
            offset += layout.strides[d];
            if (++at[d] < layout.shape[d]) break;
            offset -= layout.strides[d] * layout.shape[d];
            at[d] = 0;
        }
        if (dim < 0) return;
    }
}

}  // namespace reelgrad::python

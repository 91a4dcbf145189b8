// bindings/array_product.cpp: matrix products of Arrays, by the rules of NumPy's matmul.
#include <algorithm>
#include <string>
#include <vector>

#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"
#include "bindings/names.hpp"
#include "reelgrad/tape/block_kernels.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// The last two dimensions of an operand, of which a vector has one only, and those before.
struct Matrices {
    std::array<std::ptrdiff_t, 2> shape, strides;
    Layout batch;

    Matrices(const Layout& layout, bool vector_is_row) {
        const auto dims = static_cast<std::size_t>(layout.dims);
        if (dims == 1) {
            shape = vector_is_row ? std::array<std::ptrdiff_t, 2>{1, layout.shape[0]}
                                  : std::array<std::ptrdiff_t, 2>{layout.shape[0], 1};
            strides = vector_is_row ? std::array<std::ptrdiff_t, 2>{layout.shape[0], layout.strides[0]}
                                    : std::array<std::ptrdiff_t, 2>{layout.strides[0], 1};
            return;
        }
        shape = {layout.shape[dims - 2], layout.shape[dims - 1]};
        strides = {layout.strides[dims - 2], layout.strides[dims - 1]};
        batch = layout;
        batch.dims = layout.dims - 2;
    }

    // Takes the dimensions before into the rows, where their strides allow.
    void fold_batch_into_rows() {
        while (batch.dims > 0) {
            const auto d = static_cast<std::size_t>(batch.dims - 1);
            if (batch.strides[d] != strides[0] * shape[0]) return;
            shape[0] *= batch.shape[d];
            --batch.dims;
        }
    }
};

// The dimensions before the matrices, broadcast, with the strides of both.
struct Batch {
    Layout a, b;
};
Batch broadcast_batch(const Layout& a, const Layout& b) {
    Batch result;
    const int dims = std::max(a.dims, b.dims);
    result.a.dims = result.b.dims = dims;
    for (int d = 0; d < dims; ++d) {
        const auto at = static_cast<std::size_t>(d);
        const int in_a = d - (dims - a.dims), in_b = d - (dims - b.dims);
        const std::ptrdiff_t la = in_a < 0 ? 1 : a.shape[static_cast<std::size_t>(in_a)];
        const std::ptrdiff_t lb = in_b < 0 ? 1 : b.shape[static_cast<std::size_t>(in_b)];
        if (la != lb && la != 1 && lb != 1) {
            throw LengthError("operands could not be broadcast together with remapped shapes: batches " +
                              shape_text(a.lengths()) + " and " + shape_text(b.lengths()) + " of matrices");
        }
        result.a.shape[at] = result.b.shape[at] = la == 1 ? lb : la;
        result.a.strides[at] = la == 1 ? 0 : a.strides[static_cast<std::size_t>(in_a)];
        result.b.strides[at] = lb == 1 ? 0 : b.strides[static_cast<std::size_t>(in_b)];
    }
    return result;
}

std::vector<std::ptrdiff_t> offsets_of(const Layout& layout) {
    std::vector<std::ptrdiff_t> result;
    for_each_offset(layout, 0, [&](std::ptrdiff_t offset) { result.push_back(offset); });
    return result;
}

void record_product(Tape& tape, const ArrayOperand& a, std::ptrdiff_t a_offset, const Matrices& left,
                    const ArrayOperand& b, std::ptrdiff_t b_offset, const Matrices& right) {
    BlockInMaking making(tape);
    Block& block = making.block;
    block.kind = Block::Kind::product;
    block.opcode = opcode_of<ops::Dot>;
    block.arity = 2;
    block.first = static_cast<Index>(tape.size());
    block.rows = static_cast<std::size_t>(left.shape[0]);
    block.inner = static_cast<std::size_t>(left.shape[1]);
    block.columns = static_cast<std::size_t>(right.shape[1]);
    block.count = block.rows * block.columns;
    enter_matrix(tape, block.operands[0], a, a_offset, left.shape, left.strides, true);
    enter_matrix(tape, block.operands[1], b, b_offset, right.shape, right.strides, true);
    double* const values = tape.new_values();
    std::fill_n(values, block.count, 0.0);
    const Blocks& blocks = tape.blocks();
    add_matrix_product(values, blocks.numbers(block.operands[0].values), blocks.numbers(block.operands[1].values),
                       block.rows, block.inner, block.columns);
    making.record();
}

PyObject* product(PyObject* l, PyObject* r) {
    std::vector<ArrayOperand> operands;
    operands.emplace_back(l, "matmul");
    operands.emplace_back(r, "matmul");
    const ArrayOperand &a = operands[0], &b = operands[1];
    for (std::size_t k = 0; k < 2; ++k) {
        if (operands[k].layout().dims > 0) continue;
        throw LengthError("matmul: Input operand " + std::to_string(k) +
                          " does not have enough dimensions (has 0, gufunc core with signature "
                          "(n?,k),(k,m?)->(n?,m?) requires 1); use * for a scalar");
    }
    Matrices left(a.layout(), true), right(b.layout(), false);
    if (left.shape[1] != right.shape[0]) {
        throw LengthError(
            "matmul: Input operand 1 has a mismatch in its core dimension 0, with gufunc signature "
            "(n?,k),(k,m?)->(n?,m?) (size " +
            std::to_string(right.shape[0]) + " is different from " + std::to_string(left.shape[1]) + "): shapes " +
            shape_text(a.layout().lengths()) + " and " + shape_text(b.layout().lengths()));
    }
    Tape& tape = *common_tape("matmul", operands);
    const Batch whole = broadcast_batch(left.batch, right.batch);
    std::vector<std::ptrdiff_t> shape(whole.a.shape.begin(), whole.a.shape.begin() + whole.a.dims);
    if (a.layout().dims > 1) shape.push_back(left.shape[0]);
    if (b.layout().dims > 1) shape.push_back(right.shape[1]);
    const Layout result = Layout::contiguous(shape);
    const std::size_t count = result.size();
    if (count == 0) return new_array(tape.make_set(0, 0), 0, result);
    if (left.shape[1] == 0) return filled(tape, result.lengths(), 0.0).release().ptr();
    if (right.batch.size() == 1) left.fold_batch_into_rows();
    const Batch batch = broadcast_batch(left.batch, right.batch);
    const std::vector<std::ptrdiff_t> in_a = offsets_of(batch.a), in_b = offsets_of(batch.b);
    tape.make_block_room(true, count);  // may collect: only now are the indices what they will be
    const std::size_t size = tape.size();
    try {
        for (std::size_t k = 0; k < in_a.size(); ++k) record_product(tape, a, in_a[k], left, b, in_b[k], right);
        return new_array(tape, static_cast<Index>(size), result.lengths());
    } catch (...) {
        tape.take_back(size);
        throw;
    }
}

}  // namespace

PyObject* matrix_product(PyObject* a, PyObject* b) {
    try {
        return product(a, b);
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

PyObject* product_function(PyObject*, PyObject* const* args, Py_ssize_t nargs) {
    if (nargs == 2) return matrix_product(args[0], args[1]);
    PyErr_SetString(PyExc_TypeError, "_array_matmul(a, b) takes 2 arguments");
    return nullptr;
}

void add_array_product(py::module_& module) {
    static PyMethodDef functions[] = {
        {"_array_matmul", fast_call(product_function), METH_FASTCALL,
         "_array_matmul(a, b, /)\n--\n\nNumPy's matmul, of operands of which one is an Array at least."},
        {nullptr, nullptr, 0, nullptr}};
    if (PyModule_AddFunctions(module.ptr(), functions) < 0) throw py::error_already_set();
}

}  // namespace reelgrad::python

// bindings/array_operators.cpp: the operators of the table, element by element: from an entry of the table to a kernel,
// a slot and a method of Array.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "bindings/array_block.hpp"
#include "bindings/array_functions.hpp"
#include "bindings/names.hpp"
#include "bindings/node_slots.hpp"
#include "reelgrad/exec/cpu.hpp"
#include "reelgrad/exec/vector_math.hpp"
#include "reelgrad/ops/formula.hpp"

namespace reelgrad::python {
namespace {

// Values are the vector code's, so that they differ from a Node's by ulps at most; partials come from the template of
// the table, for those that are wanted (not null).
struct Kernel {
    using Partials = void (*)(std::size_t n, const double* const* x, const double* y, double* const* p);
    exec::ArrayFunction value = nullptr;
    Partials partials = nullptr;
    std::string_view name;
    int arity = 0;
    bool constant_first = false;
    std::array<bool, 3> is_uniform{};  // partials that are the same number always
    std::array<double, 3> uniform{};
};

template <class Op>
void write_partials(std::size_t n, const double* const* x, const double* y, double* const* p) {
    if constexpr (ops::arity_v<Op> == 1) {
        for (std::size_t i = 0; i < n; ++i) p[0][i] = Op::partial(x[0][i], y[i]);
    } else if constexpr (ops::arity_v<Op> == 2) {
        if (p[0] != nullptr && p[1] != nullptr) {
            for (std::size_t i = 0; i < n; ++i) {
                const ops::Partials<double> d = Op::partials(x[0][i], x[1][i], y[i]);
                p[0][i] = d.a;
                p[1][i] = d.b;
            }
        } else if (p[0] != nullptr) {
            for (std::size_t i = 0; i < n; ++i) p[0][i] = Op::partials(x[0][i], x[1][i], y[i]).a;
        } else {
            for (std::size_t i = 0; i < n; ++i) p[1][i] = Op::partials(x[0][i], x[1][i], y[i]).b;
        }
    } else {
        for (std::size_t i = 0; i < n; ++i) {
            const ops::Partials3<double> d = Op::partials(x[0][i], x[1][i], x[2][i], y[i]);
            if (p[0] != nullptr) p[0][i] = d.a;
            if (p[1] != nullptr) p[1][i] = d.b;
            if (p[2] != nullptr) p[2][i] = d.c;
        }
    }
}

// By opcode. What the table prints as a number is a partial that needs no column.
const std::array<Kernel, ops::Primitives::size>& kernels() {
    static const auto table = [] {
        std::array<Kernel, ops::Primitives::size> result;
        const exec::MathTable& math = exec::active_isa().math;
        ops::for_each_primitive([&]<class Op>() {
            Kernel& kernel = result[ops::opcode_v<Op>];
            kernel.value = math.of[ops::opcode_v<Op>].wide;
            kernel.partials = write_partials<Op>;
            kernel.name = Op::name;
            kernel.arity = ops::arity_v<Op>;
            kernel.constant_first = Op::constant_first;
            const std::vector<std::string> formulas = ops::formulas<Op>();  // of the value, then of each partial
            for (std::size_t k = 0; k + 1 < formulas.size(); ++k) {
                const char* const text = formulas[k + 1].c_str();
                char* end = nullptr;
                kernel.uniform[k] = std::strtod(text, &end);
                kernel.is_uniform[k] = end != text && *end == '\0';
            }
        });
        return result;
    }();
    return table;
}

constexpr std::size_t kChunk = 1024;  // elements: what is copied for them stays in the first cache

// Values and partials of a map that is entered, chunk by chunk.
void compute(Tape& tape, const Block& block, const Kernel& kernel, double* values) {
    double buffers[3][kChunk];
    bool any_partial = false;
    for (std::size_t k = 0; k < block.arity; ++k) any_partial |= block.operands[k].partials != kNotStored;
    for (std::size_t begin = 0; begin < block.elements; begin += kChunk) {
        const std::size_t count = std::min(kChunk, block.elements - begin);
        const double* x[3] = {};
        double* p[3] = {};
        for (std::size_t k = 0; k < block.arity; ++k) {
            x[k] = numbers_of_operand(tape, block, k, begin, count, buffers[k]);
            const StoreOffset partials = block.operands[k].partials;
            if (partials != kNotStored) p[k] = tape.blocks().numbers(partials) + begin;
        }
        kernel.value(values + begin, x[0], x[1], x[2], count);
        if (any_partial) kernel.partials(count, x, values + begin, p);
    }
}

PyObject* elementwise(Opcode opcode, std::span<PyObject* const> objects) {
    const Kernel* kernel = &kernels()[static_cast<std::size_t>(opcode)];
    const char* const name = kernel->name.data();
    std::vector<ArrayOperand> operands;
    operands.reserve(objects.size());
    for (PyObject* const object : objects) operands.emplace_back(object, name);
    for (std::size_t k = 0; k < operands.size(); ++k) {
        if (!operands[k].is_condition() || (k == 0 && opcode == opcode_of<ops::Where>)) continue;
        raise_not_a_number(name, objects[k]);
        throw PythonError{};
    }
    if (kernel->constant_first && !operands[0].is_constant() && !operands[0].is_condition()) {
        PyErr_Format(exceptions.node_type,
                     "%s: the first operand must be plain numbers or bools, it is never differentiated; pass its "
                     ".value",
                     name);
        throw PythonError{};
    }
    Tape& tape = *common_tape(name, operands);
    const Layout layout = broadcast(operands);
    const std::size_t size = layout.size();
    if (size == 0) return new_array(tape.make_set(0, 0), 0, layout);
    tape.make_block_room(true, size);  // may collect: only now are the indices what they will be
    BlockInMaking making(tape);
    Block& block = making.block;
    block.opcode = opcode;
    const std::span strides(layout.strides.data(), static_cast<std::size_t>(layout.dims));
    MapLayout(layout.lengths(), strides, operands).enter(tape, block, operands);
    if (opcode == opcode_of<ops::Pow> && operands[1].is_number() && operands[1].number() == 2.0) {
        kernel = &kernels()[ops::opcode_v<ops::Square>];  // the same numbers, sooner
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
        BlockOperand& x = block.operands[k];
        x.has_partial = !x.is_constant() && !operands[k].is_condition();
        if (!x.has_partial) continue;
        if (kernel->is_uniform[k]) {
            x.partial = kernel->uniform[k];
        } else {
            x.partials = tape.blocks().store(size);
        }
    }
    compute(tape, block, *kernel, tape.new_values());
    return record_array(tape, making, layout.lengths());
}

template <class Op>
PyObject* unary_array_slot(PyObject* x) {
    return apply_to_arrays<Op>(x);
}
template <class Op>
PyObject* unary_array_method(PyObject* x, PyObject*) {
    return apply_to_arrays<Op>(x);
}

// What an operator of Python may find beside an Array; anything else may know better.
bool may_stand_beside(PyObject* object) {
    if (is_node_array(object) || is_node(object) || is_array(object) || PyList_Check(object) || PyTuple_Check(object))
        return true;
    double number;
    const NumberKind kind = as_number(object, &number);
    PyErr_Clear();
    return kind != NumberKind::other;
}

template <class Op>
PyObject* binary_array_slot(PyObject* l, PyObject* r) {
    if (!may_stand_beside(l) || !may_stand_beside(r)) Py_RETURN_NOTIMPLEMENTED;
    return apply_to_arrays<Op>(l, r);
}

PyObject* matrix_product_slot(PyObject* l, PyObject* r) {
    if (!may_stand_beside(l) || !may_stand_beside(r)) Py_RETURN_NOTIMPLEMENTED;
    return matrix_product(l, r);
}

PyObject* power_array_slot(PyObject* l, PyObject* r, PyObject* modulus) {
    if (modulus != Py_None) {
        PyErr_SetString(exceptions.node_type,
                        "pow(a, b, modulus): an Array takes no modulus; write (a ** b) % modulus");
        return nullptr;
    }
    return binary_array_slot<ops::Pow>(l, r);
}

// The operands that are left out have their default.
template <class Op>
PyObject* array_method(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
    constexpr std::size_t others = ops::arity_v<Op> - 1;
    constexpr bool defaulted = ops::has_default_b_v<Op>;
    PyObject* o[3] = {self};
    if (!match_operands(Op::name.data(), Op::operands.data() + 1, others, defaulted, args, nargs, kwnames, o + 1)) {
        return nullptr;
    }
    if constexpr (others == 2) return apply_to_arrays<Op>(o[0], o[1], o[2]);
    if (o[1] != nullptr) return apply_to_arrays<Op>(o[0], o[1]);
    PyObject* const second = default_operand<Op>();
    PyObject* const result = apply_to_arrays<Op>(self, second);
    Py_XDECREF(second);
    return result;
}

}  // namespace

PyObject* apply_to_arrays(Opcode opcode, std::span<PyObject* const> operands) {
    try {
        return elementwise(opcode, operands);
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

std::vector<PyMethodDef> array_operator_methods() {
    std::vector<PyMethodDef> result;
    ops::for_each_primitive([&]<class Op>() {
        if constexpr (!Op::constant_first) {
            PyCFunction function = nullptr;
            int flags = METH_FASTCALL | METH_KEYWORDS;
            if constexpr (ops::arity_v<Op> == 1) {
                function = unary_array_method<Op>;
                flags = METH_NOARGS;
            } else {
                function = fast_call(array_method<Op>);
            }
            const std::string signature = "($self, /" + parameters<Op>(1) + ")";
            for_each_name<Op>([&](const std::string& name) {
                const std::string doc = name + signature + "\n--\n\nThe operator '" + std::string(Op::name) +
                                        "' of each element; see reelgrad." + std::string(Op::name) + ".";
                result.push_back({keep(name), function, flags, keep(doc)});
            });
        }
    });
    return result;
}

std::vector<PyType_Slot> array_operator_slots() {
    std::vector<PyType_Slot> slots;
    const auto slot = [&](int id, auto function) { slots.push_back({id, reinterpret_cast<void*>(function)}); };
    slot(Py_nb_power, power_array_slot);
    slot(Py_nb_matrix_multiply, matrix_product_slot);
    slot(Py_nb_positive, +[](PyObject* self) { return Py_NewRef(self); });
    slot(Py_nb_absolute, unary_array_slot<ops::Abs>);
    ops::for_each_primitive([&]<class Op>() {
        if constexpr (ops::arity_v<Op> == 1) {
            if (const int id = number_slot(Op::symbol, 1)) slot(id, unary_array_slot<Op>);
        } else if constexpr (ops::arity_v<Op> == 2) {
            if (const int id = number_slot(Op::symbol, 2)) slot(id, binary_array_slot<Op>);
        }
    });
    return slots;
}

}  // namespace reelgrad::python

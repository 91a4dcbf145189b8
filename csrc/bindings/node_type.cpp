// bindings/node_type.cpp: the Python type Node, put together from its members and the table of operators.
#include <string>
#include <string_view>
#include <vector>

#include "bindings/names.hpp"
#include "bindings/node.hpp"
#include "bindings/node_members.hpp"
#include "bindings/node_slots.hpp"

namespace reelgrad::python {
namespace {

std::vector<PyMethodDef> methods() {
    std::vector<PyMethodDef> result = member_methods();
    ops::for_each_primitive([&]<class Op>() {
        if constexpr (!Op::constant_first) {
            PyCFunction function = nullptr;
            int flags = METH_FASTCALL | METH_KEYWORDS;
            if constexpr (ops::arity_v<Op> == 1) {
                function = unary_method<Op>;
                flags = METH_NOARGS;
            } else if constexpr (ops::arity_v<Op> == 2) {
                function = fast_call(binary_method<Op>);
            } else {
                function = fast_call(ternary_method<Op>);
            }
            const std::string signature = "($self, /" + parameters<Op>(1) + ")";
            const auto add = [&](const std::string& name) {
                const std::string doc = name + signature + "\n--\n\nThe operator '" + std::string(Op::name) +
                                        "' of this node; see reelgrad." + std::string(Op::name) + ".";
                result.push_back({keep(name), function, flags, keep(doc)});
            };
            for_each_name<Op>(add);
        }
    });
    result.push_back({nullptr, nullptr, 0, nullptr});
    return result;
}

const char* const kDoc =
    "Node(value, name=None)\n--\n\n"
    "A number on a tape: what is computed with it is recorded, and backward() finds the derivatives.\n\n"
    "Node(0.5) makes a variable on the current tape; arithmetic and the functions of reelgrad make intermediates.\n\n"
    "Parameters\n----------\nvalue : float\n    The value of the new variable.\nname : str, optional\n    Shown by "
    "repr.\n\n"
    "Examples\n--------\n>>> import reelgrad as rg\n>>> x = rg.Node(2.0)\n>>> y = x * x + 1.0\n>>> y.backward()\n>>> "
    "x.grad\n4.0\n";

}  // namespace

bool add_node_type(PyObject* module) {
    static std::vector<PyMethodDef> method_table = methods();
    std::vector<PyType_Slot> slots = member_slots();
    const auto slot = [&](int id, auto function) { slots.push_back({id, reinterpret_cast<void*>(function)}); };
    slot(Py_tp_methods, method_table.data());
    slot(Py_tp_getset, member_attributes());
    slots.push_back({Py_tp_doc, const_cast<char*>(kDoc)});
    slot(Py_nb_power, power_slot<ops::Pow>);
    slot(Py_nb_absolute, unary<ops::Abs>);
    ops::for_each_primitive([&]<class Op>() {
        if constexpr (ops::arity_v<Op> == 1) {
            const int id = number_slot(Op::symbol, 1);
            if (id != 0) slot(id, unary<Op>);
        } else if constexpr (ops::arity_v<Op> == 2) {
            const int id = number_slot(Op::symbol, 2);
            if (id != 0) slot(id, binary_slot<Op>);
        }
    });
    slots.push_back({0, nullptr});

    PyType_Spec spec{"reelgrad.Node", sizeof(NodeObject), 0, Py_TPFLAGS_DEFAULT, slots.data()};
    node_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
    if (node_type == nullptr) return false;
    // Lower than an array's, so that arrays broadcast over Nodes; being there at all lets np.float64 * node skip the
    // conversion of the Node to an array (some 220 ns then).
    PyObject* priority = PyFloat_FromDouble(-1.0);
    const bool ok = priority != nullptr &&
                    PyObject_SetAttrString(reinterpret_cast<PyObject*>(node_type), "__array_priority__", priority) == 0;
    Py_XDECREF(priority);
    return ok && PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type)) == 0;
}

}  // namespace reelgrad::python

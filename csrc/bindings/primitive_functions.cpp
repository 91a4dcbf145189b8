// bindings/primitive_functions.cpp: reelgrad.exp(x) and the like, for Nodes, floats and arrays.
#include <string>
#include <vector>

#include "bindings/functions.hpp"
#include "bindings/names.hpp"
#include "bindings/node_slots.hpp"

namespace reelgrad::python {

void add_primitive_functions(pybind11::module_& module) {
    static std::vector<PyMethodDef> functions;
    ops::for_each_primitive([&]<class Op>() {
        PyCFunction function = nullptr;
        int flags = METH_FASTCALL | METH_KEYWORDS;
        std::string end = ")";
        if constexpr (ops::arity_v<Op> == 1) {
            function = unary_function<Op>;
            flags = METH_O;
            end = ", /)";
        } else if constexpr (ops::arity_v<Op> == 2) {
            function = fast_call(binary_function<Op>);
        } else {
            function = fast_call(ternary_function<Op>);
        }
        const std::string signature = "(" + parameters<Op>(0).substr(2) + end;
        for_each_name<Op>([&](const std::string& name) {
            std::string doc = name + signature + "\n--\n\nThe operator '" + std::string(Op::name) +
                              "' of Nodes, real numbers or arrays of real numbers, which broadcast.";
            if (!Op::note.empty()) doc += "\n\n" + std::string(Op::note);
            functions.push_back({keep(name), function, flags, keep(doc)});
        });
    });
    functions.push_back({nullptr, nullptr, 0, nullptr});
    if (PyModule_AddFunctions(module.ptr(), functions.data()) < 0) throw pybind11::error_already_set();
}

}  // namespace reelgrad::python

// pybind11.hpp: functions bound with pybind11 take and return Nodes, as reelgrad::Var.
//
//     #include <reelgrad/pybind11.hpp>
//
//     reelgrad::Var price(reelgrad::Var spot, double strike) { ... }
//
//     PYBIND11_MODULE(pricer, module) {
//         reelgrad::import_into(module);
//         module.def("price", price);
//     }
//
// Python passes a Node or a number, which counts as a constant; what comes back is a Node, or a float for a constant.
// With <pybind11/stl.h>, std::vector<Var> is a sequence of them. The argument's Node lives for as long as the call.
#pragma once

#include <pybind11/pybind11.h>

#include <exception>

#include "reelgrad/python.hpp"  // before all else of reelgrad

namespace reelgrad {

// Connects the module with reelgrad._core, and turns errors of the engine into Python's. Throws for an ImportError.
inline void import_into(pybind11::module_&) {
    if (import_reelgrad() < 0) throw pybind11::error_already_set();
    pybind11::register_local_exception_translator([](std::exception_ptr raised) {
        try {
            std::rethrow_exception(raised);
        } catch (const Error&) {
            set_python_error();
        }
    });
}

}  // namespace reelgrad

namespace pybind11::detail {

template <>
struct type_caster<reelgrad::Var> {
    PYBIND11_TYPE_CASTER(reelgrad::Var, const_name("reelgrad.Node"));

    // Refuses what is no number, so that other overloads are tried; throws for a Node that cannot be used.
    bool load(handle source, bool convert) {
        if (!convert && !reelgrad::is_node(source.ptr())) return false;
        try {
            value = reelgrad::to_var(source.ptr());
            return true;
        } catch (const reelgrad::embed::PythonError&) {
            PyErr_Clear();
            return false;
        }
    }
    static handle cast(const reelgrad::Var& x, return_value_policy, handle) { return reelgrad::to_node(x); }
};

}  // namespace pybind11::detail

// bindings/module.cpp: the compiled module, reelgrad._core.
#include <pybind11/pybind11.h>

#include <string>

#include "bindings/anomaly.hpp"
#include "bindings/array.hpp"
#include "bindings/condition.hpp"
#include "bindings/embedding.hpp"
#include "bindings/errors.hpp"
#include "bindings/executable.hpp"
#include "bindings/fast_call.hpp"
#include "bindings/functions.hpp"
#include "bindings/graph.hpp"
#include "bindings/node.hpp"
#include "bindings/path_set.hpp"
#include "bindings/program.hpp"
#include "bindings/recording.hpp"
#include "bindings/region.hpp"
#include "bindings/signatures.hpp"
#include "bindings/tape.hpp"
#include "bindings/trainer.hpp"

namespace py = pybind11;
namespace rp = reelgrad::python;

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled engine of reelgrad; import reelgrad instead.";
    if (!rp::add_exceptions(module.ptr()) || !rp::add_node_type(module.ptr()) ||
        !rp::add_condition_type(module.ptr())) {
        throw py::error_already_set();
    }
    py::register_exception_translator([](std::exception_ptr raised) {
        try {
            std::rethrow_exception(raised);
        } catch (const reelgrad::Error&) {
            rp::raise_current();
        } catch (const rp::PythonError&) {
            rp::raise_current();
        } catch (const std::bad_alloc&) {
            rp::raise_current();
        }
    });
    rp::add_tape(module);
    rp::add_array(module);
    rp::add_fast_call(module);
    rp::add_detect_anomaly(module);
    rp::add_primitive_functions(module);
    rp::add_sequence_functions(module);
    rp::add_operator_table(module);
    rp::add_graph(module);
    rp::add_program(module);
    rp::add_recording(module);
    rp::add_region(module);
    py::module_ testing = module.def_submodule("_testing", "Failures on demand and inner parts, for the tests.");
    rp::add_vector_math(module, testing);
    rp::add_path_set(module);
    rp::add_trainer(module);

    py::list public_names;
    for (const auto& [name, object] : py::reinterpret_borrow<py::dict>(PyModule_GetDict(module.ptr()))) {
        const auto text = name.cast<std::string>();
        if (!text.starts_with("_")) public_names.append(text);
    }
    public_names.attr("sort")();
    module.attr("__all__") = public_names;
    rp::add_executable(module);  // compiled functions are the public way
    rp::add_embedding(module);

    testing.def("fail_commit", reelgrad::AddressSpace::fail_commit, py::arg("nth"), py::arg("times") = 1,
                "After nth more commits of memory, the next ones fail, so many times.");
    testing.def(
        "fail_next_slab", [] { reelgrad::HandleSlabs::fail_next_slab(); },
        "The next slab of Nodes cannot be allocated.");
    rp::add_program_testing(testing);
    rp::add_signatures(module);
}

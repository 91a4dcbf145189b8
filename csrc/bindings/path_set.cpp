#include "bindings/path_set.hpp"

#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "bindings/batch.hpp"
#include "bindings/executable.hpp"
#include "bindings/lock.hpp"
#include "reelgrad/exec/paths.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using exec::PathSet;
using program::Program;

std::uint32_t add_path(PathSet& set, std::optional<std::uint32_t> parent, std::optional<std::uint32_t> guard,
                       const Program* classifier, const Program& run) {
    std::optional<Program> decides;
    if (classifier != nullptr) decides = *classifier;
    const WithoutLock nogil;  // optimising and lowering take their time
    return set.add(parent.value_or(PathSet::kNoPath), guard.value_or(0), std::move(decides), run);
}

py::object unknown_or_none(const std::optional<PathSet::Unknown>& unknown) {
    if (!unknown) return py::none();
    return py::make_tuple(unknown->path, unknown->guard, unknown->lane);
}

py::object run(const PathSet& set, const py::array& uniforms, const py::sequence& columns, std::size_t lanes,
               std::size_t threads, py::array& uniform_out, const py::sequence& varying_out) {
    const std::vector<exec::Column> inputs = columns_of(columns, lanes);
    const std::vector<exec::Destination> outputs = destinations_of(varying_out, lanes);
    const exec::Batch batch{.lanes = lanes, .uniforms = numbers_of(uniforms, "uniforms"), .columns = inputs};
    const exec::Results results{.uniforms = writable_numbers_of(uniform_out, "uniform_out"), .columns = outputs};
    std::optional<PathSet::Unknown> unknown;
    {
        const WithoutLock nogil;
        unknown = set.run(batch, results, {.threads = threads, .interrupt = python_interrupt});
    }
    return unknown_or_none(unknown);
}

py::object classify(const PathSet& set, const py::array& uniforms, const py::sequence& columns, std::size_t lanes) {
    const std::vector<exec::Column> inputs = columns_of(columns, lanes);
    const exec::Batch batch{.lanes = lanes, .uniforms = numbers_of(uniforms, "uniforms"), .columns = inputs};
    PathSet::Work work;
    if (const auto unknown = set.classify(batch, {}, work)) return unknown_or_none(unknown);
    py::array_t<std::uint32_t> paths(static_cast<py::ssize_t>(lanes));
    for (const PathSet::Group& group : work.groups()) {
        const std::uint32_t path = set.path_of(group);
        if (group.lanes.empty()) std::fill_n(paths.mutable_data(), lanes, path);
        for (const std::uint32_t lane : group.lanes) paths.mutable_data()[lane] = path;
    }
    return paths;
}

}  // namespace

void add_path_set(py::module_& module) {
    py::class_<PathSet>(module, "_PathSet", py::is_final(), R"(The known paths of a function, and batches run over them.

`per_lane` says for each output whether a number per lane is wanted; the other outputs are uniform, sums over lanes.
)")
        .def(py::init<std::vector<bool>>(), py::arg("per_lane"))
        .def("add_path", add_path, py::arg("parent").none(true), py::arg("guard").none(true),
             py::arg("classifier").none(true), py::arg("run"),
             R"(Add the path that left `parent` at `guard` (None for the first path) and return its number.

`run` is the path's Program. `classifier`, None if it has no guards, has the same inputs, or the first of them, and one
output: the number of the first guard after `guard` that disagrees, or the number of guards.
)")
        .def("run", run, py::arg("uniforms"), py::arg("columns"), py::arg("lanes"), py::arg("threads"),
             py::arg("uniform_out"), py::arg("varying_out"),
             R"(Run each lane on its path.

Return None, or (path, guard, lane) of the first lane whose path is unknown; then nothing has been run. The arrays in
`columns` and `varying_out` have their lanes along the first axis; the others count columns.
)")
        .def("classify", classify, py::arg("uniforms"), py::arg("columns"), py::arg("lanes"),
             "Return each lane's path in an array, or (path, guard, lane) of the first lane whose path is unknown.")
        .def("__len__", &PathSet::size);
}

}  // namespace reelgrad::python

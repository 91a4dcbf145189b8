#include "bindings/source.hpp"

#include <pybind11/pybind11.h>

#include "bindings/errors.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// Where the package's Python files are, and where its demonstrations are, whose functions are users' code.
struct Package {
    py::str folder, demonstrations;

    Package() {
        const py::module_ os_path = py::module_::import("os.path");
        const py::object dirname = os_path.attr("dirname"), join = os_path.attr("join");
        const py::object home = dirname(py::module_::import("reelgrad").attr("__file__"));
        folder = py::str(join(home, ""));
        demonstrations = py::str(join(home, "demo", ""));
    }
    bool holds(const py::object& file) const { return starts(file, folder) && !starts(file, demonstrations); }

  private:
    static bool starts(const py::object& file, const py::str& prefix) {
        return PyUnicode_Tailmatch(file.ptr(), prefix.ptr(), 0, PY_SSIZE_T_MAX, -1) == 1;
    }
};

const Package& package() {
    static const auto* const known = new Package();  // kept for good: the interpreter may be gone before statics are
    return *known;
}

}  // namespace

std::optional<SourcePlace> calling_place() {
    std::optional<SourcePlace> innermost;
    py::object frame = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
    while (frame) {
        auto* const raw = reinterpret_cast<PyFrameObject*>(frame.ptr());
        const auto code = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetCode(raw)));
        const auto* const of = reinterpret_cast<PyCodeObject*>(code.ptr());
        const auto file = py::reinterpret_borrow<py::str>(of->co_filename);
        const bool own = package().holds(file);
        if (!own || !innermost) {
            innermost = {std::string(file), PyFrame_GetLineNumber(raw),
                         std::string(py::reinterpret_borrow<py::str>(of->co_name))};
            if (!own) return innermost;
        }
        frame = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetBack(raw)));
    }
    return innermost;
}

std::string calling_line() {
    const std::optional<SourcePlace> place = calling_place();
    return place ? place->file + ":" + std::to_string(place->line) : "";
}

}  // namespace reelgrad::python

#include "bindings/fast_call.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>
#include <structmember.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "bindings/errors.hpp"
#include "reelgrad/exec/executable.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// An argument as the plan wants it: a float (no dimensions), or a contiguous float64 array.
struct Shape {
    bool is_array;
    std::vector<py::ssize_t> lengths;
    std::size_t size;
};

// The Program's inputs are the arguments' elements in order, all uniform; its outputs the value,
// then the gradient by the elements of argument `by`.
struct Plan {
    std::shared_ptr<const exec::Executable> executable;
    std::vector<Shape> arguments;
    bool returns_value;
    std::ptrdiff_t by;  // -1: no gradient
    std::vector<double> uniforms, results;
    bool busy = false;  // a gradient's finalizer or a signal handler may call again
};

struct FastCall {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject* slow;
    Plan* plan;
};

constexpr int kContiguous = 0x0001, kAligned = 0x0100, kWriteable = 0x0400;  // NumPy's array flags

PyObject* float64_descriptor() {
    static PyObject* const descriptor = py::dtype::of<double>().release().ptr();
    return descriptor;
}

bool is_plain(PyObject* object, const Shape& shape, int flags) {
    const auto& api = py::detail::npy_api::get();
    if (Py_TYPE(object) != reinterpret_cast<PyTypeObject*>(api.PyArray_Type_)) return false;
    const auto* array = py::detail::array_proxy(object);
    return array->descr == float64_descriptor() && (array->flags & flags) == flags &&
           std::cmp_equal(array->nd, shape.lengths.size()) &&
           std::equal(shape.lengths.begin(), shape.lengths.end(), array->dimensions);
}

double* data_of(PyObject* array) { return reinterpret_cast<double*>(py::detail::array_proxy(array)->data); }

// The result by the short way; an empty handle where it does not apply.
py::object call_plan(Plan& plan, PyObject* const* args, std::size_t nargs, PyObject* kwnames) {
    PyObject* out = nullptr;
    if (kwnames != nullptr) {
        static PyObject* const out_name = PyUnicode_InternFromString("out");
        if (PyTuple_GET_SIZE(kwnames) != 1 || PyTuple_GET_ITEM(kwnames, 0) != out_name || plan.by < 0) return {};
        if (args[nargs] != Py_None) out = args[nargs];
    }
    if (nargs != plan.arguments.size() || plan.busy) return {};
    double* to = plan.uniforms.data();
    for (std::size_t k = 0; k < nargs; ++k) {
        const Shape& shape = plan.arguments[k];
        if (shape.is_array) {
            if (!is_plain(args[k], shape, kContiguous | kAligned)) return {};
            std::copy_n(data_of(args[k]), shape.size, to);
        } else {
            if (!PyFloat_CheckExact(args[k])) return {};
            *to = PyFloat_AS_DOUBLE(args[k]);
        }
        to += shape.size;
    }
    py::object gradient;
    if (plan.by >= 0) {
        const Shape& shape = plan.arguments[static_cast<std::size_t>(plan.by)];
        if (out != nullptr) {
            if (!shape.is_array || !is_plain(out, shape, kContiguous | kAligned | kWriteable)) return {};
            gradient = py::reinterpret_borrow<py::object>(out);
        } else if (shape.is_array) {
            gradient = py::array_t<double>(shape.lengths);
        }
    }
    plan.busy = true;
    try {
        plan.executable->run({.lanes = 1, .uniforms = plan.uniforms, .columns = {}},
                             {.uniforms = plan.results, .columns = {}});
    } catch (...) {
        plan.busy = false;
        throw;
    }
    plan.busy = false;
    const double* const from = plan.results.data() + 1;
    if (plan.by < 0) return py::float_(plan.results[0]);
    if (gradient) {
        std::copy_n(from, plan.arguments[static_cast<std::size_t>(plan.by)].size, data_of(gradient.ptr()));
    } else {
        gradient = py::float_(*from);
    }
    return plan.returns_value ? py::make_tuple(plan.results[0], gradient) : gradient;
}

PyObject* fast_call(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* kwnames) {
    auto* const call = reinterpret_cast<FastCall*>(self);
    if (call->plan != nullptr) {
        try {
            py::object result =
                call_plan(*call->plan, args, static_cast<std::size_t>(PyVectorcall_NARGS(nargsf)), kwnames);
            if (result) return result.release().ptr();
        } catch (...) {
            raise_current();
            return nullptr;
        }
    }
    return PyObject_Vectorcall(call->slow, args, nargsf, kwnames);
}

PyObject* fast_call_new(PyTypeObject* type, PyObject* args, PyObject*) {
    PyObject* slow = nullptr;
    if (!PyArg_ParseTuple(args, "O:FastCall", &slow)) return nullptr;
    auto* self = reinterpret_cast<FastCall*>(type->tp_alloc(type, 0));
    if (self == nullptr) return nullptr;
    self->vectorcall = fast_call;
    self->slow = Py_NewRef(slow);
    self->plan = nullptr;
    return reinterpret_cast<PyObject*>(self);
}

int fast_call_traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(reinterpret_cast<FastCall*>(self)->slow);
    Py_VISIT(Py_TYPE(self));
    return 0;
}

int fast_call_clear(PyObject* self) {
    Py_CLEAR(reinterpret_cast<FastCall*>(self)->slow);
    return 0;
}

void fast_call_dealloc(PyObject* self) {
    PyObject_GC_UnTrack(self);
    auto* const call = reinterpret_cast<FastCall*>(self);
    delete call->plan;
    Py_CLEAR(call->slow);
    PyTypeObject* type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* get_wrapped(PyObject* self, void*) { return Py_NewRef(reinterpret_cast<FastCall*>(self)->slow); }

template <const char* name>
PyObject* get_of_slow(PyObject* self, void*) {
    return PyObject_GetAttrString(reinterpret_cast<FastCall*>(self)->slow, name);
}

// set_plan(executable, shapes, returns_value, by): shapes has a tuple for each argument that is an array, None for
// floats.
PyObject* set_plan(PyObject* self, PyObject* args) {
    auto* const call = reinterpret_cast<FastCall*>(self);
    try {
        const auto given = py::reinterpret_borrow<py::tuple>(args);
        if (given.size() != 4) throw SettingError("set_plan(executable, shapes, returns_value, by)");
        auto plan = std::make_unique<Plan>();
        plan->executable = given[0].cast<std::shared_ptr<exec::Executable>>();
        for (const py::handle shape : given[1]) {
            Shape argument{.is_array = !shape.is_none(), .lengths = {}, .size = 1};
            if (argument.is_array) argument.lengths = shape.cast<std::vector<py::ssize_t>>();
            for (const py::ssize_t length : argument.lengths) argument.size *= static_cast<std::size_t>(length);
            plan->arguments.push_back(std::move(argument));
        }
        plan->returns_value = given[2].cast<bool>();
        plan->by = given[3].is_none() ? -1 : given[3].cast<std::ptrdiff_t>();
        std::size_t size = 0;
        for (const Shape& argument : plan->arguments) size += argument.size;
        std::size_t results = 1;
        if (plan->by >= 0) results += plan->arguments.at(static_cast<std::size_t>(plan->by)).size;
        if (plan->executable->uniform_inputs() != size || plan->executable->varying_inputs() != 0 ||
            plan->executable->uniform_outputs() != results || plan->executable->varying_outputs() != 0) {
            throw LengthError("set_plan: the executable does not fit these shapes");
        }
        plan->uniforms.resize(size);
        plan->results.resize(results);
        if (call->plan != nullptr && call->plan->busy) Py_RETURN_NONE;
        delete std::exchange(call->plan, plan.release());
        Py_RETURN_NONE;
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

// The shapes that set_plan() was given, or None.
PyObject* get_planned(PyObject* self, void*) {
    const Plan* const plan = reinterpret_cast<FastCall*>(self)->plan;
    if (plan == nullptr) Py_RETURN_NONE;
    try {
        py::tuple shapes(plan->arguments.size());
        for (std::size_t k = 0; k < shapes.size(); ++k) {
            const Shape& shape = plan->arguments[k];
            shapes[k] = shape.is_array ? py::object(py::tuple(py::cast(shape.lengths))) : py::none();
        }
        return shapes.release().ptr();
    } catch (...) {
        raise_current();
        return nullptr;
    }
}

constexpr char kName[] = "__name__", kQualname[] = "__qualname__", kDoc[] = "__doc__", kModule[] = "__module__";

PyGetSetDef attributes[] = {{"planned", get_planned, nullptr, nullptr, nullptr},
                            {"__wrapped__", get_wrapped, nullptr, nullptr, nullptr},
                            {"__name__", get_of_slow<kName>, nullptr, nullptr, nullptr},
                            {"__qualname__", get_of_slow<kQualname>, nullptr, nullptr, nullptr},
                            {"__doc__", get_of_slow<kDoc>, nullptr, nullptr, nullptr},
                            {"__module__", get_of_slow<kModule>, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef methods[] = {{"set_plan", set_plan, METH_VARARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};

PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(FastCall, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(fast_call_new)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(fast_call_dealloc)},
                       {Py_tp_traverse, reinterpret_cast<void*>(fast_call_traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(fast_call_clear)},
                       {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                       {Py_tp_getset, attributes},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {0, nullptr}};

PyType_Spec spec = {"reelgrad._core._FastCall", sizeof(FastCall), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE,
                    slots};

}  // namespace

void add_fast_call(py::module_& module) {
    PyObject* type = PyType_FromSpec(&spec);
    if (type == nullptr || PyModule_AddObject(module.ptr(), "_FastCall", type) < 0) throw py::error_already_set();
}

}  // namespace reelgrad::python

#include "bindings/html.hpp"

namespace reelgrad::python {

PyObject* html_of(PyObject* object, const char* function) {
    PyObject* module = PyImport_ImportModule("reelgrad.show.reprs");
    if (module == nullptr) return nullptr;
    PyObject* html = PyObject_CallMethod(module, function, "O", object);
    Py_DECREF(module);
    return html;
}

}  // namespace reelgrad::python

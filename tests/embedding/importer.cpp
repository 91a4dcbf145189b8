// A module that connects with reelgrad when it is told to, for the tests of what import_reelgrad() refuses.
#include "reelgrad/python.hpp"

namespace {

PyObject* connect(PyObject*, PyObject*) {
    reelgrad::embed::host = nullptr;
    const int failed = reelgrad::import_reelgrad();
    reelgrad::embed::host = nullptr;
    return failed < 0 ? nullptr : Py_NewRef(Py_None);
}

PyObject* use_without_import(PyObject*, PyObject*) {
    try {
        return reelgrad::to_node(reelgrad::Var(1.0));
    } catch (...) {
        reelgrad::set_python_error();
        return nullptr;
    }
}

PyMethodDef functions[] = {
    {"connect", connect, METH_NOARGS, nullptr}, {"use_without_import", use_without_import, METH_NOARGS, nullptr}, {}};
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "importer", nullptr, -1, functions, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit_importer() { return PyModule_Create(&definition); }

// bindings/signatures.cpp: pybind11 writes "name(x: type = 1) -> type" as the first line of a docstring, in which
// Python finds no signature. Python's own functions have "name(x=1)\n--\n\n" there: this makes the one of the other.
#include "bindings/signatures.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace py = pybind11;

namespace reelgrad::python {
namespace {

// Where a character stands outside of brackets and quotes; npos if nowhere.
std::size_t find_outside(std::string_view text, char wanted, std::size_t from = 0) {
    int depth = 0;
    char quote = 0;
    for (std::size_t i = from; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            if (c == '\\') ++i;
            if (c == quote) quote = 0;
            continue;
        }
        if (depth == 0 && c == wanted) return i;
        if (c == '\'' || c == '"') quote = c;
        if (c == '(' || c == '[' || c == '{') ++depth;
        if (c == ')' || c == ']' || c == '}') --depth;
    }
    return std::string_view::npos;
}

// "limit: object = 3" becomes "limit=3". A default that is no literal becomes "...".
std::string without_type(std::string_view parameter) {
    const std::size_t equals = find_outside(parameter, '=');
    std::string_view name = parameter.substr(0, equals);
    name = name.substr(0, find_outside(name, ':'));
    while (name.ends_with(' ')) name.remove_suffix(1);
    std::string text(name);
    if (equals == std::string_view::npos) return text;
    std::string_view value = parameter.substr(equals + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    return text.append("=").append(value.find('<') == std::string_view::npos ? value : "...");
}

// The docstring in Python's form; empty if it is not in pybind11's.
std::string in_pythons_form(std::string_view doc, std::string_view name) {
    if (!doc.starts_with(name) || doc.substr(name.size(), 1) != "(") return {};
    const std::size_t end = find_outside(doc, ')', name.size() + 1);
    if (end == std::string_view::npos || !doc.substr(end).starts_with(") -> ")) return {};
    std::string_view parameters = doc.substr(name.size() + 1, end - name.size() - 1);
    std::string text(name);
    text += '(';
    while (!parameters.empty()) {
        const std::size_t comma = find_outside(parameters, ',');
        if (text.back() != '(') text += ", ";
        text += without_type(parameters.substr(0, comma));
        parameters.remove_prefix(comma == std::string_view::npos ? parameters.size() : comma + 1);
        while (parameters.starts_with(' ')) parameters.remove_prefix(1);
    }
    text += ")\n--\n\n";
    std::string_view rest = doc.substr(end);
    rest.remove_prefix(std::min(rest.find('\n'), rest.size()));
    while (rest.starts_with('\n')) rest.remove_prefix(1);
    return text.append(rest);
}

// pybind11 made the function's definition with its text from strdup(), and frees it.
void rewrite(PyObject* object) {
    if (PyInstanceMethod_Check(object)) object = PyInstanceMethod_GET_FUNCTION(object);
    if (!PyCFunction_Check(object)) return;
    PyMethodDef* const definition = reinterpret_cast<PyCFunctionObject*>(object)->m_ml;
    if (definition->ml_doc == nullptr) return;
    const std::string text = in_pythons_form(definition->ml_doc, definition->ml_name);
    if (text.empty()) return;
    auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
    if (copy == nullptr) return;
    std::memcpy(copy, text.c_str(), text.size() + 1);
    std::free(const_cast<char*>(definition->ml_doc));
    definition->ml_doc = copy;
}

}  // namespace

void add_signatures(const py::module_& module) {
    for (const auto& [name, object] : py::reinterpret_borrow<py::dict>(PyModule_GetDict(module.ptr()))) {
        rewrite(object.ptr());
        if (!py::isinstance<py::type>(object)) continue;
        for (const auto& [member_name, member] :
             py::reinterpret_borrow<py::dict>(reinterpret_cast<PyTypeObject*>(object.ptr())->tp_dict)) {
            rewrite(PyObject_TypeCheck(member.ptr(), &PyStaticMethod_Type) != 0
                        ? py::object(member.attr("__func__")).ptr()
                        : member.ptr());
        }
    }
}

}  // namespace reelgrad::python

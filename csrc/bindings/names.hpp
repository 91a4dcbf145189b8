// bindings/names.hpp: what a table entry is called in Python, and the C tables of methods made from it.
#pragma once

#include <Python.h>

#include <cstdio>
#include <deque>
#include <string>
#include <string_view>

#include "reelgrad/ops/composites.hpp"

namespace reelgrad::python {

// The C tables refer to their strings for as long as the process lives.
inline const char* keep(std::string text) {
    static std::deque<std::string> strings;
    return strings.emplace_back(std::move(text)).c_str();
}

// Calls visit(name) for each of the space-separated names.
template <class Visitor>
void for_each_word(std::string_view words, Visitor&& visit) {
    while (!words.empty()) {
        const std::size_t end = std::min(words.find(' '), words.size());
        if (end > 0) visit(std::string(words.substr(0, end)));
        words.remove_prefix(std::min(end + 1, words.size()));
    }
}

// The entry's name, then its aliases.
template <class Op, class Visitor>
void for_each_name(Visitor&& visit) {
    visit(std::string(Op::name));
    for_each_word(Op::aliases, visit);
}

// ", b, c=1.0": the parameters from the `first` operand on, as they stand in a signature.
template <class Op>
std::string parameters(std::size_t first) {
    std::string result;
    for (std::size_t k = first; k < Op::operands.size(); ++k) {
        result += ", " + std::string(Op::operands[k]);
        if constexpr (ops::has_default_b_v<Op>) {
            char text[32];
            std::snprintf(text, sizeof text, "%g", Op::default_b);
            if (k == 1) result += std::string("=") + text;
        }
    }
    return result;
}

// METH_FASTCALL functions have a type of their own.
template <class Function>
PyCFunction fast_call(Function* function) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

// The number slot of a Python operator; 0 if there is none.
inline int number_slot(std::string_view symbol, int arity) {
    if (arity == 1) return symbol == "-" ? Py_nb_negative : 0;
    if (symbol == "+") return Py_nb_add;
    if (symbol == "-") return Py_nb_subtract;
    if (symbol == "*") return Py_nb_multiply;
    if (symbol == "/") return Py_nb_true_divide;
    if (symbol == "//") return Py_nb_floor_divide;
    if (symbol == "%") return Py_nb_remainder;
    return 0;
}

}  // namespace reelgrad::python

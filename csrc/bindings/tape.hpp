// bindings/tape.hpp: tapes as Python sees them: who owns one, and which is current.
#pragma once

#include <pybind11/pybind11.h>

#include <utility>
#include <vector>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad::python {

// Owns a tape together with its other owners. A tape outlives its last owner for as long as a Node of it lives.
// (A template because pybind11 wants its holders to be; T is Tape.)
template <class T>
class Owner {
  public:
    Owner() = default;
    explicit Owner(T* tape) : tape_(tape) {
        if (tape_ != nullptr) ++tape_->owners;
    }
    Owner(const Owner& other) : Owner(other.tape_) {}
    Owner& operator=(Owner other) {
        std::swap(tape_, other.tape_);
        return *this;
    }
    ~Owner() {
        if (tape_ == nullptr) return;
        --tape_->owners;
        if (tape_->abandoned()) delete tape_;
    }

    T* get() const { return tape_; }
    T& operator*() const { return *tape_; }
    T* operator->() const { return tape_; }

  private:
    T* tape_ = nullptr;
};
using TapeOwner = Owner<Tape>;

// A tape for Python code on this thread, which nothing else owns.
TapeOwner new_tape(std::size_t limit);

// This thread's current tape: that of the innermost `with Tape()`, or the one that every thread has.
Tape& current_tape();

// A fresh tape that is current from now on, and the end of that.
TapeOwner push_tape();
void pop_tape(const Tape& tape);

// All tapes that Python made and that are alive.
const std::vector<Tape*>& live_tapes();

void add_tape(pybind11::module_& module);

}  // namespace reelgrad::python

PYBIND11_DECLARE_HOLDER_TYPE(T, reelgrad::python::Owner<T>, true)

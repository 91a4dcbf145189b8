// bindings/lock.hpp: the interpreter's lock, for code that may run without it.
#pragma once

#include <Python.h>

namespace reelgrad::python {

// Holds the lock while it lives, whether or not the thread held it before.
class WithLock {
  public:
    WithLock() : state_(PyGILState_Ensure()) {}
    ~WithLock() { PyGILState_Release(state_); }
    WithLock(const WithLock&) = delete;
    WithLock& operator=(const WithLock&) = delete;

  private:
    PyGILState_STATE state_;
};

}  // namespace reelgrad::python

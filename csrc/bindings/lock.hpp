// bindings/lock.hpp: the interpreter's lock, for code that may run without it.
#pragma once

#include <Python.h>

#include <chrono>
#include <thread>

namespace reelgrad::python {

// Before 3.14, CPython ends a daemon thread that asks for the lock while the interpreter goes down by unwinding its
// stack, and destructors that it meets on the way end the process (std::terminate). Such a thread stays here instead
// until the process is gone.
inline void stay_if_finalizing() {
#if PY_VERSION_HEX >= 0x030D0000
    const auto finalizing = Py_IsFinalizing;
#else
    const auto finalizing = _Py_IsFinalizing;
#endif
    while (finalizing() != 0) std::this_thread::sleep_for(std::chrono::hours(1));
}

// Lets others have the lock while it lives.
class WithoutLock {
  public:
    WithoutLock() : thread_(PyEval_SaveThread()) {}
    // May be unwound after all: the interpreter can start to go down between the question and the answer.
    ~WithoutLock() noexcept(false) {
        stay_if_finalizing();
        PyEval_RestoreThread(thread_);
    }
    WithoutLock(const WithoutLock&) = delete;
    WithoutLock& operator=(const WithoutLock&) = delete;

  private:
    PyThreadState* thread_;
};

// Holds the lock while it lives, whether or not the thread held it before.
class WithLock {
  public:
    WithLock() : state_((stay_if_finalizing(), PyGILState_Ensure())) {}
    ~WithLock() { PyGILState_Release(state_); }
    WithLock(const WithLock&) = delete;
    WithLock& operator=(const WithLock&) = delete;

  private:
    PyGILState_STATE state_;
};

}  // namespace reelgrad::python

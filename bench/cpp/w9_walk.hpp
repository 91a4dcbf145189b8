// W9: a driven pendulum, eight operators a step, with one sine and one comparison. bench/cython/walk.pyx is the same.
#pragma once

#include <cstddef>

template <class Number>
Number walk(Number x, Number v, double drift, std::size_t steps) {
    for (std::size_t k = 0; k < steps; ++k) {
        const Number force = drift * v - sin(x) * 0.5;
        v = v + 0.01 * force;
        x = x + 0.01 * v;
        if (x > 3.0) x = x - 6.0;
    }
    return x * v;
}

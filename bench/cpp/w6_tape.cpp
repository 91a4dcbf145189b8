// W6: a tape of millions of mixed operators recorded and swept from C++, beside the same arithmetic on plain doubles.
//
// The body has 20 operators: 40 % mul, 35 % add, 10 % sub, 5 % each of div, tanh and exp; its three state variables
// stay bounded. Called from Python through ctypes, so that pytest-benchmark times all parts alike.
#include <cstddef>

#include "reelgrad/tape/var.hpp"

namespace {

using std::exp;
using std::tanh;

// Four independent problems side by side, operator by operator, so that plain doubles are bound by the machine's
// throughput and not by the latency of one chain. FOUR(z, f, x, y) defines z0 .. z3 from x0 .. x3 and y0 .. y3.
#define FOUR(z, f, ...) \
    const T z##0 = f(0, __VA_ARGS__), z##1 = f(1, __VA_ARGS__), z##2 = f(2, __VA_ARGS__), z##3 = f(3, __VA_ARGS__)
#define MUL(k, x, y) x##k* y##k
#define ADD(k, x, y) x##k + y##k
#define SUB(k, x, y) x##k - y##k
#define DIV(k, x, y) x##k / y##k
#define TANH(k, x) tanh(x##k)
#define EXP(k, x) exp(x##k)
#define SCALE(k, x, factor) x##k* factor
#define SHIFT(k, x, term) x##k + term

constexpr std::size_t kWidth = 4;

template <class T, class MakeInput>
inline T run(std::size_t steps, MakeInput&& input) {
    T a0 = input(0.7), a1 = input(0.2), a2 = input(-0.5), a3 = input(0.9);
    T b0 = input(0.3), b1 = input(0.6), b2 = input(0.8), b3 = input(-0.4);
    T c0 = input(0.9), c1 = input(0.4), c2 = input(0.1), c3 = input(0.6);
    for (std::size_t step = 0; step < steps; ++step) {
        FOUR(u, MUL, a, b);
        FOUR(v, ADD, u, c);
        FOUR(w, TANH, v);
        FOUR(p, MUL, w, c);
        FOUR(q, ADD, p, a);
        FOUR(r, SCALE, q, 0.5);
        FOUR(d, SUB, r, b);
        FOUR(e, EXP, w);
        FOUR(f, SHIFT, e, 1.0);
        FOUR(g, DIV, e, f);
        FOUR(h, MUL, g, d);
        FOUR(i, ADD, h, w);
        FOUR(j, SCALE, i, 0.25);
        FOUR(x, SCALE, p, 0.125);
        FOUR(k, ADD, j, x);
        FOUR(l, SUB, k, g);
        FOUR(m, MUL, l, w);
        FOUR(n, MUL, m, d);
        a0 = w0 + n0, a1 = w1 + n1, a2 = w2 + n2, a3 = w3 + n3;
        b0 = h0, b1 = h1, b2 = h2, b3 = h3;
        c0 = g0 + j0, c1 = g1 + j1, c2 = g2 + j2, c3 = g3 + j3;
    }
    return a0 + a1 + a2 + a3;
}

}  // namespace

extern "C" {

std::size_t w6_operators(std::size_t steps) { return 20 * kWidth * steps + kWidth - 1; }

double w6_plain(std::size_t steps) {
    return run<double>(steps, [](double x) { return x; });
}

void* w6_new() { return new reelgrad::Tape; }
void w6_delete(void* tape) { delete static_cast<reelgrad::Tape*>(tape); }

// Records on the reset tape; returns the value, which equals w6_plain's.
double w6_record(void* handle, std::size_t steps) {
    auto& tape = *static_cast<reelgrad::Tape*>(handle);
    tape.rewind(tape.mark());
    tape.reset();
    return run<reelgrad::Var>(steps, [&](double x) { return reelgrad::Var::variable(tape, x); }).value();
}

// Sweeps back from the last operator that w6_record made; returns a gradient.
double w6_reverse(void* handle) {
    auto& tape = *static_cast<reelgrad::Tape*>(handle);
    const auto output = static_cast<reelgrad::Index>(tape.size()) - 1;
    const double seed = 1.0;
    tape.zero_grad();
    tape.backward({&output, 1}, {&seed, 1});
    return tape.grad(reelgrad::variable_index(tape.variables() - 1));
}

std::size_t w6_size(void* handle) { return static_cast<reelgrad::Tape*>(handle)->size(); }
std::size_t w6_bytes_used(void* handle) { return static_cast<reelgrad::Tape*>(handle)->bytes_used(); }
}

// W4, the limit: the gradient of a network's summed squared error over a batch, derivative by hand, a sample in each
// lane of a vector and eight vectors in a block that stays in the first cache.
//
// What matters is the register tile: with AVX-512, 16 sums of products at once, so that each number loaded is used four
// times and the latency of fma is hidden.
#include "lanes.hpp"
#include "network.hpp"

namespace {

using namespace limits;

constexpr int kRows = 4, kColumns = kLanes == 8 ? 4 : 2;  // of a tile; AVX-512 has 32 registers, others 16

// A vector as accumulator for each parameter, and for the loss.
struct Sums {
    Lanes gradient[kParameters] = {};
    Lanes loss = {};
};

template <int kVectors>
using Layer = Lanes[kHidden][kVectors];

// Calls finish(j, v, start(j) + sum over i of weight(j, i) in[i][v]) for all j and v.
template <int kVectors, class Start, class Weight, class Finish>
[[gnu::always_inline]] inline void multiply(const Layer<kVectors>& in, Start start, Weight weight, Finish finish) {
    for (int v = 0; v < kVectors; v += kColumns) {
        for (int j = 0; j < kHidden; j += kRows) {
            Lanes tile[kRows][kColumns];
            for (int t = 0; t < kRows; ++t) {
                for (int u = 0; u < kColumns; ++u) tile[t][u] = all(start(j + t));
            }
            for (int i = 0; i < kHidden; ++i) {
#pragma GCC unroll 4
                for (int t = 0; t < kRows; ++t) {
                    const Lanes w = all(weight(j + t, i));
#pragma GCC unroll 4
                    for (int u = 0; u < kColumns; ++u) tile[t][u] += w * in[i][v + u];
                }
            }
            for (int t = 0; t < kRows; ++t) {
                for (int u = 0; u < kColumns; ++u) finish(j + t, v + u, tile[t][u]);
            }
        }
    }
}

template <int kVectors>
void add_block(const double* x0, const double* x1, const double* y, const double* p, Sums& sums) {
    Lanes* g = sums.gradient;
    Lanes a0[kVectors], a1[kVectors], d[kVectors];
    Layer<kVectors> h1, h2;  // the hidden layers; on the way back their derivatives take their place
    for (int v = 0; v < kVectors; ++v) a0[v] = load(x0 + v * kLanes), a1[v] = load(x1 + v * kLanes);

    for (int j = 0; j < kHidden; ++j) {
        const double w0 = p[kWeights1 + 2 * j], w1 = p[kWeights1 + 2 * j + 1], b = p[kBiases1 + j];
        for (int v = 0; v < kVectors; ++v) h1[j][v] = tanh(w0 * a0[v] + (w1 * a1[v] + b));
    }
    multiply<kVectors>(
        h1, [p](int j) { return p[kBiases2 + j]; }, [p](int j, int i) { return p[kWeights2 + kHidden * j + i]; },
        [&h2](int j, int v, Lanes z) { h2[j][v] = z; });
    for (int j = 0; j < kHidden; ++j) {
        for (int v = 0; v < kVectors; ++v) h2[j][v] = tanh(h2[j][v]);
    }
    for (int v = 0; v < kVectors; ++v) {
        Lanes output = all(p[kBias3]);
        for (int j = 0; j < kHidden; ++j) output += p[kWeights3 + j] * h2[j][v];
        const Lanes error = output - load(y + v * kLanes);
        sums.loss += error * error;
        d[v] = 2.0 * error;
        g[kBias3] += d[v];
    }

    for (int j = 0; j < kHidden; ++j) {
        Lanes weight = {}, bias = {};
        for (int v = 0; v < kVectors; ++v) {
            weight += d[v] * h2[j][v];
            h2[j][v] = d[v] * p[kWeights3 + j] * (1.0 - h2[j][v] * h2[j][v]);
            bias += h2[j][v];
        }
        g[kWeights3 + j] += weight;
        g[kBiases2 + j] += bias;
    }
    for (int j = 0; j < kHidden; j += kRows) {
        for (int i = 0; i < kHidden; i += kColumns) {
            Lanes tile[kRows][kColumns] = {};
            for (int v = 0; v < kVectors; ++v) {
                Lanes column[kColumns];
                for (int u = 0; u < kColumns; ++u) column[u] = h1[i + u][v];
#pragma GCC unroll 4
                for (int t = 0; t < kRows; ++t) {
                    const Lanes dz = h2[j + t][v];
#pragma GCC unroll 4
                    for (int u = 0; u < kColumns; ++u) tile[t][u] += dz * column[u];
                }
            }
            for (int t = 0; t < kRows; ++t) {
                for (int u = 0; u < kColumns; ++u) g[kWeights2 + kHidden * (j + t) + i + u] += tile[t][u];
            }
        }
    }
    multiply<kVectors>(
        h2, [](int) { return 0.0; }, [p](int i, int j) { return p[kWeights2 + kHidden * j + i]; },
        [&h1](int i, int v, Lanes dh) { h1[i][v] = dh * (1.0 - h1[i][v] * h1[i][v]); });
    for (int i = 0; i < kHidden; ++i) {
        Lanes w0 = {}, w1 = {}, bias = {};
        for (int v = 0; v < kVectors; ++v) {
            bias += h1[i][v];
            w0 += h1[i][v] * a0[v];
            w1 += h1[i][v] * a1[v];
        }
        g[kBiases1 + i] += bias;
        g[kWeights1 + 2 * i] += w0;
        g[kWeights1 + 2 * i + 1] += w1;
    }
}

}  // namespace

// Returns the loss and writes its gradient for the parameters `p`. The inputs are two columns; n is a multiple of 32.
extern "C" double w4_batch(long n, const double* x0, const double* x1, const double* y, const double* p,
                           double* gradient) {
    constexpr int kBlock = 8, kRest = 4;
    Sums sums;
    long s = 0;
    for (; s + kBlock * kLanes <= n; s += kBlock * kLanes) add_block<kBlock>(x0 + s, x1 + s, y + s, p, sums);
    for (; s < n; s += kRest * kLanes) add_block<kRest>(x0 + s, x1 + s, y + s, p, sums);
    for (int q = 0; q < kParameters; ++q) gradient[q] = sum(sums.gradient[q]);
    return sum(sums.loss);
}

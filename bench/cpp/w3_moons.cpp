// W3, the limit: the moons network, derivative by hand, a sample in each lane of a vector.
//
// Each parameter has a vector as accumulator, summed once per step. A batch of 100 is too short for the register
// tiles over samples that W4's limit has.
#include "lanes.hpp"
#include "network.hpp"

namespace {

using namespace limits;

constexpr int kMostVectors = 64;

// Samples as vectors; what pads the last one has weight 0.
struct Samples {
    Lanes x0, x1, side, weight;
};

Lanes relu(Lanes z) { return z > 0.0 ? z : Lanes{}; }

// One vector of samples: adds its part to the accumulators `g` and the loss; returns the scores.
inline Lanes add_gradient(const Samples& sample, const double* p, double share, Lanes* g, Lanes& loss) {
    Lanes h1[kHidden], h2[kHidden], dz2[kHidden];
    Lanes score = all(p[kBias3]);
    for (int j = 0; j < kHidden; ++j) {
        h1[j] = relu(p[kWeights1 + 2 * j] * sample.x0 + p[kWeights1 + 2 * j + 1] * sample.x1 + p[kBiases1 + j]);
    }
    for (int j = 0; j < kHidden; j += 4) {  // four sums at once hide the latency of fma
        Lanes z[4];
        for (int t = 0; t < 4; ++t) z[t] = all(p[kBiases2 + j + t]);
        for (int i = 0; i < kHidden; ++i) {
            for (int t = 0; t < 4; ++t) z[t] += p[kWeights2 + kHidden * (j + t) + i] * h1[i];
        }
        for (int t = 0; t < 4; ++t) {
            h2[j + t] = relu(z[t]);
            score += p[kWeights3 + j + t] * h2[j + t];
        }
    }
    const Lanes margin = 1.0 - sample.side * score;
    loss += relu(margin) * sample.weight;
    const Lanes d = (margin > 0.0 ? -share * sample.side : Lanes{}) * sample.weight;
    g[kBias3] += d;
    for (int j = 0; j < kHidden; ++j) {
        g[kWeights3 + j] += d * h2[j];
        dz2[j] = h2[j] > 0.0 ? d * p[kWeights3 + j] : Lanes{};
        g[kBiases2 + j] += dz2[j];
        for (int i = 0; i < kHidden; ++i) g[kWeights2 + kHidden * j + i] += dz2[j] * h1[i];
    }
    for (int i = 0; i < kHidden; i += 4) {
        Lanes dh1[4] = {};
        for (int j = 0; j < kHidden; ++j) {
            for (int t = 0; t < 4; ++t) dh1[t] += p[kWeights2 + kHidden * j + i + t] * dz2[j];
        }
        for (int t = 0; t < 4; ++t) {
            const Lanes dz1 = h1[i + t] > 0.0 ? dh1[t] : Lanes{};
            g[kBiases1 + i + t] += dz1;
            g[kWeights1 + 2 * (i + t)] += dz1 * sample.x0;
            g[kWeights1 + 2 * (i + t) + 1] += dz1 * sample.x1;
        }
    }
    return score;
}

}  // namespace

// Trains the parameters `p` in place with rates from 1 down to 0.1 and returns the loss before the last update;
// `scores` are those that it comes from. `inputs` are n pairs, n at most 64 vectors, `sides` -1 or 1.
extern "C" double w3_moons(int steps, int n, const double* inputs, const double* sides, double penalty, double* p,
                           double* scores) {
    Samples samples[kMostVectors];
    const int vectors = (n + kLanes - 1) / kLanes;
    for (int s = 0; s < vectors * kLanes; ++s) {
        Samples& to = samples[s / kLanes];
        const int lane = s % kLanes;
        const bool present = s < n;
        to.x0[lane] = present ? inputs[2 * s] : 0.0;
        to.x1[lane] = present ? inputs[2 * s + 1] : 0.0;
        to.side[lane] = present ? sides[s] : 1.0;
        to.weight[lane] = present ? 1.0 : 0.0;
    }
    Lanes score[kMostVectors] = {};
    double loss = 0.0;
    for (int k = 0; k < steps; ++k) {
        Lanes g[kParameters] = {}, hinge = {};
        for (int v = 0; v < vectors; ++v) score[v] = add_gradient(samples[v], p, 1.0 / n, g, hinge);
        const double rate = 1.0 - 0.9 * k / 100.0;
        double squares = 0.0;
        for (int q = 0; q < kParameters; ++q) {
            squares += p[q] * p[q];
            p[q] -= rate * (sum(g[q]) + 2.0 * penalty * p[q]);
        }
        loss = sum(hinge) / n + penalty * squares;
    }
    for (int s = 0; s < n; ++s) scores[s] = score[s / kLanes][s % kLanes];
    return loss;
}

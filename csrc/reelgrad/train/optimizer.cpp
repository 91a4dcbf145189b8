#include "reelgrad/train/optimizer.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "reelgrad/tape/errors.hpp"

namespace reelgrad::train {
namespace {

// The vector's numbers, zeros if it was not used before.
double* started(std::vector<double>& vector, std::size_t length) {
    if (vector.empty()) vector.resize(length);
    return vector.data();
}

void sgd(const OptimizerSettings& s, double lr, std::vector<double>& velocity, std::span<double> p,
         std::span<double> g) {
    const std::size_t n = p.size();
    if (s.weight_decay != 0.0) {
        for (std::size_t k = 0; k < n; ++k) g[k] += s.weight_decay * p[k];
    }
    if (s.momentum != 0.0) {
        const bool first = velocity.empty();
        double* const v = started(velocity, n);
        const double weight = 1.0 - s.dampening;
        for (std::size_t k = 0; k < n; ++k) v[k] = first ? g[k] : s.momentum * v[k] + weight * g[k];
        for (std::size_t k = 0; k < n; ++k) g[k] = s.nesterov ? g[k] + s.momentum * v[k] : v[k];
    }
    for (std::size_t k = 0; k < n; ++k) p[k] -= lr * g[k];
}

// Algorithm 1 of D. P. Kingma and J. Ba, "Adam", ICLR 2015 (arXiv:1412.6980); with the decay taken from the parameter,
// I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019 (arXiv:1711.05101).
void adam(const OptimizerSettings& s, double lr, std::uint64_t step, std::vector<double>& means,
          std::vector<double>& squares, std::span<double> p, std::span<double> g) {
    const std::size_t n = p.size();
    if (s.weight_decay != 0.0 && s.rule == Rule::adamw) {
        const double kept = 1.0 - lr * s.weight_decay;
        for (std::size_t k = 0; k < n; ++k) p[k] *= kept;
    } else if (s.weight_decay != 0.0) {
        for (std::size_t k = 0; k < n; ++k) g[k] += s.weight_decay * p[k];
    }
    const double t = static_cast<double>(step);
    const double rate = lr / (1.0 - std::pow(s.beta1, t));
    const double root_correction = std::sqrt(1.0 - std::pow(s.beta2, t));
    const double rest1 = 1.0 - s.beta1, rest2 = 1.0 - s.beta2;
    double* const m = started(means, n);
    double* const v = started(squares, n);
    for (std::size_t k = 0; k < n; ++k) {
        m[k] = s.beta1 * m[k] + rest1 * g[k];
        v[k] = s.beta2 * v[k] + rest2 * g[k] * g[k];
        p[k] -= rate * m[k] / (std::sqrt(v[k]) / root_correction + s.eps);
    }
}

// T. Tieleman and G. Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012; centred as in A. Graves,
// "Generating Sequences With Recurrent Neural Networks", 2013 (arXiv:1308.0850), equation 38 on.
void rmsprop(const OptimizerSettings& s, double lr, std::array<std::vector<double>, 3>& vectors, std::span<double> p,
             std::span<double> g) {
    const std::size_t n = p.size();
    auto& [velocity, means, squares] = vectors;
    if (s.weight_decay != 0.0) {
        for (std::size_t k = 0; k < n; ++k) g[k] += s.weight_decay * p[k];
    }
    const double rest = 1.0 - s.alpha;
    double* const v = started(squares, n);
    for (std::size_t k = 0; k < n; ++k) v[k] = s.alpha * v[k] + rest * g[k] * g[k];
    if (s.centered) {
        double* const m = started(means, n);
        for (std::size_t k = 0; k < n; ++k) {
            m[k] = s.alpha * m[k] + rest * g[k];
            g[k] /= std::sqrt(v[k] - m[k] * m[k]) + s.eps;
        }
    } else {
        for (std::size_t k = 0; k < n; ++k) g[k] /= std::sqrt(v[k]) + s.eps;
    }
    if (s.momentum != 0.0) {
        double* const u = started(velocity, n);
        for (std::size_t k = 0; k < n; ++k) g[k] = u[k] = s.momentum * u[k] + g[k];
    }
    for (std::size_t k = 0; k < n; ++k) p[k] -= lr * g[k];
}

}  // namespace

void Optimizer::step(const OptimizerSettings& settings, double lr, std::span<double> parameters,
                     std::span<double> gradient) {
    if (parameters.size() != parameters_ || gradient.size() != parameters_) {
        throw LengthError("an optimiser of " + std::to_string(parameters_) + " parameters got " +
                          std::to_string(parameters.size()) + " with a gradient of " + std::to_string(gradient.size()));
    }
    ++steps_;
    switch (settings.rule) {
        case Rule::sgd:
            return sgd(settings, lr, vectors_[0], parameters, gradient);
        case Rule::adam:
        case Rule::adamw:
            return adam(settings, lr, steps_, vectors_[1], vectors_[2], parameters, gradient);
        case Rule::rmsprop:
            return rmsprop(settings, lr, vectors_, parameters, gradient);
    }
}

void Optimizer::restore(std::uint64_t steps, std::array<std::vector<double>, 3> vectors) {
    for (std::size_t k = 0; k < vectors.size(); ++k) {
        if (vectors[k].empty() || vectors[k].size() == parameters_) continue;
        throw LengthError("the saved " + std::string(kVectors[k]) + " has " + std::to_string(vectors[k].size()) +
                          " numbers, but there are " + std::to_string(parameters_) + " parameters");
    }
    steps_ = steps;
    vectors_ = std::move(vectors);
}

}  // namespace reelgrad::train

// train/optimizer.hpp: optimisers over a flat vector of parameters, by PyTorch's rules.
//
// An Optimizer is what one remembers between steps: velocities, moments and the number of steps. Settings and the
// learning rate are given at every step. Each operation is a plain IEEE one in a fixed order, so that the same rule
// gives the same bits everywhere, whether a tape or a Program made the gradient.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace reelgrad::train {

enum class Rule : std::uint8_t { sgd, adam, adamw, rmsprop };

// Those that a rule does not have are ignored.
struct OptimizerSettings {
    Rule rule = Rule::sgd;
    double momentum = 0.0;  // sgd, rmsprop
    double dampening = 0.0;
    bool nesterov = false;
    double weight_decay = 0.0;  // adamw takes it from the parameter itself, the others add it to the gradient
    double beta1 = 0.9, beta2 = 0.999;
    double alpha = 0.99;    // rmsprop: how much of the mean square remains
    bool centered = false;  // rmsprop: by the variance
    double eps = 1e-8;
};

class Optimizer {
  public:
    // What the vectors are called where a state is saved; which of them a rule uses, it knows.
    static constexpr std::array<std::string_view, 3> kVectors{"velocity", "mean", "square"};

    explicit Optimizer(std::size_t parameters) : parameters_(parameters) {}

    // Moves the parameters by one step against the gradient, which is used as scratch.
    void step(const OptimizerSettings& settings, double lr, std::span<double> parameters, std::span<double> gradient);

    std::uint64_t steps() const { return steps_; }

    // The state, to be saved and restored with all its bits: vectors as in kVectors, empty where unused so far.
    const std::array<std::vector<double>, 3>& vectors() const { return vectors_; }
    // Throws LengthError if a vector is neither empty nor as long as the parameters.
    void restore(std::uint64_t steps, std::array<std::vector<double>, 3> vectors);

  private:
    std::size_t parameters_;
    std::uint64_t steps_ = 0;
    std::array<std::vector<double>, 3> vectors_;
};

}  // namespace reelgrad::train

// tape/forward.hpp: the forward sweep: tangents from the partials that the tape stores.
//
// A tangent is the derivative of an entry along a direction. The sweep goes up from where a stretch of the recording
// began; what stood on the tape before counts as constant. Absolute zero holds as in the reverse sweep: a tangent of 0
// contributes 0, whatever the partial.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "reelgrad/tape/tape.hpp"

namespace reelgrad {

class ForwardSweep {
  public:
    explicit ForwardSweep(const Tape& tape, Extent start);

    // The tangents of outputs (none: a constant) for tangents of inputs, which stand after `start`.
    void run(std::span<const Index> inputs, std::span<const double> tangents,
             std::span<const std::optional<Index>> outputs, std::span<double> result);

  private:
    double* place(Index i);
    void run_rule(const Block& block);

    const Tape& tape_;
    Extent start_;
    std::vector<double> operators_, variables_;
};

// Whether outputs depend on operators that stood on the tape before.
bool reaches_before(const Tape& tape, Extent start, std::span<const std::optional<Index>> outputs);

}  // namespace reelgrad

// exec/executable.hpp: a Program made ready to run over batches.
//
// Making one optimises the Program (passes) and lowers it: uniform work that needs no sum over lanes runs once per call
// (the prologue), varying work per block of lanes (the body), what depends on sums over lanes once at the end (the
// epilogue). A Program with uniform inputs only is a prologue and nothing else.
//
// Results do not depend on the number of threads: lanes are run in chunks of one length, sums are added in fixed order.
// An Executable may be run by several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "reelgrad/exec/frame.hpp"
#include "reelgrad/program/program.hpp"

namespace reelgrad::exec {

inline constexpr std::size_t kChunk = 4096;  // lanes, whatever the batch and the threads: it fixes the order of sums

// A varying input as it lies in memory: lane i's number is at base + i * stride (in bytes; 0 and negative ones too).
struct Column {
    const std::byte* base;
    std::ptrdiff_t stride;
    Dtype dtype = Dtype::f64;
    // Whether, beyond the last lane, doubles can be read (and ignored) until their number is a multiple of kWidest.
    bool padded = false;
};

// Where a varying output goes: lane i's number to base[i * stride].
struct Destination {
    double* base;
    std::ptrdiff_t stride;
};

struct Batch {
    std::size_t lanes = 0;
    std::span<const double> uniforms;  // a number for each uniform input, in their order
    std::span<const Column> columns;   // one for each varying input, in their order
    std::span<const std::uint32_t> chosen =
        {};  // if not empty: the lanes to run, ascending; `lanes` is their number then
};

struct Results {
    std::span<double> uniforms;            // a number for each uniform output, in their order
    std::span<const Destination> columns;  // one for each varying output, in their order; lane numbers as in the inputs
};

struct RunOptions {
    std::size_t threads = 1;
    // Asked by the calling thread at least every 50 ms; true stops the run, which throws Interrupted.
    bool (*interrupt)() = nullptr;
};

struct ExecutableStats {
    std::size_t prologue, body, epilogue;  // instructions
    std::size_t slots, accumulators, bytes;
};

class Executable {
  public:
    // Throws ProgramError for a Program that verify() rejects or whose lanes depend on sums over lanes.
    explicit Executable(program::Program program);
    ~Executable();
    Executable(Executable&&) noexcept;
    Executable& operator=(Executable&&) noexcept;

    // Throws Interrupted, LengthError (spans that do not fit the Program); results are then unspecified.
    void run(const Batch& batch, const Results& results, const RunOptions& options = {}) const;

    // Runs over one batch again and again, as a training does: what stays the same from run to run is done once, which
    // matters where a run takes less than a microsecond. At most kChunk lanes and no varying outputs. The batch's
    // arrays outlive it; its uniforms are read at every run. The executable is used by others meanwhile as it likes.
    class Repeated {
      public:
        Repeated(const Executable& executable, const Batch& batch);
        ~Repeated();
        Repeated(Repeated&&) noexcept;
        Repeated& operator=(Repeated&&) noexcept;
        // Results have the bits of Executable::run's.
        void run(std::span<double> uniforms, const RunOptions& options);

      private:
        class State;
        std::unique_ptr<State> state_;
    };

    const program::Program& program() const;  // as given
    std::size_t uniform_inputs() const;
    std::size_t varying_inputs() const;
    std::size_t uniform_outputs() const;  // lanes' sums too
    std::size_t varying_outputs() const;
    ExecutableStats stats() const;
    std::string listing() const;  // the lowered code, to be read

  private:
    class State;
    std::unique_ptr<State> state_;
};

}  // namespace reelgrad::exec

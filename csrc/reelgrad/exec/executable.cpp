#include "reelgrad/exec/executable.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "reelgrad/exec/cpu.hpp"
#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/lanes_run.hpp"
#include "reelgrad/exec/listing.hpp"
#include "reelgrad/exec/lower.hpp"
#include "reelgrad/exec/number_kernel.hpp"
#include "reelgrad/exec/workspace.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/optimise.hpp"
#include "reelgrad/program/verify.hpp"

namespace reelgrad::exec {

using program::Code;
using program::code_of;
using program::Program;
using program::Rate;

namespace {

// One lowering of the Program, with the memory for it.
struct Variant {
    explicit Variant(Lowered made) : lowered(std::move(made)), workspaces(lowered) {}
    const Lowered lowered;
    Workspaces workspaces;
};

bool has_contributions(const Program& program) {
    return std::ranges::any_of(program.instructions(), [](const program::Instruction& instruction) {
        return instruction.code == code_of<program::ZMul> || instruction.code == code_of<program::SMul> ||
               instruction.code == code_of<program::ZeroProduct>;
    });
}

void expect_length(std::size_t got, std::size_t wanted, const char* what) {
    if (got == wanted) return;
    throw LengthError(std::to_string(got) + " " + what + " where the Program has " + std::to_string(wanted));
}

}  // namespace

class Executable::State {
  public:
    explicit State(Program program) : program_(std::move(program)), kernels_(active_kernels()) {
        program::verify(program_);
        for (const program::Input& input : program_.inputs()) {
            ++(input.rate == Rate::varying ? varying_inputs : uniform_inputs);
        }
        for (const program::Output& output : program_.outputs()) {
            const bool varies = program_.rate(output.value) == Rate::varying;
            outputs_vary_.push_back(varies ? 1 : 0);
            ++(varies ? varying_outputs : uniform_outputs);
            if (!varies) gradient_.push_back(output.gradient ? 1 : 0);
        }
        may_redo_ = has_contributions(program_);
        relaxed_ = std::make_unique<Variant>(lowered_as(Flavour::relaxed));
    }

    void run(const Batch& batch, const Results& results, const RunOptions& options) {
        expect_length(batch.uniforms.size(), uniform_inputs, "uniform inputs");
        expect_length(batch.columns.size(), varying_inputs, "varying inputs");
        expect_length(results.uniforms.size(), uniform_outputs, "uniform outputs");
        expect_length(results.columns.size(), varying_outputs, "varying outputs");
        if (!batch.chosen.empty()) expect_length(batch.chosen.size(), batch.lanes, "chosen lanes");
        bool nan = run_variant(*relaxed_, batch, results, options);
        if (!may_redo_) return;
        for (std::size_t k = 0; k < uniform_outputs; ++k) {
            nan = nan || (gradient_[k] != 0 && std::isnan(results.uniforms[k]));
        }
        if (nan) run_checked(batch, results, options);
    }

    const Program& program() const { return program_; }
    const Lowered& lowered() const { return relaxed_->lowered; }
    std::string listing() const { return exec::listing(lowered(), kernels_, program_); }

    std::size_t uniform_inputs = 0, varying_inputs = 0, uniform_outputs = 0, varying_outputs = 0;

  private:
    Lowered lowered_as(Flavour flavour) const {
        const Program optimised =
            program::optimised(program_, {.relaxed = flavour == Flavour::relaxed, .kernel = number_kernel});
        return lower(optimised, outputs_vary_, kernels_, flavour);
    }

    void run_checked(const Batch& batch, const Results& results, const RunOptions& options) {
        std::call_once(checked_once_, [&] { checked_ = std::make_unique<Variant>(lowered_as(Flavour::checked)); });
        std::vector<double> uniforms(uniform_outputs);
        run_variant(*checked_, batch, {uniforms, results.columns}, options);
        for (std::size_t k = 0; k < uniform_outputs; ++k) {
            if (gradient_[k] != 0 && std::isnan(results.uniforms[k])) results.uniforms[k] = uniforms[k];
        }
    }

    // Whether a gradient per lane came out nan.
    bool run_variant(Variant& variant, const Batch& batch, const Results& results, const RunOptions& options) {
        const Lowered& lowered = variant.lowered;
        Workspaces::Loan workspace(variant.workspaces);
        double* const cells = workspace->cells();
        std::copy(batch.uniforms.begin(), batch.uniforms.end(), cells);
        cells[lowered.lanes_cell] = static_cast<double>(batch.lanes);
        Frame frame{};
        frame.arena = workspace->arena();
        frame.rows = lowered.rows.data();
        run_once(lowered.prologue, frame);
        const bool nan =
            lowered.body.empty()
                ? false
                : run_lanes({lowered, kernels_, variant.workspaces, batch, results.columns, options}, *workspace);
        run_once(lowered.epilogue, frame);
        for (std::size_t k = 0; k < results.uniforms.size(); ++k) {
            results.uniforms[k] = cells[lowered.uniform_outputs[k]];
        }
        return nan;
    }

    void run_once(const std::vector<Op>& ops, Frame& frame) const {
        if (!ops.empty()) kernels_.run(ops.data(), ops.data() + ops.size(), frame);
    }

    Program program_;
    const KernelTable& kernels_;
    std::vector<char> outputs_vary_;
    std::vector<char> gradient_;  // of uniform outputs: whether they are gradients
    bool may_redo_ = false;
    std::unique_ptr<Variant> relaxed_, checked_;
    std::once_flag checked_once_;
};

Executable::Executable(Program program) : state_(std::make_unique<State>(std::move(program))) {}
Executable::~Executable() = default;
Executable::Executable(Executable&&) noexcept = default;
Executable& Executable::operator=(Executable&&) noexcept = default;

void Executable::run(const Batch& batch, const Results& results, const RunOptions& options) const {
    state_->run(batch, results, options);
}

const Program& Executable::program() const { return state_->program(); }
std::size_t Executable::uniform_inputs() const { return state_->uniform_inputs; }
std::size_t Executable::varying_inputs() const { return state_->varying_inputs; }
std::size_t Executable::uniform_outputs() const { return state_->uniform_outputs; }
std::size_t Executable::varying_outputs() const { return state_->varying_outputs; }

std::string Executable::listing() const { return state_->listing(); }

ExecutableStats Executable::stats() const {
    const Lowered& lowered = state_->lowered();
    return {lowered.prologue.size(), lowered.body.size(),  lowered.epilogue.size(),
            lowered.slot_count,      lowered.accumulators, lowered.end};
}

}  // namespace reelgrad::exec

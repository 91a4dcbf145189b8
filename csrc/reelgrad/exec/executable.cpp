#include "reelgrad/exec/executable.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "reelgrad/exec/chunk.hpp"
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
#include "reelgrad/tape/errors.hpp"

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

    void check(const Batch& batch) const {
        expect_length(batch.uniforms.size(), uniform_inputs, "uniform inputs");
        expect_length(batch.columns.size(), varying_inputs, "varying inputs");
        if (!batch.chosen.empty()) expect_length(batch.chosen.size(), batch.lanes, "chosen lanes");
    }

    void run(const Batch& batch, const Results& results, const RunOptions& options) {
        check(batch);
        expect_length(results.uniforms.size(), uniform_outputs, "uniform outputs");
        expect_length(results.columns.size(), varying_outputs, "varying outputs");
        const bool nan = run_variant(*relaxed_, batch, results, options);
        redo_if_nan(nan, batch, results, options);
    }

    // Runs the checked code if a gradient is nan, one per lane (as the run says) or one in all.
    void redo_if_nan(bool nan, const Batch& batch, const Results& results, const RunOptions& options) {
        if (!may_redo_) return;
        for (std::size_t k = 0; k < uniform_outputs; ++k) {
            nan = nan || (gradient_[k] != 0 && std::isnan(results.uniforms[k]));
        }
        if (nan) run_checked(batch, results, options);
    }

    const Program& program() const { return program_; }
    const Lowered& lowered() const { return relaxed_->lowered; }
    const KernelTable& kernels() const { return kernels_; }
    Variant& relaxed() { return *relaxed_; }
    std::string listing() const { return exec::listing(lowered(), kernels_, program_); }

    // What comes before and after the body.
    void begin(const Lowered& lowered, const Batch& batch, Workspace& workspace, Frame& frame) const {
        double* const cells = workspace.cells();
        for (std::size_t k = 0; k < batch.uniforms.size(); ++k) cells[k] = batch.uniforms[k];
        cells[lowered.lanes_cell] = static_cast<double>(batch.lanes);
        run_once(lowered.prologue, frame);
    }
    void end(const Lowered& lowered, Workspace& workspace, Frame& frame, std::span<double> uniforms) const {
        run_once(lowered.epilogue, frame);
        const double* const cells = workspace.cells();
        for (std::size_t k = 0; k < uniforms.size(); ++k) uniforms[k] = cells[lowered.uniform_outputs[k]];
    }

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
        Frame frame = frame_of(lowered, *workspace);
        begin(lowered, batch, *workspace, frame);
        const bool nan =
            lowered.body.empty()
                ? false
                : run_lanes({lowered, kernels_, variant.workspaces, batch, results.columns, options}, *workspace);
        end(lowered, *workspace, frame, results.uniforms);
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

class Executable::Repeated::State {
  public:
    State(Executable::State& executable, const Batch& batch)
        : executable_(executable), batch_(batch), workspace_(executable.relaxed().workspaces) {
        executable.check(batch);
        expect_length(0, executable.varying_outputs, "varying outputs");
        const Lowered& lowered = executable.lowered();
        once_ = frame_of(lowered, *workspace_);
        const std::size_t columns = batch.columns.size();
        const std::size_t length = lowered.body.empty() ? 0 : block_length(lowered.block, batch.lanes);
        if (length == 0) return;
        const std::size_t blocks = (batch.lanes + length - 1) / length;
        sources_.resize(blocks * columns);
        for (std::size_t k = 0; k < blocks; ++k) {
            const std::size_t first = k * length;
            set_block(blocks_.emplace_back(once_), executable.kernels(), batch_, {},
                      {first, std::min(length, batch.lanes - first)}, sources_.data() + k * columns, nullptr);
        }
    }

    void run(std::span<double> uniforms, const RunOptions& options) {
        const Lowered& lowered = executable_.lowered();
        const KernelTable& kernels = executable_.kernels();
        executable_.begin(lowered, batch_, *workspace_, once_);
        if (!lowered.body.empty()) {
            Stop stop(options.interrupt);
            const std::span<double> accumulators = accumulators_of(lowered, *workspace_);
            if (!cleared_) std::ranges::fill(accumulators, 0.0);
            cleared_ = false;
            for (Frame& block : blocks_) {
                kernels.run(lowered.body.data(), lowered.body.data() + lowered.body.size(), block);
                if (stop.ask(lowered.body.size() * block.packs)) throw Interrupted("the run was interrupted");
            }
            double* const totals = workspace_->cells() + lowered.first_sum;
            for (std::size_t k = 0; k < accumulators.size(); ++k) {
                totals[k] = accumulators[k];
                accumulators[k] = 0.0;
            }
            cleared_ = true;
        }
        executable_.end(lowered, *workspace_, once_, uniforms);
        executable_.redo_if_nan(false, batch_, {.uniforms = uniforms, .columns = {}}, options);
    }

  private:
    Executable::State& executable_;
    const Batch batch_;
    Workspaces::Loan workspace_;
    Frame once_{};
    bool cleared_ = false;  // whether the accumulators are 0, as they are after a run that was not interrupted
    std::vector<Frame> blocks_;
    std::vector<Source> sources_;
};

Executable::Repeated::Repeated(const Executable& executable, const Batch& batch)
    : state_(std::make_unique<State>(*executable.state_, batch)) {}
Executable::Repeated::~Repeated() = default;
Executable::Repeated::Repeated(Repeated&&) noexcept = default;
Executable::Repeated& Executable::Repeated::operator=(Repeated&&) noexcept = default;
void Executable::Repeated::run(std::span<double> uniforms, const RunOptions& options) {
    state_->run(uniforms, options);
}

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

#include "reelgrad/exec/uniform_work.hpp"

#include <algorithm>
#include <string>
#include <tuple>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::exec {
namespace {

using program::Code;
using program::code_of;
using program::Program;
using program::Rate;
using program::ValueId;

// Values are put in order among so many at a time: what they wait for stays in the cache.
constexpr std::size_t kWindow = 2048;
// Shorter runs gain nothing over single instructions.
constexpr std::size_t kShortestRun = 3;

class UniformWork {
  public:
    UniformWork(const Program& program, const KernelTable& kernels, Operand lanes, Steps& steps)
        : program_(program), kernels_(kernels), lanes_(lanes), steps_(steps), depth_(program.size(), 0) {}

    void add(std::span<const ValueId> values) {
        for (std::size_t done = 0; done < values.size(); done += kWindow) {
            add_window(values.subspan(done, std::min(kWindow, values.size() - done)));
        }
    }

  private:
    struct Place {
        std::uint32_t depth;
        Code code;
        ValueId value;
        bool joins(const Place& other) const { return depth == other.depth && code == other.code; }
    };

    // By depth, the length of the longest way within the window: values of one depth do not depend on each other.
    void add_window(std::span<const ValueId> values) {
        order_.clear();
        for (const ValueId v : values) {
            std::uint32_t depth = 0;
            for (const ValueId operand : program_.operands(v)) {
                if (operand >= values.front()) depth = std::max(depth, depth_[operand]);
            }
            depth_[v] = depth + 1;
            order_.push_back({depth, code_of_kernel(v), v});
        }
        std::ranges::sort(order_, [](const Place& a, const Place& b) {
            return std::tie(a.depth, a.code, a.value) < std::tie(b.depth, b.code, b.value);
        });
        for (auto first = order_.begin(); first != order_.end();) {
            const auto end = std::find_if(first, order_.end(), [&](const Place& p) { return !p.joins(*first); });
            const auto count = static_cast<std::size_t>(end - first);
            if (count >= kShortestRun && !program::is_reduction(first->code)) {
                add_run(std::span(first, end));
            } else {
                for (auto place = first; place != end; ++place) add_single(*place);
            }
            first = end;
        }
    }

    Code code_of_kernel(ValueId v) const {
        return program_[v].code == Code::lane_sum ? code_of<ops::Mul> : program_[v].code;
    }

    void push_operands(ValueId v) {
        for (const ValueId operand : program_.operands(v)) row_.push_back({Operand::cell, operand});
        if (program_[v].code == Code::lane_sum) row_.push_back(lanes_);
    }

    void add_run(std::span<const Place> run) {
        row_.clear();
        for (const Place& place : run) {
            push_operands(place.value);
            row_.push_back({Operand::result_cell, place.value});
        }
        steps_.add_row(kernels_.lane_run[static_cast<std::size_t>(run.front().code)], {}, row_, run.size());
    }

    void add_single(const Place& place) {
        const Operand result{Operand::cell, place.value};
        row_.clear();
        if (!program::is_reduction(place.code)) {
            push_operands(place.value);
            steps_.add(kernels_.lane[static_cast<std::size_t>(place.code)], result, row_);
        } else if (place.code == code_of<ops::Sum>) {
            push_operands(place.value);
            steps_.add_row(kernels_.lane_sum, result, row_, row_.size());
        } else {
            products_of(program_, place.value, row_);
            const bool adds = row_.front().kind != Operand::none;
            steps_.add_row(kernels_.lane_dot[adds ? 1 : 0], result, row_, (row_.size() - 1) / 2);
        }
    }

    const Program& program_;
    const KernelTable& kernels_;
    Operand lanes_;
    Steps& steps_;
    std::vector<std::uint32_t> depth_;  // by value, within its window; 1 and up
    std::vector<Place> order_;
    std::vector<Operand> row_;
};

}  // namespace

void add_uniform_work(const Program& program, std::span<const ValueId> values, const KernelTable& kernels,
                      Operand lanes, Steps& steps) {
    if (!values.empty()) UniformWork(program, kernels, lanes, steps).add(values);
}

void products_of(const Program& program, ValueId v, std::vector<Operand>& row) {
    row.clear();
    const auto operands = program.operands(v);
    const auto operand = [&](ValueId x) {
        return Operand{program.rate(x) == Rate::varying ? Operand::slot : Operand::cell, x};
    };
    if (program[v].code == Code::dot_add) {
        for (const ValueId x : operands) row.push_back(operand(x));
    } else if (program[v].code == code_of<ops::Dot>) {
        row.push_back({});
        for (std::size_t k = 0; k < operands.size() / 2; ++k) {
            row.push_back(operand(operands[k]));
            row.push_back(operand(operands[operands.size() / 2 + k]));
        }
    } else {
        throw ProgramError(std::string(program::info(program[v].code).name) +
                           " cannot be run as it is: it must have been expanded into elementwise operators");
    }
    for (std::size_t k = 1; k < row.size(); k += 2) {
        if (row[k].kind == Operand::cell) std::swap(row[k], row[k + 1]);
    }
}

}  // namespace reelgrad::exec

#include "reelgrad/exec/place.hpp"

#include <algorithm>
#include <limits>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::exec {
namespace {

constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

// Places numbered from `first`; the one freed last is taken first, for it is in the cache.
class FreeList {
  public:
    explicit FreeList(std::uint32_t first) : next_(first) {}
    std::uint32_t take() {
        if (free_.empty()) return next_++;
        const std::uint32_t place = free_.back();
        free_.pop_back();
        return place;
    }
    void give_back(std::uint32_t place) { free_.push_back(place); }
    std::uint32_t end() const { return next_; }

  private:
    std::vector<std::uint32_t> free_;
    std::uint32_t next_;
};

// For every operand of one kind, the step at which its value is used next (kNever: not again).
std::vector<std::uint32_t> next_uses(const Steps& steps, Operand::Kind kind, std::vector<std::uint32_t>& next) {
    std::vector<std::uint32_t> result(steps.all_operands().size(), kNever);
    for (std::size_t i = steps.size(); i-- > 0;) {
        const auto operands = steps.operands(i);
        for (std::size_t k = operands.size(); k-- > 0;) {
            if (operands[k].kind != kind) continue;
            result[steps[i].first + k] = next[operands[k].id];
            next[operands[k].id] = static_cast<std::uint32_t>(i);
        }
    }
    return result;
}

class Placement {
  public:
    Placement(const Selected& selected, const KernelTable& kernels, Lowered& lowered)
        : selected_(selected), kernels_(kernels), lowered_(lowered), cell_of_(selected.fixed_cells) {}

    void run() {
        place_cells();
        lowered_.first_accumulator = lowered_.cells.size() * kCell;
        lowered_.slots = aligned(lowered_.first_accumulator + lowered_.accumulators * kCell);
        place_slots();
        lowered_.end = lowered_.slots + lowered_.slot_count * lowered_.block * kCell;
        if (lowered_.end > kNever) {
            throw ProgramError("the Program needs " + std::to_string(lowered_.end >> 20) +
                               " MB for the values of a block of lanes; at most 4095 MB can be had: split it");
        }
    }

    std::vector<std::uint32_t> take_cells() { return std::move(cell_of_); }

  private:
    // Prologue and epilogue are one sequence. What the body or the outputs need keeps its cell.
    void place_cells() {
        std::vector<std::uint32_t> next(selected_.values, kNever);
        std::vector<char> kept(selected_.values, 0);
        for (const std::uint32_t value : selected_.kept) kept[value] = 1;
        for (const Operand& operand : selected_.body.all_operands()) {
            if (operand.kind == Operand::cell) kept[operand.id] = 1;
        }
        const std::vector<std::uint32_t> after = next_uses(selected_.epilogue, Operand::cell, next);
        std::vector<char> used_after(selected_.values, 0);
        for (std::size_t v = 0; v < next.size(); ++v) used_after[v] = next[v] != kNever;
        std::ranges::fill(next, kNever);
        const std::vector<std::uint32_t> before = next_uses(selected_.prologue, Operand::cell, next);

        FreeList cells(static_cast<std::uint32_t>(lowered_.cells.size()));
        const auto write = [&](const Steps& steps, const std::vector<std::uint32_t>& uses, std::vector<Op>& ops,
                               bool is_epilogue) {
            ops.reserve(steps.size());
            for (std::size_t i = 0; i < steps.size(); ++i) {
                const auto operands = steps.operands(i);
                begin(steps[i]);
                std::size_t read = 0;  // operands whose cells may be free from here on
                const auto free_cells = [&](std::size_t end) {
                    for (; read < end; ++read) {
                        if (operands[read].kind != Operand::cell || uses[steps[i].first + read] != kNever) continue;
                        const std::uint32_t v = operands[read].id;
                        if (kept[v] != 0 || selected_.fixed_cells[v] != kNone) continue;
                        if (is_epilogue || used_after[v] == 0) cells.give_back(cell_of_[v]);
                    }
                };
                const auto cell_for = [&](std::uint32_t result) {
                    if (cell_of_[result] == kNone) cell_of_[result] = cells.take();
                    return cell_of_[result] * static_cast<std::uint32_t>(kCell);
                };
                for (std::size_t k = 0; k < operands.size(); ++k) {
                    const Operand& operand = operands[k];
                    if (operand.kind == Operand::result_cell) free_cells(k);
                    encode(operand.kind == Operand::cell ? cell_of_[operand.id] * static_cast<std::uint32_t>(kCell)
                           : operand.kind == Operand::result_cell ? cell_for(operand.id)
                                                                  : operand.id);
                }
                free_cells(operands.size());
                ops.push_back(finish(steps[i], steps[i].in_row && steps[i].result.kind == Operand::none
                                                   ? 0
                                                   : cell_for(steps[i].result.id)));
            }
        };
        write(selected_.prologue, before, lowered_.prologue, false);
        write(selected_.epilogue, after, lowered_.epilogue, true);
        lowered_.cells.resize(cells.end(), 0.0);
    }

    void place_slots() {
        const Steps& steps = selected_.body;
        std::vector<std::uint32_t> next(selected_.values, kNever);
        const std::vector<std::uint32_t> uses = next_uses(steps, Operand::slot, next);
        std::vector<std::uint32_t> slot_of(selected_.values, kNone);
        FreeList slots(0);
        lowered_.body.reserve(steps.size() + steps.size() / 8);
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const auto operands = steps.operands(i);
            for (const Operand& operand : operands) {
                if (operand.kind != Operand::slot || slot_of[operand.id] != kNone) continue;
                slot_of[operand.id] = slots.take();
                lowered_.body.push_back(
                    {kernels_.load, slot_offset(slot_of[operand.id]), selected_.source_of[operand.id], 0, 0});
            }
            begin(steps[i]);
            for (const Operand& operand : operands) encode(offset(operand, slot_of));
            for (std::size_t k = 0; k < operands.size(); ++k) {
                if (operands[k].kind != Operand::slot) continue;
                const std::uint32_t v = operands[k].id;
                if (uses[steps[i].first + k] != kNever || slot_of[v] == kNone) continue;
                slots.give_back(slot_of[v]);
                slot_of[v] = kNone;
            }
            const Operand& result = steps[i].result;
            if (const Operand& second = steps[i].second; second.kind == Operand::slot) {
                slot_of[second.id] = slots.take();
                op_.c = slot_offset(slot_of[second.id]);
            }
            if (result.kind == Operand::slot) {
                slot_of[result.id] = slots.take();
                lowered_.body.push_back(finish(steps[i], slot_offset(slot_of[result.id])));
            } else {
                lowered_.body.push_back(finish(steps[i], result.kind == Operand::none ? 0 : offset(result, slot_of)));
            }
        }
        lowered_.slot_count = slots.end();
    }

    std::uint32_t slot_offset(std::uint32_t slot) const {
        return static_cast<std::uint32_t>(lowered_.slots + slot * lowered_.block * kCell);
    }
    std::uint32_t offset(const Operand& operand, const std::vector<std::uint32_t>& slot_of) const {
        switch (operand.kind) {
            case Operand::slot:
                return slot_offset(slot_of[operand.id]);
            case Operand::cell:
                return cell_of_[operand.id] * static_cast<std::uint32_t>(kCell);
            case Operand::accumulator:
                return static_cast<std::uint32_t>(lowered_.first_accumulator + operand.id * kCell);
            default:
                return operand.id;
        }
    }

    // An instruction is begun, gets its operands one after another, and is finished.
    void begin(const Step& step) {
        op_ = {step.handler, 0, 0, 0, 0};
        operand_ = 0;
        in_row_ = step.in_row;
        if (!in_row_) return;
        op_.a = static_cast<std::uint32_t>(lowered_.rows.size());
        op_.b = step.elements;
    }
    void encode(std::uint32_t operand) {
        if (in_row_) {
            lowered_.rows.push_back(operand);
            return;
        }
        (operand_ == 0 ? op_.a : operand_ == 1 ? op_.b : op_.c) = operand;
        ++operand_;
    }
    Op finish(const Step&, std::uint32_t result) {
        op_.result = result;
        return op_;
    }

    const Selected& selected_;
    const KernelTable& kernels_;
    Lowered& lowered_;
    std::vector<std::uint32_t> cell_of_;
    Op op_{};
    int operand_ = 0;
    bool in_row_ = false;
};

}  // namespace

void place(const Selected& selected, const KernelTable& kernels, Lowered& lowered,
           std::vector<std::uint32_t>& cell_of) {
    Placement placement(selected, kernels, lowered);
    placement.run();
    cell_of = placement.take_cells();
}

}  // namespace reelgrad::exec

#include "reelgrad/exec/lower.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "reelgrad/exec/lane_sums.hpp"
#include "reelgrad/exec/place.hpp"
#include "reelgrad/exec/sums.hpp"
#include "reelgrad/exec/together.hpp"
#include "reelgrad/exec/uniform_work.hpp"
#include "reelgrad/program/errors.hpp"

namespace reelgrad::exec {
namespace {

using program::Code;
using program::code_of;
using program::kNoValue;
using program::Program;
using program::Rate;
using program::ValueId;

constexpr std::size_t kBlock = 64;

class Lowering {
  public:
    Lowering(const Program& program, std::span<const char> outputs_vary, const KernelTable& kernels, Flavour flavour)
        : program_(program), outputs_vary_(outputs_vary), kernels_(kernels), flavour_(flavour) {}

    Lowered run() {
        count_uses();
        reject_lanes_of_sums();
        sums_ = plan_sums(program_, uses_);
        fix_cells();
        lane_sums_.emplace(program_, uses_, sums_, kernels_, selected_.body);
        together_ = plan_together(program_, uses_, kernels_, *lane_sums_);
        selected_.values = program_.size();
        const auto size = static_cast<ValueId>(program_.size());
        for (ValueId v = 0; v < size; ++v) {
            if (uses_[v] == 0) continue;
            if (program_.rate(v) == Rate::varying) {
                varying(v);
            } else {
                uniform(v);
                if (first_store_[v] != kNone) store(v, splatted(v));
            }
        }
        lane_sums_->finish();
        const Operand lanes{Operand::cell, lanes_id_};
        add_uniform_work(program_, before_, kernels_, lanes, selected_.prologue);
        add_uniform_work(program_, after_, kernels_, lanes, selected_.epilogue);
        for (std::size_t k = 0; k < program_.outputs().size(); ++k) {
            if (outputs_vary_[k] == 0) selected_.kept.push_back(program_.outputs()[k].value);
        }
        selected_.values = std::max<std::size_t>(selected_.values, program_.size() + splats_);
        selected_.fixed_cells.resize(selected_.values, kNone);
        selected_.source_of.resize(selected_.values, kNone);
        lowered_.block = kBlock;
        std::vector<std::uint32_t> cell_of;
        place(selected_, kernels_, lowered_, cell_of);
        for (std::size_t k = 0; k < program_.outputs().size(); ++k) {
            if (outputs_vary_[k] == 0) lowered_.uniform_outputs.push_back(cell_of[program_.outputs()[k].value]);
        }
        return std::move(lowered_);
    }

  private:
    bool stores(std::size_t output) const {
        return flavour_ == Flavour::relaxed || program_.outputs()[output].gradient;
    }

    // Uses by what is needed for the outputs; others have none.
    void count_uses() {
        uses_.assign(program_.size(), 0);
        std::uint32_t sinks = 0;
        first_store_.assign(program_.size(), kNone);
        for (std::size_t k = 0; k < program_.outputs().size(); ++k) {
            const ValueId v = program_.outputs()[k].value;
            if (outputs_vary_[k] != 0) {
                const std::uint32_t sink = sinks++;
                if (!stores(k)) continue;
                stores_.push_back({sink, first_store_[v], program_.outputs()[k].gradient});
                first_store_[v] = static_cast<std::uint32_t>(stores_.size() - 1);
            }
            ++uses_[v];
        }
        for (auto v = static_cast<ValueId>(program_.size()); v-- > 0;) {
            if (uses_[v] == 0) continue;
            for (const ValueId operand : program_.operands(v)) ++uses_[operand];
        }
    }

    void reject_lanes_of_sums() {
        of_sum_.assign(program_.size(), 0);
        for (ValueId v = 0; v < program_.size(); ++v) {
            const auto operands = program_.operands(v);
            if (program_[v].code == Code::lane_sum && program_.rate(operands[0]) == Rate::varying) of_sum_[v] = 1;
            for (const ValueId operand : operands) of_sum_[v] |= of_sum_[operand];
            if (of_sum_[v] != 0 && uses_[v] != 0 && program_.rate(v) == Rate::varying) {
                throw ProgramError(
                    "value " + std::to_string(v) + ", " + std::string(program::info(program_[v].code).name) +
                    ", varies from lane to lane and depends on a sum over the lanes, which is known only "
                    "when all lanes have been run: make two Programs of it");
            }
        }
    }

    void fix_cells() {
        selected_.fixed_cells.assign(program_.size(), kNone);
        selected_.source_of.assign(program_.size(), kNone);
        std::uint32_t uniforms = 0, sources = 0;
        for (std::size_t k = 0; k < program_.inputs().size(); ++k) {
            const ValueId v = program_.input_value(k);
            if (program_.inputs()[k].rate == Rate::varying) {
                selected_.source_of[v] = sources++;
            } else {
                selected_.fixed_cells[v] = uniforms++;
            }
        }
        lowered_.cells.assign(uniforms + 1, 0.0);
        lowered_.lanes_cell = uniforms;
        for (ValueId v = 0; v < program_.size(); ++v) {
            if (!program_.is_constant(v) || uses_[v] == 0) continue;
            selected_.fixed_cells[v] = static_cast<std::uint32_t>(lowered_.cells.size());
            lowered_.cells.push_back(program_.constant(v));
        }
        lowered_.first_sum = lowered_.cells.size();
        lowered_.accumulators = sums_.totals.size();
        for (const ValueId total : sums_.totals) {
            selected_.fixed_cells[total] = static_cast<std::uint32_t>(lowered_.cells.size());
            lowered_.cells.push_back(0.0);
        }
        // The number of lanes is no value of the Program.
        lanes_id_ = static_cast<std::uint32_t>(program_.size() + splats_++);
        selected_.fixed_cells.resize(lanes_id_ + 1, kNone);
        selected_.fixed_cells[lanes_id_] = static_cast<std::uint32_t>(lowered_.lanes_cell);
        selected_.source_of.resize(lanes_id_ + 1, kNone);
    }

    // --- Work that is done once.

    void uniform(ValueId v) {
        const Code code = program_[v].code;
        if (code == Code::input || code == Code::constant || sums_.absorbed[v] != 0) return;
        if (sums_.accumulator_of[v] != Sums::kNone) return;
        (of_sum_[v] != 0 ? after_ : before_).push_back(v);
    }

    // --- Work that is done for every block.

    void varying(ValueId v) {
        if (program_[v].code != Code::input && !lane_sums_->holds(v) && together_.made[v] == Together::here) {
            const ValueId with = together_.with[v];
            if (program::is_reduction(program_[v].code)) {
                with == kNoValue ? reduction(v) : two_dots(v, with);
            } else {
                with == kNoValue ? elementwise(v) : chain(v, with);
            }
        }
        lane_sums_->came(v);
        store(v, {Operand::slot, v});
    }

    void store(ValueId v, Operand slot) {
        for (std::uint32_t k = first_store_[v]; k != kNone; k = stores_[k].next) {
            const Handler handler = flavour_ == Flavour::checked ? kernels_.store_where_nan
                                    : stores_[k].gradient        ? kernels_.store_gradient
                                                                 : kernels_.store;
            selected_.body.add(handler, {}, {slot, {Operand::raw, stores_[k].sink}});
        }
    }

    void elementwise(ValueId v) {
        const Code code = program_[v].code;
        const Operand result{Operand::slot, v};
        auto operands = program_.operands(v);
        operands_.clear();
        if (code == code_of<ops::Where> && together_.made[operands[0]] == Together::by_users) {
            const auto compared = program_.operands(operands[0]);
            const std::uint32_t kinds = kinds_of({compared[0], compared[1], operands[1], operands[2]});
            const auto comparison =
                static_cast<std::size_t>(program_[operands[0]].code) - static_cast<std::size_t>(code_of<ops::Less>);
            selected_.body.add_row(kernels_.gate[comparison][kinds], result, operands_, 0);
            return;
        }
        std::array<ValueId, 3> ordered{};
        std::ranges::copy(operands, ordered.begin());
        const auto& handlers = kernels_.wide[static_cast<std::size_t>(code)];
        std::uint32_t kinds = kinds_of(std::span(ordered).first(operands.size()));
        if (handlers[kinds] == nullptr) {
            for (Operand& operand : operands_) {
                if (operand.kind == Operand::cell) operand = splatted(operand.id);
            }
            kinds = 0;
        }
        selected_.body.add(handlers[kinds], result, operands_);
    }

    void chain(ValueId v, ValueId u) {
        const Operand result{Operand::slot, v};
        operands_.clear();
        if (const Handler handler = kernels_.of_affine[static_cast<std::size_t>(program_[v].code)]) {
            kinds_of(program_.operands(u));
            if (operands_[0].kind == Operand::cell) std::swap(operands_[0], operands_[1]);
            selected_.body.add(handler, result, operands_);
            return;
        }
        const auto factors = program_.operands(v);
        const std::uint32_t kinds = kinds_of(program_.operands(u));
        operands_.push_back({Operand::slot, factors[factors[0] == u ? 1 : 0]});
        const auto code = static_cast<std::size_t>(program_[u].code);
        selected_.body.add_row(kernels_.then_mul[code][kinds], result, operands_, 0);
    }

    // Appends to operands_; tells which are scalars.
    std::uint32_t kinds_of(std::span<const ValueId> values) {
        std::uint32_t kinds = 0;
        for (std::size_t k = 0; k < values.size(); ++k) {
            const bool scalar = program_.rate(values[k]) != Rate::varying;
            operands_.push_back({scalar ? Operand::cell : Operand::slot, values[k]});
            if (scalar) kinds |= 1U << k;
        }
        return kinds;
    }
    std::uint32_t kinds_of(std::initializer_list<ValueId> values) {
        return kinds_of(std::span(values.begin(), values.size()));
    }

    Operand splatted(ValueId uniform) {
        const Operand slot = temporary();
        selected_.body.add(kernels_.splat, slot, {{Operand::cell, uniform}});
        return slot;
    }
    Operand temporary() { return {Operand::slot, static_cast<std::uint32_t>(program_.size() + splats_++)}; }

    void reduction(ValueId v) {
        const Operand result{Operand::slot, v};
        if (program_[v].code == code_of<ops::Sum>) {
            operands_.clear();
            kinds_of(program_.operands(v));
            for (Operand& operand : operands_) {
                if (operand.kind == Operand::cell) operand = splatted(operand.id);
            }
            selected_.body.add_row(kernels_.wide_sum, result, operands_, operands_.size());
            return;
        }
        products_of(program_, v, row_);
        // Products of scalars are rare here; what is left are slot * scalar, then slot * slot.
        scaled_.assign(1, row_[0]);
        plain_.assign(1, {});
        for (std::size_t k = 1; k < row_.size(); k += 2) {
            Operand a = row_[k];
            const Operand b = row_[k + 1];
            if (a.kind == Operand::cell) a = splatted(a.id);
            auto& row = b.kind == Operand::cell ? scaled_ : plain_;
            row.push_back(a);
            row.push_back(b);
        }
        if (plain_.size() == 1) {
            dot(result, scaled_, true);
        } else if (scaled_.size() == 1) {
            plain_[0] = scaled_[0];
            dot(result, plain_, false);
        } else {
            const Operand half = temporary();
            dot(half, scaled_, true);
            plain_[0] = half;
            dot(result, plain_, false);
        }
    }

    void dot(Operand result, std::span<const Operand> row, bool scalars) {
        const auto addend = row[0].kind == Operand::none   ? KernelTable::no_addend
                            : row[0].kind == Operand::cell ? KernelTable::scalar_addend
                                                           : KernelTable::slot_addend;
        selected_.body.add_row(kernels_.dot[addend][scalars ? 1 : 0], result, row, (row.size() - 1) / 2);
    }

    void two_dots(ValueId v, ValueId w) {
        products_of(program_, v, row_);
        products_of(program_, w, plain_);
        const bool adds = row_[0].kind != Operand::none;
        operands_.clear();
        if (adds) operands_.assign({row_[0], plain_[0]});
        for (std::size_t k = 1; k < row_.size(); k += 2) {
            operands_.insert(operands_.end(), {row_[k], row_[k + 1], plain_[k + 1]});
        }
        selected_.body.add_row(kernels_.two_dots[adds ? 1 : 0], {Operand::slot, v}, {Operand::slot, w}, operands_,
                               (row_.size() - 1) / 2);
    }

    struct Store {
        std::uint32_t sink;
        std::uint32_t next;
        bool gradient;
    };

    const Program& program_;
    std::span<const char> outputs_vary_;
    const KernelTable& kernels_;
    Flavour flavour_;
    Lowered lowered_;
    Selected selected_;
    Sums sums_;
    std::vector<std::uint32_t> uses_;
    std::vector<char> of_sum_;  // by value: depends on a sum over lanes
    std::optional<LaneSums> lane_sums_;
    Together together_;
    std::vector<Store> stores_;
    std::vector<std::uint32_t> first_store_;
    std::vector<Operand> operands_, row_, scaled_, plain_;
    std::vector<ValueId> before_, after_;  // uniform work, of the prologue and of the epilogue
    std::uint32_t lanes_id_ = 0;
    std::size_t splats_ = 0;  // ids of values beyond the Program's
};

}  // namespace

Lowered lower(const Program& program, std::span<const char> outputs_vary, const KernelTable& kernels, Flavour flavour) {
    return Lowering(program, outputs_vary, kernels, flavour).run();
}

}  // namespace reelgrad::exec

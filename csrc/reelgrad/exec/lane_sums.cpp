#include "reelgrad/exec/lane_sums.hpp"

#include <algorithm>

namespace reelgrad::exec {

using program::code_of;
using program::Program;
using program::Rate;
using program::ValueId;

namespace {

constexpr std::uint32_t kNone = Sums::kNone;

// The factors of a product, the earlier one first.
std::pair<ValueId, ValueId> factors_of(const Program& program, ValueId v) {
    const auto operands = program.operands(v);
    return std::minmax(operands[0], operands[operands.size() - 1]);
}

}  // namespace

LaneSums::LaneSums(const Program& program, std::span<const std::uint32_t> uses, const Sums& sums,
                   const KernelTable& kernels, Steps& body)
    : program_(program), kernels_(kernels), body_(body), held_(program.size(), 0) {
    for (auto* first : {&as_centre_, &as_other_, &as_sum_}) first->assign(program.size(), kNone);
    terms_.reserve(sums.contributions.size());
    plan_products(uses, sums);
}

bool LaneSums::is_held(const Contribution& contribution, std::span<const std::uint32_t> uses) const {
    const ValueId v = contribution.value;
    if (uses[v] != 1) return false;
    if (program_[v].code != code_of<ops::Square> && program_[v].code != code_of<ops::Mul>) return false;
    const auto [earlier, later] = factors_of(program_, v);
    return program_.rate(earlier) == Rate::varying && program_.rate(later) == Rate::varying &&
           program_[later].code != program::Code::input;
}

void LaneSums::plan_products(std::span<const std::uint32_t> uses, const Sums& sums) {
    std::vector<std::uint32_t> products(program_.size(), 0);  // by factor
    for (const Contribution& contribution : sums.contributions) {
        if (!is_held(contribution, uses)) continue;
        const auto [earlier, later] = factors_of(program_, contribution.value);
        ++products[earlier];
        ++products[later];
    }
    for (std::size_t k = sums.contributions.size(); k-- > 0;) {
        const auto [v, accumulator] = sums.contributions[k];
        if (!is_held(sums.contributions[k], uses)) {
            push(as_sum_, v, v, accumulator);
            continue;
        }
        held_[v] = 1;
        const auto [earlier, later] = factors_of(program_, v);
        push(products[earlier] > products[later] ? as_other_ : as_centre_, later, earlier, accumulator);
    }
}

void LaneSums::push(std::vector<std::uint32_t>& first, ValueId at, ValueId value, std::uint32_t accumulator) {
    terms_.push_back({value, accumulator, first[at]});
    first[at] = static_cast<std::uint32_t>(terms_.size() - 1);
}

void LaneSums::came(ValueId v) {
    for (std::uint32_t k = as_sum_[v]; k != kNone; k = terms_[k].next) {
        wait(waiting_sums_, v, terms_[k].accumulator);
        if (waiting_sums_.size() == 2 * kRow) add_row(kernels_.row_sum, waiting_sums_, 0);
    }
    add_products(v);
    for (std::uint32_t k = as_other_[v]; k != kNone; k = terms_[k].next) {
        auto& row = waiting_products_[terms_[k].value];
        if (row.empty()) row.push_back({Operand::slot, terms_[k].value});
        wait(row, v, terms_[k].accumulator);
        if (row.size() == 1 + 2 * kRow) add_row(kernels_.row_update, row, 1);
    }
    if (waiting_ > kWaiting) finish();
}

void LaneSums::wait(std::vector<Operand>& row, ValueId value, std::uint32_t accumulator) {
    row.push_back({Operand::slot, value});
    row.push_back({Operand::accumulator, accumulator});
    ++waiting_;
}

void LaneSums::add_row(Handler handler, std::vector<Operand>& row, std::size_t centres) {
    const std::size_t terms = (row.size() - centres) / 2;
    body_.add_row(handler, {}, row, terms);
    waiting_ -= terms;
    row.clear();
}

void LaneSums::add_products(ValueId centre) {
    if (as_centre_[centre] == kNone) return;
    row_.assign(1, {Operand::slot, centre});
    for (std::uint32_t k = as_centre_[centre]; k != kNone; k = terms_[k].next) {
        wait(row_, terms_[k].value, terms_[k].accumulator);
    }
    add_row(kernels_.row_update, row_, 1);
}

void LaneSums::finish() {
    for (auto& [centre, row] : waiting_products_) {
        if (!row.empty()) add_row(kernels_.row_update, row, 1);
    }
    waiting_products_.clear();
    if (!waiting_sums_.empty()) add_row(kernels_.row_sum, waiting_sums_, 0);
}

}  // namespace reelgrad::exec

#include "reelgrad/exec/number_kernel.hpp"

#include <vector>

#include "reelgrad/exec/cpu.hpp"
#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/program/evaluate.hpp"

namespace reelgrad::exec {

using program::Code;
using program::code_of;

double number_kernel(Code code, std::span<const double> operands) {
    const KernelTable& kernels = active_kernels();
    const auto place = [](std::size_t k) { return static_cast<std::uint32_t>(k * kCell); };
    std::vector<double> cells(operands.begin(), operands.end());
    const std::uint32_t result = place(cells.size());
    cells.push_back(0.0);
    std::vector<std::uint32_t> row;
    Op op{nullptr, result, 0, 0, 0};
    if (!program::is_reduction(code)) {
        op = {kernels.lane[static_cast<std::size_t>(code)], result, place(0), place(1), place(2)};
    } else if (code == code_of<ops::Sum>) {
        for (std::size_t k = 0; k < operands.size(); ++k) row.push_back(place(k));
        op = {kernels.lane_sum, result, 0, static_cast<std::uint32_t>(row.size()), 0};
    } else if (code == Code::dot_add || code == code_of<ops::Dot>) {
        const bool has_addend = code == Code::dot_add;
        const std::size_t pairs = operands.size() / 2;
        row.push_back(0);
        for (std::size_t k = 0; k < pairs; ++k) {
            row.push_back(place(has_addend ? 1 + 2 * k : k));
            row.push_back(place(has_addend ? 2 + 2 * k : pairs + k));
        }
        op = {kernels.lane_dot[has_addend ? 1 : 0], result, 0, static_cast<std::uint32_t>(pairs), 0};
    } else {
        return program::kernel(code, operands);
    }
    Frame frame{};
    frame.arena = reinterpret_cast<std::byte*>(cells.data());
    frame.rows = row.data();
    kernels.run(&op, &op + 1, frame);
    return cells.back();
}

}  // namespace reelgrad::exec

#include "reelgrad/train/staging.hpp"

#include "reelgrad/exec/load.hpp"

namespace reelgrad::train {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 28;
// Doubles in a row are copied only for the sake of the last vector, which matters in small data.
constexpr std::size_t kSmall = 4096;

bool is_row_of_doubles(const exec::Column& column) {
    return column.dtype == exec::Dtype::f64 && column.stride == sizeof(double);
}

}  // namespace

std::vector<double> stage(std::vector<exec::Column>& columns, std::size_t lanes) {
    const std::size_t length = (lanes + exec::kWidest - 1) / exec::kWidest * exec::kWidest;
    const bool is_small = lanes <= kSmall && length != lanes;
    std::vector<exec::Column*> staged;
    for (exec::Column& column : columns) {
        if (is_small || !is_row_of_doubles(column)) staged.push_back(&column);
    }
    if (lanes == 0 || staged.size() * length * sizeof(double) > kMostBytes) return {};
    std::vector<double> numbers(staged.size() * length);
    double* to = numbers.data();
    for (exec::Column* column : staged) {
        exec::Frame frame{};
        frame.lanes = lanes;
        frame.padded = length;
        exec::fetch(frame, {column->base, column->stride, column->dtype, false}, to);
        *column = {.base = reinterpret_cast<const std::byte*>(to), .stride = sizeof(double), .padded = true};
        to += length;
    }
    return numbers;
}

}  // namespace reelgrad::train

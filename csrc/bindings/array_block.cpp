#include "bindings/array_block.hpp"

#include <algorithm>

namespace reelgrad::python {

MapLayout::MapLayout(std::span<const std::ptrdiff_t> shape, std::span<const std::ptrdiff_t> entry_strides,
                     std::span<const ArrayOperand> operands) {
    for (std::size_t d = 0; d < shape.size(); ++d) {
        elements_ *= static_cast<std::size_t>(shape[d]);
        if (entry_strides[d] != 0) entries_ *= static_cast<std::size_t>(shape[d]);
        if (shape[d] == 1) continue;
        Dimension next{shape[d], {entry_strides[d]}};
        for (std::size_t k = 0; k < operands.size(); ++k) {
            const Layout& layout = operands[k].layout();
            const std::size_t missing = shape.size() - static_cast<std::size_t>(layout.dims);
            if (d < missing) continue;
            next.strides[k + 1] = layout.shape[d - missing] == 1 ? 0 : layout.strides[d - missing];
        }
        full_.push_back(next);
        bool merges = !dims_.empty();
        for (std::size_t k = 0; merges && k <= operands.size(); ++k) {
            merges = dims_.back().strides[k] == next.strides[k] * next.length;
        }
        if (merges) {
            dims_.back().length *= next.length;
            dims_.back().strides = next.strides;
        } else {
            dims_.push_back(next);
        }
    }
    if (dims_.empty()) {
        dims_.push_back({1, {1, 1, 1, 1}});
        full_ = dims_;
    }
}

void MapLayout::enter(Tape& tape, Block& block, std::span<const ArrayOperand> operands) const {
    constexpr auto kDims = static_cast<std::size_t>(BlockOperand::kDims);
    block.arity = static_cast<std::uint8_t>(operands.size());
    block.count = entries_;
    block.elements = elements_;
    block.first = static_cast<Index>(tape.size());
    const bool fits = dims_.size() <= kDims;
    if (fits) {
        block.dims = static_cast<std::uint8_t>(dims_.size());
        for (std::size_t d = 0; d < dims_.size(); ++d) {
            block.shape[d] = static_cast<std::uint32_t>(dims_[d].length);
            block.entry_strides[d] = static_cast<std::int32_t>(dims_[d].strides[0]);
        }
    } else {  // all operands are written out, in an order in which what is reduced comes last
        block.dims = 2;
        block.shape = {static_cast<std::uint32_t>(entries_), static_cast<std::uint32_t>(elements_ / entries_)};
        block.entry_strides = {1, 0};
    }
    // Calls visit(offset) for each element of operand k, in the block's order.
    const auto for_each_element = [&](std::size_t k, auto&& visit) {
        Layout layout;
        const auto add = [&](const Dimension& dimension) {
            const auto d = static_cast<std::size_t>(layout.dims++);
            layout.shape[d] = dimension.length;
            layout.strides[d] = dimension.strides[k + 1];
        };
        if (fits) {
            for (const Dimension& dimension : dims_) add(dimension);
        } else {
            for (const Dimension& dimension : full_) {
                if (dimension.strides[0] != 0) add(dimension);
            }
            for (const Dimension& dimension : full_) {
                if (dimension.strides[0] == 0) add(dimension);
            }
        }
        for_each_offset(layout, 0, visit);
    };
    for (std::size_t k = 0; k < operands.size(); ++k) {
        const ArrayOperand& from = operands[k];
        BlockOperand& to = block.operands[k];
        if (from.is_number()) {
            to.kind = BlockOperand::Kind::number;
            to.number = from.number();
        } else if (from.is_constant()) {
            to.kind = BlockOperand::Kind::constants;
            to.values = tape.blocks().store(elements_);
            double* numbers = tape.blocks().numbers(to.values);
            if (fits && dims_.size() == 1 && dims_[0].strides[k + 1] == 1) {
                std::copy_n(from.constants(), elements_, numbers);
            } else {
                for_each_element(k, [&](std::ptrdiff_t offset) { *numbers++ = from.constants()[offset]; });
            }
        } else if (from.is_run() && fits) {
            to.kind = BlockOperand::Kind::strided;
            to.first = from.first();
            for (std::size_t d = 0; d < dims_.size(); ++d) {
                to.strides[d] = static_cast<std::int32_t>(dims_[d].strides[k + 1]);
            }
        } else {
            to.kind = BlockOperand::Kind::list;
            to.stored = tape.blocks().store_list(elements_);
            Index* list = tape.blocks().list(to.stored);
            for_each_element(k, [&](std::ptrdiff_t offset) { *list++ = from.entry(offset); });
        }
    }
}

const double* numbers_of_operand(const Tape& tape, const Block& block, std::size_t k, std::size_t begin,
                                 std::size_t count, double* buffer) {
    const BlockOperand& x = block.operands[k];
    switch (x.kind) {
        case BlockOperand::Kind::number:
            std::fill_n(buffer, count, x.number);
            return buffer;
        case BlockOperand::Kind::constants:
            return tape.blocks().numbers(x.values) + begin;
        case BlockOperand::Kind::list: {
            const Index* const list = tape.blocks().list(x.stored) + begin;
            for (std::size_t j = 0; j < count; ++j) buffer[j] = tape.value(list[j]);
            return buffer;
        }
        case BlockOperand::Kind::strided:
            break;
    }
    const double* const values = tape.values(x.first);
    if (block.dims == 1 && x.strides[0] == 1) return values + begin;
    // The place of the first element, then on from there.
    std::array<std::size_t, BlockOperand::kDims> at{};
    std::ptrdiff_t offset = 0;
    for (std::size_t d = block.dims, rest = begin; d-- > 0; rest /= block.shape[d]) {
        at[d] = rest % block.shape[d];
        offset += static_cast<std::ptrdiff_t>(at[d]) * x.strides[d];
    }
    const auto last = static_cast<std::size_t>(block.dims - 1);
    const std::ptrdiff_t step = x.strides[last];
    for (std::size_t done = 0; done < count;) {
        const std::size_t row = std::min(count - done, block.shape[last] - at[last]);
        const double* const from = values + offset;
        if (step == 1) {
            std::copy_n(from, row, buffer + done);
        } else if (step == 0) {
            std::fill_n(buffer + done, row, *from);
        } else {
            for (std::size_t j = 0; j < row; ++j) buffer[done + j] = from[static_cast<std::ptrdiff_t>(j) * step];
        }
        done += row;
        offset += static_cast<std::ptrdiff_t>(row) * step;
        at[last] += row;
        for (std::size_t d = last; d > 0 && at[d] == block.shape[d]; --d) {
            offset += x.strides[d - 1] - static_cast<std::ptrdiff_t>(at[d]) * x.strides[d];
            at[d] = 0;
            ++at[d - 1];
        }
    }
    return buffer;
}

PyObject* record_array(Tape& tape, BlockInMaking& making, std::span<const std::ptrdiff_t> shape) {
    const std::size_t size = tape.size();
    const Index first = making.record();
    try {
        return new_array(tape, first, shape);
    } catch (...) {
        tape.take_back(size);
        throw;
    }
}

void enter_matrix(Tape& tape, BlockOperand& to, const ArrayOperand& operand, std::ptrdiff_t offset,
                  std::array<std::ptrdiff_t, 2> shape, std::array<std::ptrdiff_t, 2> strides, bool keep_values) {
    to.matrix = {static_cast<std::uint32_t>(shape[0]), static_cast<std::uint32_t>(shape[1])};
    const auto size = static_cast<std::size_t>(shape[0] * shape[1]);
    Layout layout;
    layout.dims = 2;
    layout.shape = {shape[0], shape[1]};
    layout.strides = {strides[0], strides[1]};
    if (operand.is_constant()) {
        to.kind = BlockOperand::Kind::constants;
        to.values = tape.blocks().store(size);
        double* numbers = tape.blocks().numbers(to.values);
        for_each_offset(layout, offset, [&](std::ptrdiff_t k) {
            *numbers++ = operand.is_number() ? operand.number() : operand.constants()[k];
        });
        return;
    }
    if (operand.is_run()) {
        to.kind = BlockOperand::Kind::strided;
        to.first = operand.first() + static_cast<Index>(offset);
        to.strides[0] = static_cast<std::int32_t>(strides[0]);
        to.strides[1] = static_cast<std::int32_t>(strides[1]);
    } else {
        to.kind = BlockOperand::Kind::list;
        to.stored = tape.blocks().store_list(size);
        Index* list = tape.blocks().list(to.stored);
        for_each_offset(layout, offset, [&](std::ptrdiff_t k) { *list++ = operand.entry(k); });
    }
    if (!keep_values) return;
    to.values = tape.blocks().store(size);
    double* numbers = tape.blocks().numbers(to.values);
    if (to.kind == BlockOperand::Kind::strided) {
        const double* const values = tape.values(operand.first());
        if (layout.is_contiguous()) {
            std::copy_n(values + offset, size, numbers);
        } else {
            for_each_offset(layout, offset, [&](std::ptrdiff_t k) { *numbers++ = values[k]; });
        }
    } else {
        const Index* const list = tape.blocks().list(to.stored);
        for (std::size_t e = 0; e < size; ++e) numbers[e] = tape.value(list[e]);
    }
}

void enter_elements(Tape& tape, BlockOperand& to, const ArrayOperand& operand) {
    const Layout& layout = operand.layout();
    const auto size = static_cast<std::ptrdiff_t>(layout.size());
    if (operand.is_constant() || (operand.is_run() && layout.is_contiguous())) {
        return enter_matrix(tape, to, operand, 0, {1, size}, {size, 1}, false);
    }
    to.kind = BlockOperand::Kind::list;
    to.matrix = {1, static_cast<std::uint32_t>(size)};
    to.stored = tape.blocks().store_list(layout.size());
    Index* list = tape.blocks().list(to.stored);
    for_each_offset(layout, 0, [&](std::ptrdiff_t k) { *list++ = operand.entry(k); });
}

}  // namespace reelgrad::python

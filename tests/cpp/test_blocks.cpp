// Blocks: what many operators recorded at once differentiate to, what a collection keeps of them, and how they go.

#include <algorithm>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "check.hpp"
#include "reelgrad/tape/block_kernels.hpp"
#include "reelgrad/tape/forward.hpp"
#include "reelgrad/tape/var.hpp"

namespace {

using check::expect;
using check::expect_same;
using check::expect_throws;
using reelgrad::Block;
using reelgrad::BlockOperand;
using reelgrad::Index;
using reelgrad::Tape;
using reelgrad::Var;
namespace ops = reelgrad::ops;

// y[i] = x[i] * p[i] for a run of entries.
Index scaled(Tape& tape, Index first, const std::vector<double>& p) {
    tape.make_block_room(true, p.size());
    Block block;
    block.opcode = reelgrad::opcode_of<ops::Mul>;
    block.arity = 2;
    block.first = static_cast<Index>(tape.size());
    block.count = block.elements = p.size();
    block.shape[0] = static_cast<std::uint32_t>(p.size());
    block.entry_strides[0] = 1;
    BlockOperand& x = block.operands[0];
    x.kind = BlockOperand::Kind::strided;
    x.first = first;
    x.strides[0] = 1;
    x.has_partial = true;
    x.partials = tape.blocks().store(p.size());
    std::ranges::copy(p, tape.blocks().numbers(x.partials));
    BlockOperand& constants = block.operands[1];
    constants.kind = BlockOperand::Kind::constants;
    constants.values = tape.blocks().store(p.size());
    std::ranges::copy(p, tape.blocks().numbers(constants.values));
    for (std::size_t k = 0; k < p.size(); ++k) {
        tape.new_values()[k] = tape.value(first + static_cast<Index>(k)) * p[k];
    }
    return tape.record_block(std::move(block));
}

Index sum_of(Tape& tape, Index first, std::size_t n) {
    tape.make_block_room(true, 1);
    Block block;
    block.opcode = reelgrad::opcode_of<ops::Sum>;
    block.first = static_cast<Index>(tape.size());
    block.count = 1;
    block.elements = n;
    block.shape[0] = static_cast<std::uint32_t>(n);
    BlockOperand& x = block.operands[0];
    x.kind = BlockOperand::Kind::strided;
    x.first = first;
    x.strides[0] = 1;
    x.has_partial = true;
    x.partial = 1.0;
    *tape.new_values() = 0.0;
    for (std::size_t k = 0; k < n; ++k) *tape.new_values() += tape.value(first + static_cast<Index>(k));
    return tape.record_block(std::move(block));
}

void backward(Tape& tape, Index output) {
    const double one = 1.0;
    tape.backward({&output, 1}, {&one, 1});
}

void a_block_differentiates_between_plain_operators() {
    Tape tape;
    const std::vector<double> start{1.0, 2.0, 3.0};
    const Index x = tape.add_variables(start);
    const Var factor = Var::variable(tape, 5.0);
    const Index y = scaled(tape, x, {2.0, -1.0, 4.0});
    const Index total = sum_of(tape, y, 3);
    const Var z = factor * Var(&tape, {total, tape.value(total)});
    z.backward();
    expect_same(z.value(), 5.0 * 12.0, "value");
    expect_same(tape.grad(x), 10.0, "first");
    expect_same(tape.grad(x + 1), -5.0, "second");
    expect_same(tape.grad(x + 2), 20.0, "third");
    expect_same(factor.grad(), 12.0, "a plain operand beside a block");
    expect_same(tape.grad(y + 2), 5.0, "an entry of the block has its adjoint");
}

void a_collection_keeps_a_block_as_a_whole_and_moves_what_it_stores() {
    Tape tape;
    const Index unused = tape.add_variables(std::vector<double>{1.0, 1.0});
    scaled(tape, unused, {7.0, 7.0});
    const Index x = tape.add_variables(std::vector<double>{1.0, 2.0});
    const Index y = scaled(tape, x, {3.0, 4.0});
    reelgrad::EntrySet* const variables = tape.make_set(x, 2);
    reelgrad::EntrySet* const element = tape.make_set(std::vector<Index>{y + 1});
    expect(tape.collect() == 4, "the other block and its variables go");
    expect(tape.refresh(*variables) && tape.refresh(*element), "sets stay valid");
    expect(tape.size() == 2 && tape.blocks().size() == 1, "the block stays whole");
    backward(tape, (*element)[0]);
    expect_same(tape.grad((*variables)[0]), 0.0, "the element that was not asked for");
    expect_same(tape.grad((*variables)[1]), 4.0, "its partial has moved with it");
    tape.release(element);
    expect(tape.collect() == 2 && tape.blocks().used() == 0, "nobody needs it");
    tape.release(variables);
}

void a_rewind_drops_blocks_and_makes_their_sets_stale() {
    Tape tape;
    const Index x = tape.add_variables(std::vector<double>{1.0, 2.0});
    scaled(tape, x, {3.0, 4.0});
    const std::size_t used = tape.blocks().used();
    const reelgrad::Mark mark = tape.mark();
    reelgrad::EntrySet* const set = tape.make_set(scaled(tape, x, {5.0, 6.0}), 2);
    tape.rewind(mark);
    expect(!tape.refresh(*set), "the set is stale");
    scaled(tape, x, {7.0, 8.0});
    expect(!tape.refresh(*set), "and stays so when others take the place");
    expect(tape.blocks().size() == 2 && tape.blocks().used() == 2 * used, "what was stored is forgotten");
    tape.release(set);
}

void absolute_zero_holds_in_blocks() {
    Tape tape;
    const double inf = std::numeric_limits<double>::infinity();
    const Index x = tape.add_variables(std::vector<double>{1.0, 2.0});
    const Index y = scaled(tape, x, {inf, 3.0});
    const Index z = scaled(tape, y, {0.0, 1.0});
    backward(tape, sum_of(tape, z, 2));
    expect_same(tape.grad(x), 0.0, "0 * inf is no edge");
    expect_same(tape.grad(x + 1), 3.0, "the other one");
}

struct Doubling : reelgrad::BlockRule {
    explicit Doubling(int& alive, bool fails = false) : count(alive), failing(fails) { ++count; }
    ~Doubling() override { --count; }
    std::string_view name() const override { return "doubling"; }
    void reverse(std::span<const double> g, std::span<const std::span<double>> x) const override {
        if (failing) throw std::domain_error("the rule's own");
        for (std::size_t k = 0; k < g.size(); ++k) x[0][k] += 2.0 * g[k];
    }
    int& count;
    bool failing;
};

Index doubled(Tape& tape, Index first, std::size_t n, std::shared_ptr<reelgrad::BlockRule> rule) {
    Block block;
    block.kind = Block::Kind::rule;
    block.opcode = reelgrad::kRuleOpcode;
    block.first = static_cast<Index>(tape.size());
    block.count = n;
    BlockOperand& x = block.operands[0];
    x.kind = BlockOperand::Kind::strided;
    x.first = first;
    x.matrix = {1, static_cast<std::uint32_t>(n)};
    x.strides = {static_cast<std::int32_t>(n), 1};
    for (std::size_t k = 0; k < n; ++k) tape.new_values()[k] = 2.0 * tape.value(first + static_cast<Index>(k));
    block.rule = std::move(rule);
    return tape.record_block(std::move(block));
}

void a_rule_differentiates_both_ways_and_dies_with_its_block() {
    int alive = 0;
    Tape tape;
    const reelgrad::Extent start{tape.size(), tape.variables()};
    const Index x = tape.add_variables(std::vector<double>{1.0, 2.0});
    const reelgrad::Mark mark = tape.mark();
    const Index y = doubled(tape, x, 2, std::make_shared<Doubling>(alive));
    expect(tape.operator_name(y) == "doubling", "its name");
    backward(tape, sum_of(tape, y, 2));
    expect_same(tape.grad(x), 2.0, "reverse");
    reelgrad::ForwardSweep forward(tape, start);
    const std::vector<Index> inputs{x, x + 1};
    const std::vector<double> tangents{1.0, -3.0};
    const std::vector<std::optional<Index>> outputs{y, y + 1};
    std::vector<double> result(2);
    forward.run(inputs, tangents, outputs, result);
    expect_same(result[0], 2.0, "forward");
    expect_same(result[1], -6.0, "forward, the other one");
    expect(alive == 1, "the block holds it");
    tape.rewind(mark);
    expect(alive == 0, "and lets go of it");
}

void a_rule_that_throws_leaves_gradients_as_they_were() {
    int alive = 0;
    Tape tape;
    const Index x = tape.add_variables(std::vector<double>{1.0});
    backward(tape, scaled(tape, x, {3.0}));
    const Index y = doubled(tape, x, 1, std::make_shared<Doubling>(alive, true));
    const Var sum = Var(&tape, {y, tape.value(y)}) + Var(&tape, {x, tape.value(x)});
    expect_throws<std::domain_error>([&] { sum.backward(); }, "the rule's error comes through");
    expect_same(tape.grad(x), 3.0, "as before");
    backward(tape, scaled(tape, x, {4.0}));
    expect_same(tape.grad(x), 7.0, "and the tape is usable");
}

void a_block_that_does_not_fit_is_refused() {
    Tape tape(10);
    const Index x = tape.add_variables(std::vector<double>{1.0, 2.0});
    expect_throws<reelgrad::TapeMemoryError>([&] { tape.make_block_room(false, 11); }, "more than the limit");
    scaled(tape, x, {1.0, 1.0});
    expect_throws<reelgrad::TapeMemoryError>([&] { tape.make_block_room(false, 9); }, "more than is left");
    expect_throws<reelgrad::TapeMemoryError>([&] { tape.add_variables(std::vector<double>(9)); }, "variables");
    expect(tape.size() == 2 && tape.variables() == 2, "nothing changed");
}

void the_loops_compute_matrix_products() {
    constexpr std::size_t rows = 5, inner = 3, columns = 7;
    std::vector<double> a(rows * inner), b(inner * columns), c(rows * columns, 1.0);
    for (std::size_t k = 0; k < a.size(); ++k) a[k] = static_cast<double>(k % 5) - 2.0;
    for (std::size_t k = 0; k < b.size(); ++k) b[k] = static_cast<double>(k % 7) - 3.0;
    reelgrad::add_matrix_product(c.data(), a.data(), b.data(), rows, inner, columns);
    for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
            double want = 1.0;
            for (std::size_t k = 0; k < inner; ++k) want += a[i * inner + k] * b[k * columns + j];
            expect_same(c[i * columns + j], want, "an element");
        }
    }
}

}  // namespace

int main() {
    const auto tests = {
        a_block_differentiates_between_plain_operators,
        a_collection_keeps_a_block_as_a_whole_and_moves_what_it_stores,
        a_rewind_drops_blocks_and_makes_their_sets_stale,
        absolute_zero_holds_in_blocks,
        a_rule_differentiates_both_ways_and_dies_with_its_block,
        a_rule_that_throws_leaves_gradients_as_they_were,
        a_block_that_does_not_fit_is_refused,
        the_loops_compute_matrix_products,
    };
    return check::run("test_blocks", tests);
}

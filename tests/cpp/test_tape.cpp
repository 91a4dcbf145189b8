// The tape by itself: sweeps, what may happen in the middle of one, and going back.

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "check.hpp"
#include "graphs.hpp"
#include "reelgrad/tape/var.hpp"

namespace {

using check::expect;
using check::expect_same;
using check::expect_throws;
using graphs::chain;
using graphs::gradient_of;
using reelgrad::Index;
using reelgrad::Mark;
using reelgrad::Tape;
using reelgrad::Var;
namespace ops = reelgrad::ops;

constexpr Index kInterruptible = (Index{1} << 22) + 1000;  // operators: more than a sweep does between two questions

// --- Sweeps

void a_chain_of_ten_million_operators_differentiates() {
    Tape tape;
    const Var x = Var::variable(tape, 1.0);
    Var y = x;
    for (int k = 0; k < 5'000'000; ++k) y = (y + x) * 0.5;
    y.backward();
    expect(tape.size() == 10'000'000, "ten million operators");
    expect_same(x.grad(), 1.0, "the derivative of a mean of x with itself");
    expect(tape.bytes_used() <= 45 * tape.size(), "at most 45 bytes an operator");
}

void several_outputs_are_swept_at_once() {
    Tape tape;
    const Var a = Var::variable(tape, 2.0), b = Var::variable(tape, 3.0);
    const Var low = a * b, high = low * a, apart = exp(b);
    const std::vector<Index> outputs{high.index(), low.index(), high.index(), b.index()},
        inputs{a.index(), low.index(), b.index()};
    const std::vector<double> seeds{1.0, 10.0, 2.0, 0.5};
    std::vector<double> result(3);
    tape.gradient(outputs, seeds, inputs, result);
    // 3 a^2 b + 10 a b + b / 2
    expect_same(result[0], 3.0 * 12.0 + 10.0 * 3.0, "by a");
    expect_same(result[1], 3.0 * 2.0 + 10.0, "by an intermediate");
    expect_same(result[2], 3.0 * 4.0 + 10.0 * 2.0 + 0.5, "by b");
    expect_same(a.grad() + b.grad(), 0.0, "gradient() leaves variables alone");
    expect_same(apart.grad(), 0.0, "what lies beside gets nothing");
    tape.backward(outputs, seeds);
    tape.backward(outputs, seeds);
    expect_same(a.grad(), 2.0 * result[0], "backward() adds to variables");
    expect_same(low.grad(), result[1], "and overwrites intermediates");
    tape.zero_grad();
    expect_same(a.grad() + b.grad(), 0.0, "zero_grad()");
}

void a_sweep_costs_the_graph_of_its_output_and_leaves_the_rest() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0), w = Var::variable(tape, 5.0);
    const Var before = w * w;
    before.backward();
    const Var after = chain(x, 1000);
    after.backward();
    expect_same(w.grad(), 10.0, "an unrelated variable keeps its gradient");
    expect(!tape.has_adjoint(before.index()) && before.grad() == 0.0, "an intermediate below the sweep reads 0");
    expect(tape.has_adjoint(before.index() + 1), "the sweep ended at the oldest ancestor");
}

// Adjoints are cleared in steps as the sweep goes down: whatever its length, none of an earlier sweep may be left.
void graphs_of_any_length_start_from_cleared_adjoints() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var y = chain(x, 40'000);
    for (const Index length : {1, 127, 128, 129, 500, 4096, 12'289, 40'000}) {
        y.backward();  // leaves ones everywhere
        const Var z = Var(&tape, {length - 1, 2.0});
        const Var far = z * 3.0 + Var(&tape, {0, 2.0});
        expect_same(gradient_of(far, x), 4.0, "after a sweep that left adjoints, length " + std::to_string(length));
    }
}

void a_constant_operand_stays_on_the_tape() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var right = x * 3.5, left = 7.5 - x;
    const reelgrad::Edges& r = tape.edges(right.index());
    const reelgrad::Edges& l = tape.edges(left.index());
    expect(r.a == x.index() && reelgrad::is_sink(r.b) && r.partial_b == 3.5, "on the right");
    expect(l.b == x.index() && reelgrad::is_sink(l.a) && l.partial_a == 7.5, "on the left");
    const Var wide = fma(x, 2.0, 5.0);
    const auto parents = tape.wide().parents_of(0);
    const auto partials = tape.wide().partials_of(0);
    expect(wide.index() == tape.wide().node[0] && reelgrad::is_sink(parents[1]) && partials[1] == 2.0 &&
               partials[2] == 5.0,
           "in a row");
}

void wide_nodes_stand_between_plain_ones() {
    Tape tape;
    std::vector<Var> x;
    for (int k = 0; k < 1000; ++k) x.push_back(Var::variable(tape, 0.001 * k));
    Var total = 0.0;
    for (int k = 0; k < 50; ++k) total += dot(x, x) * 2.0 + sum(std::span<const Var>(x).first(10));
    total.backward();
    expect(tape.wide().size() == 100, "a row for each");
    expect(check::near(x[999].grad(), 50.0 * 4.0 * 0.999, 1e-12), "by an element of the dot products");
    expect(check::near(x[5].grad(), 50.0 * (4.0 * 0.005 + 1.0), 1e-12), "by one of the sums too");
}

void what_was_not_taken_does_not_count() {
    Tape tape;
    const Var x = Var::variable(tape, 0.0), w = Var::variable(tape, 3.0);
    const Var y = where(false, log(x), x + w * w) + sum(std::vector<Var>{where(0.0, sqrt(x), 1.0), w});
    y.backward();
    expect_same(x.grad(), 1.0, "log and sqrt of 0 were not taken");
    expect_same(w.grad(), 7.0, "the rest of the gradient");
    expect_same(gradient_of(sqrt(x), x), ops::infinity, "what is infinite stays");
}

struct Listener : reelgrad::AnomalyListener {
    std::vector<reelgrad::Anomaly> heard;
    void found(const Tape&, const reelgrad::Anomaly& anomaly) override {
        heard.push_back(anomaly);
        if (anomaly.kind == reelgrad::Anomaly::Kind::adjoint) throw std::domain_error("not finite");
    }
};

void a_listener_hears_where_an_adjoint_ceases_to_be_finite() {
    Tape tape;
    const Var x = Var::variable(tape, 0.0), w = Var::variable(tape, 3.0);
    const Var root = sqrt(x), y = root * w;
    const Index output = y.index();
    const double seed = 1.0;
    Listener listener;
    expect_throws<std::domain_error>([&] { tape.backward({&output, 1}, {&seed, 1}, &listener); },
                                     "its exception passes");
    expect(listener.heard.size() == 1 && listener.heard[0].node == root.index(), "at the square root");
    expect_same(w.grad(), 0.0, "gradients stay as they were");
    const Var masked = where(false, root, w);
    const Index harmless = masked.index();
    tape.backward({&harmless, 1}, {&seed, 1}, &listener);
    expect(listener.heard.size() == 2 && listener.heard[1].kind == reelgrad::Anomaly::Kind::absolute_zero,
           "0 * inf is told");
    expect_same(w.grad(), 1.0, "and the sweep goes on");
}

// --- Interrupts

int questions = 0;
Tape* asked_tape = nullptr;

void an_interrupted_sweep_leaves_gradients_as_before() {
    Tape tape;
    const Var x = Var::variable(tape, 1.0);
    const Var y = chain(x, kInterruptible);
    (x * 7.0).backward();
    questions = 0;
    tape.set_interrupt([] { return ++questions > 0; });
    expect_throws<reelgrad::Interrupted>([&] { y.backward(); }, "backward()");
    expect_throws<reelgrad::Interrupted>([&] { gradient_of(y, x); }, "gradient()");
    expect(questions == 2, "it asks once in four million operators");
    expect_same(x.grad(), 7.0, "the gradient is as before");
    expect_same(gradient_of(x * 3.0, x), 3.0, "a short sweep does not ask");
    tape.set_interrupt([] { return false; });
    y.backward();
    expect_same(x.grad(), 8.0, "a sweep that is not interrupted adds all of it");
}

void code_that_runs_in_the_middle_of_a_sweep_cannot_disturb_it() {
    Tape tape;
    const Var x = Var::variable(tape, 1.0);
    const Var y = chain(x, kInterruptible);
    const Mark mark = tape.mark();
    static Mark asked_mark;
    asked_tape = &tape;
    asked_mark = mark;
    tape.set_interrupt([] {
        Tape& t = *asked_tape;
        expect_throws<reelgrad::TapeBusyError>([&] { t.collect(); }, "collect() in a sweep");
        expect_throws<reelgrad::TapeBusyError>([&] { t.reset(); }, "reset() in a sweep");
        expect_throws<reelgrad::TapeBusyError>([&] { t.rewind(asked_mark); }, "rewind() in a sweep");
        const Var other = Var::variable(t, 2.0);
        const Var recorded = other * other;
        expect_throws<reelgrad::TapeBusyError>([&] { recorded.backward(); }, "backward() in a sweep");
        for (int k = 0; k < 5'000'000; ++k) static_cast<void>(other * 1.0);  // the tape grows
        return false;
    });
    y.backward();
    expect_same(x.grad(), 1.0, "the sweep under way is right");
    tape.set_interrupt(nullptr);
    tape.rewind(mark);
    expect(tape.size() == static_cast<std::size_t>(kInterruptible), "afterwards all is allowed again");
}

// --- Marks

void rewinding_goes_back_to_a_mark() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var kept = x * 2.0;
    const Mark outer = tape.mark();
    tape.set_name(Var::variable(tape, 1.0).index(), "gone");
    const Mark inner = tape.mark();
    static_cast<void>(sum(std::vector<Var>{x, kept}));
    tape.rewind(inner);
    expect(tape.size() == 1 && tape.variables() == 2 && tape.wide().size() == 0, "to the inner mark, rows too");
    tape.rewind(inner);
    tape.rewind(outer);
    expect(tape.size() == 1 && tape.variables() == 1, "to the outer mark, variables too");
    expect(tape.name(reelgrad::variable_index(1)) == nullptr, "names go with their variables");
    expect(!tape.knows(inner) && tape.knows(outer), "the inner mark went");
    expect_throws<reelgrad::StaleNodeError>([&] { tape.rewind(inner); }, "rewinding to it");
    expect_throws<reelgrad::StaleNodeError>([&] { tape.rewind(Mark{999}); }, "rewinding to a mark that never was");
    tape.release(outer);
    tape.release(outer);
    expect_throws<reelgrad::StaleNodeError>([&] { tape.rewind(outer); }, "rewinding to a released mark");
    expect(tape.stats().marks == 0, "no mark is left");
    expect_same(kept.value(), 4.0, "what stood below is there");
}

void gradients_left_by_a_sweep_survive_rewinding_above_them() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var y = x * x;
    const Mark mark = tape.mark();
    const Var z = y * 3.0;
    z.backward();
    tape.rewind(mark);
    const Var in_its_place = y * 5.0;
    expect_same(y.grad(), 3.0, "below the mark");
    expect_same(in_its_place.grad(), 0.0, "a new operator in the place of a swept one has none");
}

struct Refusing : reelgrad::Observer {
    int heard = 0;
    void recorded(Tape&, Index) override {
        if (++heard > 2) throw std::domain_error("enough");
    }
    void recorded_block(Tape& tape, const reelgrad::Block& block) override { recorded(tape, block.first); }
};

void an_operator_that_its_observer_refuses_is_taken_back() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    Refusing observer;
    tape.set_observer(&observer);
    const Var y = x * x, z = sum(std::vector<Var>{x, y});
    expect_throws<std::domain_error>([&] { z * 2.0; }, "a plain one");
    expect_throws<std::domain_error>([&] { fma(x, y, z); }, "a wide one");
    expect(tape.size() == 2 && tape.wide().size() == 1, "both are gone");
    tape.set_observer(nullptr);
    expect_same((z * 2.0).value(), 12.0, "what was there is there still");
}

}  // namespace

int main() {
    const auto tests = {
        a_chain_of_ten_million_operators_differentiates,
        several_outputs_are_swept_at_once,
        a_sweep_costs_the_graph_of_its_output_and_leaves_the_rest,
        graphs_of_any_length_start_from_cleared_adjoints,
        a_constant_operand_stays_on_the_tape,
        wide_nodes_stand_between_plain_ones,
        what_was_not_taken_does_not_count,
        a_listener_hears_where_an_adjoint_ceases_to_be_finite,
        an_interrupted_sweep_leaves_gradients_as_before,
        code_that_runs_in_the_middle_of_a_sweep_cannot_disturb_it,
        rewinding_goes_back_to_a_mark,
        gradients_left_by_a_sweep_survive_rewinding_above_them,
        an_operator_that_its_observer_refuses_is_taken_back,
    };
    return check::run("test_tape", tests);
}

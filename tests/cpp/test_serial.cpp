// Serials: how a Var finds its tape, and that nothing is found by one that has lost its meaning.

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "check.hpp"
#include "reelgrad/tape/var.hpp"

namespace {

using check::expect;
using check::expect_same;
using check::expect_throws;
using reelgrad::Mark;
using reelgrad::Serial;
using reelgrad::SerialRegistry;
using reelgrad::StaleNodeError;
using reelgrad::Tape;
using reelgrad::TapeMismatchError;
using reelgrad::TapeThreadError;
using reelgrad::Var;

constexpr reelgrad::SerialBlock kLastBlock = (std::uint64_t{1} << 32) / reelgrad::kSerialBlock - 1;

void two_tapes_by_turns_keep_apart() {
    Tape one, other;
    Var a = Var::variable(one, 2.0), b = Var::variable(other, 3.0);
    Var x = a, y = b;
    for (int k = 0; k < 10; ++k) {
        x = x * a;
        y = y + b;
    }
    expect(one.size() == 10 && other.size() == 10, "each records its own");
    expect(x.tape() == &one && y.tape() == &other, "tape()");
    x.backward();
    y.backward();
    expect_same(x.value(), 2048.0, "the one's value");
    expect_same(a.grad(), 11.0 * 1024.0, "the one's gradient");
    expect_same(y.value(), 33.0, "the other's value");
    expect_same(b.grad(), 11.0, "the other's gradient");
}

void two_tapes_do_not_mix_whichever_is_active() {
    Tape one, other;
    const Var a = Var::variable(one, 2.0), b = Var::variable(other, 3.0);
    for (const Var& last : {a, b}) {
        static_cast<void>(last * 1.0);
        expect_throws<TapeMismatchError>([&] { a* b; }, "a * b");
        expect_throws<TapeMismatchError>([&] { b - a; }, "b - a");
    }
    expect(one.size() == 1 && other.size() == 1, "nothing was recorded");
}

void a_rewind_makes_the_active_tape_s_values_stale() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Mark mark = tape.mark();
    const Var y = x * x;
    tape.rewind(mark);
    const Var in_its_place = x + 5.0;
    expect(in_its_place.index() == y.index(), "the index is used again");
    expect_throws<StaleNodeError>([&] { y * 2.0; }, "a removed value");
    expect_throws<StaleNodeError>([&] { y.value(); }, "its value()");
    expect_same((x * 2.0).value(), 4.0, "what stands below goes on");
}

void a_rewind_of_a_tape_that_is_not_active_counts() {
    Tape one, other;
    const Var x = Var::variable(one, 2.0), z = Var::variable(other, 1.0);
    const Mark mark = one.mark();
    const Var y = x * x;
    static_cast<void>(z + 1.0);  // the other is active now
    one.rewind(mark);
    expect_throws<StaleNodeError>([&] { y * 2.0; }, "a value removed while another tape was active");
    expect_same((x * 3.0).value(), 6.0, "what stands below goes on");
}

void a_collection_makes_the_active_tape_s_values_stale() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0), y = x * x;
    tape.collect();
    const Var z = Var::variable(tape, 7.0) * 1.0;
    expect(z.index() == y.index(), "the index is used again");
    expect_throws<StaleNodeError>([&] { y + 1.0; }, "an operator");
    expect_throws<StaleNodeError>([&] { x + 1.0; }, "a variable");
}

// More rewinds than a block has serials: values of every age know their fate, and no index is mistaken for another.
void values_of_every_age_know_their_fate() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    struct Aged {
        Var var;
        double value;
    };
    std::vector<Aged> kept, removed;
    for (int k = 0; k < 3 * static_cast<int>(reelgrad::kSerialBlock); ++k) {
        const Var copy = x;
        if (k % 1000 == 0) kept.push_back({copy + k, 2.0 + k});
        const Mark mark = tape.mark();
        const Var above = copy * k;
        if (k % 1000 == 0) removed.push_back({above, 2.0 * k});
        tape.rewind(mark);
        tape.release(mark);
    }
    for (const Aged& aged : kept) {
        expect_same(aged.var.value(), aged.value, "what was recorded below every rewind since");
        expect_same((aged.var * 1.0).value(), aged.value, "as an operand");
    }
    for (const Aged& aged : removed) expect_throws<StaleNodeError>([&] { aged.var.value(); }, "what a rewind removed");
    const Var copy = x;
    tape.collect();
    expect_throws<StaleNodeError>([&] { copy.value(); }, "a collection ends them all");
}

void going_back_mark_by_mark_keeps_what_each_mark_keeps() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    std::vector<Mark> marks;
    std::vector<Var> values;
    for (int k = 0; k < 100; ++k) {
        values.push_back(x * k);
        marks.push_back(tape.mark());
    }
    for (std::size_t k = marks.size(); k-- > 50;) {
        static_cast<void>(x + 1.0);
        tape.rewind(marks[k]);
        values[k].value();  // an error would end the test
        if (k + 1 < values.size()) expect_throws<StaleNodeError>([&] { values[k + 1].value(); }, "above the mark");
    }
    for (std::size_t k = 0; k < 50; ++k)
        expect_same(values[k].value(), 2.0 * static_cast<double>(k), "below all marks");
}

void a_value_whose_tape_is_gone_is_refused() {
    auto tape = std::make_unique<Tape>();
    const Var x = Var::variable(*tape, 2.0);
    const Var y = x * x;  // its tape is the active one
    tape.reset();
    const auto expect_refused = [&] {
        expect_throws<StaleNodeError>([&] { y.value(); }, "value()");
        expect_throws<StaleNodeError>([&] { y.grad(); }, "grad()");
        expect_throws<StaleNodeError>([&] { y.backward(); }, "backward()");
        expect_throws<StaleNodeError>([&] { y.tape(); }, "tape()");
        expect_throws<StaleNodeError>([&] { y + 1.0; }, "as an operand");
        expect_throws<StaleNodeError>([&] { sum(std::vector<Var>{y}); }, "in a sum");
    };
    expect_refused();
    Tape next;  // in the same memory, perhaps
    expect_refused();
    expect_throws<StaleNodeError>([&] { Var::variable(next, 1.0) * y; }, "beside a value of a living tape");
}

void a_tape_that_ends_on_another_thread_leaves_no_active_tape_behind() {
    auto tape = std::make_unique<Tape>();
    const Var x = Var::variable(*tape, 2.0), y = x * x;
    std::thread([&] { tape.reset(); }).join();
    expect_throws<StaleNodeError>([&] { y* x; }, "a value of it");
}

void other_threads_are_refused() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0), y = x * x;
    std::thread([&] {
        expect_throws<TapeThreadError>([&] { x* y; }, "before the thread has a tape");
        expect_throws<TapeThreadError>([&] { x.value(); }, "value()");
        expect_throws<TapeThreadError>([&] { Var::variable(tape, 1.0); }, "a variable");
        Tape own;
        const Var z = Var::variable(own, 3.0) * 2.0;
        expect_throws<TapeThreadError>([&] { x* y; }, "while the thread's own tape is active");
        expect_throws<TapeThreadError>([&] { z* y; }, "mixed with a value of its own");
        expect_same((z + 1.0).value(), 7.0, "its own goes on");
    }).join();
    expect(tape.size() == 1, "nothing was recorded");
    expect_same((y * 2.0).value(), 8.0, "the owner goes on");
}

void a_tape_outlives_its_thread_and_is_nobody_s() {
    std::unique_ptr<Tape> tape;
    std::optional<Var> x;
    std::thread([&] {
        tape = std::make_unique<Tape>();
        x = Var::variable(*tape, 2.0);
        *x = *x * 2.0;
    }).join();
    expect_throws<TapeThreadError>([&] { *x + 1.0; }, "a value of a thread that ended");
    tape.reset();
    expect_throws<StaleNodeError>([&] { *x + 1.0; }, "and without its tape");
}

void constants_need_no_tape_and_change_none() {
    Tape tape;
    const Var x = Var::variable(tape, 3.0);
    static_cast<void>(x * 1.0);
    const Var c = 2.0, d = c * c + 1.0;
    expect(d.is_constant() && d.serial() == reelgrad::kNoSerial, "of constants comes a constant");
    expect(tape.size() == 1, "and no entry, though a tape is active");
    const Var left = c * x, right = x * c;
    expect_same(left.value(), 6.0, "a constant on the left");
    expect_same(right.value(), 6.0, "a constant on the right");
    (left + right).backward();
    expect_same(x.grad(), 4.0, "their gradient");
}

void an_entry_becomes_a_var() {
    Tape tape;
    const Var x = Var::variable(tape, 3.0), y = x * 2.0;
    const Var again(&tape, {y.index(), tape.value(y.index())});
    again.backward();
    expect_same(again.value(), 6.0, "its value");
    expect_same(x.grad(), 2.0, "its gradient");
    expect(Var(nullptr, {0, 5.0}).is_constant(), "without a tape it is a constant");
    tape.set_value(x.index(), 10.0);
    expect_same(x.value(), 3.0, "a Var keeps the value that it was made with");
}

void serials_that_ran_through_skip_what_living_tapes_hold() {
    SerialRegistry& registry = SerialRegistry::instance();
    Tape living;
    const Var x = Var::variable(living, 2.0), untouched = x;
    const Serial held = living.serial();
    registry.set_next(kLastBlock);
    Tape last;
    const Var y = Var::variable(last, 3.0), old = y;
    expect(last.serial() / reelgrad::kSerialBlock == kLastBlock, "the last block");
    registry.set_next(held / reelgrad::kSerialBlock);
    Tape first;
    expect(first.serial() / reelgrad::kSerialBlock != held / reelgrad::kSerialBlock, "a held block is not issued");
    expect_same((untouched * 2.0).value(), 4.0, "and its values are what they were");

    // A tape whose serials wrap: from the last number to low ones.
    registry.set_next(kLastBlock);
    const Mark mark = last.mark();
    for (Serial k = 0; k < 2 * reelgrad::kSerialBlock; ++k) {
        const Var copy = y;
        static_cast<void>(copy * 2.0);
        last.rewind(mark);
    }
    expect(last.serial() / reelgrad::kSerialBlock < kLastBlock, "wrapped");
    expect_same(old.value(), 3.0, "older serials keep their meaning, though they are the higher numbers");
    registry.set_next(1);
}

}  // namespace

int main() {
    return check::run("test_serial", {
                                         two_tapes_by_turns_keep_apart,
                                         two_tapes_do_not_mix_whichever_is_active,
                                         a_rewind_makes_the_active_tape_s_values_stale,
                                         a_rewind_of_a_tape_that_is_not_active_counts,
                                         a_collection_makes_the_active_tape_s_values_stale,
                                         values_of_every_age_know_their_fate,
                                         going_back_mark_by_mark_keeps_what_each_mark_keeps,
                                         a_value_whose_tape_is_gone_is_refused,
                                         a_tape_that_ends_on_another_thread_leaves_no_active_tape_behind,
                                         other_threads_are_refused,
                                         a_tape_outlives_its_thread_and_is_nobody_s,
                                         constants_need_no_tape_and_change_none,
                                         an_entry_becomes_a_var,
                                         serials_that_ran_through_skip_what_living_tapes_hold,
                                     });
}

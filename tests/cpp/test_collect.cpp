// What a tape does when it is full: it collects what no handle needs, grows, or refuses; and what handles know.

#include <cstddef>
#include <new>
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
using reelgrad::AddressSpace;
using reelgrad::Handle;
using reelgrad::HandleSlabs;
using reelgrad::Index;
using reelgrad::Mark;
using reelgrad::Tape;
using reelgrad::Var;
namespace ops = reelgrad::ops;

// --- Handles and collection

struct Handles {
    Tape& tape;
    Handle* operator()(const Var& x) const {
        if (!tape.handles().has_free()) tape.handles().add_slab();
        return tape.make_handle(x.index());
    }
    double value(Handle* h) const { return tape.refresh(*h) ? tape.value(h->index) : -1.0; }
};

void a_collection_keeps_what_handles_need() {
    Tape tape;
    const Handles handle{tape};
    Handle *variable, *wide, *far;
    Mark mark;
    {
        static_cast<void>(Var::variable(tape, 9.0));  // in front of all, and needed by nobody
        const Var x = Var::variable(tape, 2.0), w = Var::variable(tape, 3.0);
        tape.set_name(x.index(), "x");
        chain(x, 1000);
        const Var total = sum(std::vector<Var>{x, x * 5.0, w});
        chain(total, 70);
        mark = tape.mark();
        const Var last = chain(total, 3) * 2.0;
        tape.set_source(last.index(), 77);
        last.backward();
        chain(w, 1000);
        variable = handle(x);
        wide = handle(total);
        far = handle(last);
    }
    expect(tape.collect() == 1000 + 70 + 1000 + 1, "what nobody needs is freed");
    expect(tape.size() == 6 && tape.variables() == 2 && tape.wide().size() == 1, "what is needed stays");
    expect_same(handle.value(variable), 2.0, "a variable");
    expect_same(handle.value(wide), 15.0, "a wide node");
    expect_same(handle.value(far), 30.0, "an operator");
    expect_same(tape.grad(variable->index), 12.0, "the variable's gradient");
    expect_same(tape.grad(wide->index), 2.0, "an intermediate's gradient");
    expect(tape.name(variable->index) != nullptr && *tape.name(variable->index) == "x", "its name");
    expect(tape.source(far->index) != nullptr && *tape.source(far->index) == 77, "its source");
    const double seed = 1.0;
    tape.zero_grad();
    tape.backward({&far->index, 1}, {&seed, 1});
    expect_same(tape.grad(variable->index), 12.0, "the graph differentiates as before");
    tape.rewind(mark);
    expect(tape.size() == 2 && handle.value(far) == -1.0 && handle.value(wide) == 15.0, "the mark moved with it");
    tape.handles().give_back(wide);
    tape.handles().give_back(variable);
    tape.handles().give_back(far);
    expect(tape.collect() == 4 && tape.size() == 0 && tape.variables() == 0, "without handles nothing is needed");
}

void a_full_tape_collects_before_it_grows() {
    Tape tape;
    const Handles handle{tape};
    Handle* x = handle(Var::variable(tape, 1.0));
    const std::size_t capacity = tape.stats().capacity;
    for (std::size_t k = 0; k < 20 * capacity; ++k) {
        tape.make_room(true);
        tape.record<ops::Square>(tape.operand(x->index));
    }
    expect(tape.stats().capacity == capacity && tape.stats().collections >= 19,
           "twenty times its capacity went through");
    // Three quarters alive: growing is the cheaper way.
    std::vector<Handle*> alive;
    while (tape.stats().capacity == capacity) {
        tape.make_room(true);
        const auto entry = tape.record<ops::Square>(tape.operand(x->index));
        if (entry.index % 4 != 0) alive.push_back(handle(Var(&tape, entry)));
    }
    expect(tape.stats().capacity == 2 * capacity, "it doubles");
    double total = 0.0;
    for (Handle* h : alive) total += handle.value(h);
    expect_same(total, static_cast<double>(alive.size()), "and every handle has its value");
}

void rows_alone_make_a_tape_collect() {
    Tape tape;
    const Handles handle{tape};
    Handle* x = handle(Var::variable(tape, 1.0));
    const std::vector<double> ones(10'000, 1.0);
    std::size_t most = 0;
    for (int k = 0; k < 2000; ++k) {
        tape.make_room(true, 1, ones.size());
        const std::vector<Index> parents(ones.size(), x->index);
        tape.record_wide(reelgrad::opcode_of<ops::Sum>, 1e4, parents, ones);
        most = std::max(most, tape.stats().bytes_committed);
    }
    expect(most < std::size_t{64} << 20, "twenty million row entries in less than 64 MiB");
}

void a_pinned_tape_grows_instead() {
    Tape tape;
    {
        const reelgrad::Pin outer(tape);
        {
            const reelgrad::Pin inner(tape);
        }
        const Var x = Var::variable(tape, 1.0);
        for (std::size_t k = 0; k < 3 * Tape::kFirstCapacity; ++k) {
            tape.make_room(true);
            tape.record<ops::Square>(x.operand());
        }
        expect(tape.size() == 3 * Tape::kFirstCapacity && tape.stats().collections == 0, "nothing was collected");
    }
    expect(tape.collect() == 3 * Tape::kFirstCapacity + 1, "unpinned, all is");
}

// Handles that nobody looked at while the history of rewinds was forgotten several times over.
void handles_know_their_fate_after_many_rewinds() {
    Tape tape;
    const Handles handle{tape};
    const Var x = Var::variable(tape, 2.0);
    Handle* const kept = handle(x * 3.0);
    std::vector<Handle*> gone;
    const Mark mark = tape.mark();
    for (int k = 0; k < 3 * 4096 + 17; ++k) {
        const Var y = x * static_cast<double>(k);
        if (k % 1000 == 0) gone.push_back(handle(y));
        tape.rewind(mark);
    }
    static_cast<void>(chain(x, 100));  // entries in the place of those removed
    expect_same(handle.value(kept), 6.0, "a handle below the mark");
    for (Handle* h : gone) expect(!tape.refresh(*h), "a handle above the mark");
}

void handles_of_ten_thousand_nested_marks_know_their_fate() {
    Tape tape;
    const Handles handle{tape};
    const Var x = Var::variable(tape, 2.0);
    std::vector<Mark> marks;
    std::vector<Handle*> handles;
    for (int k = 0; k < 10'000; ++k) {
        marks.push_back(tape.mark());
        handles.push_back(handle(x * static_cast<double>(k)));
    }
    for (std::size_t k = marks.size(); k-- > 5000;) tape.rewind(marks[k]);
    for (std::size_t k = 0; k < handles.size(); ++k) {
        expect_same(handle.value(handles[k]), k < 5000 ? 2.0 * static_cast<double>(k) : -1.0,
                    "handle " + std::to_string(k));
    }
}

// --- Out of room

// That a tape can still do everything, and holds what it held.
void expect_usable(Tape& tape, const Var& x, std::size_t size, const std::string& when) {
    expect(tape.size() == size, when + ": nothing was recorded");
    expect_same(x.value(), 2.0, when + ": values can be read");
    const Mark mark = tape.mark();
    tape.rewind(mark);
    tape.zero_grad();
    x.backward();
    expect_same(x.grad(), 1.0, when + ": it sweeps");
}

void a_tape_at_its_limit_refuses_and_stays_usable() {
    Tape tape(100);
    const Var x = Var::variable(tape, 2.0);
    const Mark mark = tape.mark();
    const Var y = chain(x, 99);
    const Var last = y * 1.0;
    expect_throws<reelgrad::TapeMemoryError>([&] { y * 1.0; }, "the operator above the limit");
    expect_throws<reelgrad::TapeMemoryError>([&] { sum(std::vector<Var>{x, y}); }, "a wide one");
    expect_throws<reelgrad::TapeMemoryError>([&] { 2.0 / y; }, "one with a constant");
    expect_usable(tape, x, 100, "at its limit");
    expect_same(gradient_of(last, x), 1.0, "a full tape differentiates");
    for (int k = 0; k < 99; ++k) Var::variable(tape, 1.0);
    expect_throws<reelgrad::TapeMemoryError>([&] { Var::variable(tape, 1.0); }, "the variable above the limit");
    tape.rewind(mark);
    expect_same((x * 4.0).value(), 8.0, "after a rewind there is room");
    Tape smallest(1);
    const Var only = Var::variable(smallest, 2.0);
    static_cast<void>(only * only);
    expect_throws<reelgrad::TapeMemoryError>([&] { only* only; }, "a tape for one operator");
}

void a_collection_makes_room_at_the_limit() {
    Tape tape(100);
    const Handles handle{tape};
    Handle* x = handle(Var::variable(tape, 1.0));
    std::vector<Handle*> alive;
    for (int k = 0; k < 10'000; ++k) {
        tape.make_room(true);
        const auto entry = tape.record<ops::Square>(tape.operand(x->index));
        if (k % 200 == 0) alive.push_back(handle(Var(&tape, entry)));  // at the end 50 of 100 live
        tape.add_variable(0.5, true);
    }
    expect(tape.size() <= 100 && tape.variables() <= 100, "ten thousand operators and variables went through");
    while (alive.size() < 100) {
        tape.make_room(true);
        alive.push_back(handle(Var(&tape, tape.record<ops::Square>(tape.operand(x->index)))));
    }
    expect_throws<reelgrad::TapeMemoryError>([&] { tape.make_room(true); }, "all of it alive");
    tape.handles().give_back(alive.back());
    tape.make_room(true);
    expect(tape.size() == 99, "with one let go there is room for one");
}

void a_refused_commit_leaves_the_tape_usable() {
    for (int nth = 0; nth < 4; ++nth) {  // each of the columns
        const std::string when = "commit " + std::to_string(nth) + " refused";
        Tape tape;
        const Var x = Var::variable(tape, 2.0);
        const Var y = chain(x, static_cast<Index>(Tape::kFirstCapacity));
        AddressSpace::fail_commit(nth);
        expect_throws<reelgrad::TapeMemoryError>([&] { y * 3.0; }, when);
        AddressSpace::fail_commit(0, 0);
        expect_usable(tape, x, Tape::kFirstCapacity, when);
        const Var z = y * 3.0;
        expect_same(gradient_of(z, x), 3.0, when + ": with memory again it goes on");
    }
    for (int nth = 0; nth < 3; ++nth) {
        const std::string when = "commit " + std::to_string(nth) + " for variables refused";
        Tape tape;
        const Var x = Var::variable(tape, 2.0);
        AddressSpace::fail_commit(nth);
        expect_throws<reelgrad::TapeMemoryError>(
            [&] {
                while (true) Var::variable(tape, 1.0);
            },
            when);
        AddressSpace::fail_commit(0, 0);
        const std::size_t variables = tape.variables();
        expect_usable(tape, x, 0, when);
        Var::variable(tape, 1.0);
        expect(tape.variables() == variables + 1, when + ": with memory again it goes on");
    }
    for (int nth = 0; nth < 7; ++nth) {
        AddressSpace::fail_commit(nth);
        expect_throws<std::bad_alloc>([] { const Tape tape; }, "a new tape without memory");
    }
    AddressSpace::fail_commit(0, 0);
}

void a_refused_slab_leaves_the_tape_usable() {
    Tape tape;
    const Handles handle{tape};
    const Var x = Var::variable(tape, 2.0);
    Handle* const first = handle(x);
    while (tape.handles().has_free()) handle(x);
    const std::size_t live = tape.handles().live();
    HandleSlabs::fail_next_slab();
    expect_throws<std::bad_alloc>([&] { tape.handles().add_slab(); }, "a slab without memory");
    expect(tape.handles().live() == live && !tape.handles().has_free(), "nothing changed");
    expect_same(handle.value(handle(x * 2.0)), 4.0, "with memory again it goes on");
    expect_same(handle.value(first), 2.0, "and old handles are there");
}

}  // namespace

int main() {
    const auto tests = {
        a_collection_keeps_what_handles_need,
        a_full_tape_collects_before_it_grows,
        rows_alone_make_a_tape_collect,
        a_pinned_tape_grows_instead,
        handles_know_their_fate_after_many_rewinds,
        handles_of_ten_thousand_nested_marks_know_their_fate,
        a_tape_at_its_limit_refuses_and_stays_usable,
        a_collection_makes_room_at_the_limit,
        a_refused_commit_leaves_the_tape_usable,
        a_refused_slab_leaves_the_tape_usable,
    };
    return check::run("test_collect", tests);
}

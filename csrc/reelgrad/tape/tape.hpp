// tape/tape.hpp: the tape, an append-only record of scalar operations.
//
// Each operation stores its value, its parents and the partials with respect to them; a variable stores its value and
// the gradient that reverse sweeps add to. The tape belongs to the thread that made it. This file holds the data and
// the hot path; the reverse sweep is in sweep.cpp, collection in collect.cpp, marks and serials in tape.cpp.
//
// Invariants:
//   - parents stand before their operator, or are variables, or sinks;
//   - the adjoints of variables and sinks do not matter between sweeps, but those of variables are zero;
//   - a recorded entry never changes, except that a variable's value and gradient may be set.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reelgrad/ops/contributions.hpp"
#include "reelgrad/ops/reductions.hpp"
#include "reelgrad/tape/block.hpp"
#include "reelgrad/tape/column.hpp"
#include "reelgrad/tape/entry_set.hpp"
#include "reelgrad/tape/errors.hpp"
#include "reelgrad/tape/handle.hpp"
#include "reelgrad/tape/index.hpp"
#include "reelgrad/tape/serial.hpp"
#include "reelgrad/tape/thread.hpp"
#include "reelgrad/tape/trace.hpp"
#include "reelgrad/tape/wide.hpp"

namespace reelgrad {

// The two edges of an operator. A one-parent operator keeps its constant operand, if it has one, in the free partial,
// so that nothing of the expression is lost; the free parent is a sink.
struct Edges {
    double partial_a, partial_b;
    Index a, b;
};

static_assert(ops::Primitives::size + ops::Reductions::size + ops::Conditions::size + ops::Contributions::size <=
                  static_cast<std::size_t>(kRuleOpcode),
              "an opcode is one byte");

template <class Op>
inline constexpr auto opcode_of = [] {
    if constexpr (ops::Primitive<Op>) {
        return static_cast<Opcode>(ops::opcode_v<Op>);
    } else if constexpr (ops::detail::position<Op>(ops::Reductions{}) < ops::Reductions::size) {
        return static_cast<Opcode>(ops::Primitives::size + ops::detail::position<Op>(ops::Reductions{}));
    } else if constexpr (ops::detail::position<Op>(ops::Conditions{}) < ops::Conditions::size) {
        return static_cast<Opcode>(ops::Primitives::size + ops::Reductions::size +
                                   ops::detail::position<Op>(ops::Conditions{}));
    } else {
        static_assert(ops::detail::position<Op>(ops::Contributions{}) < ops::Contributions::size);
        return static_cast<Opcode>(ops::Primitives::size + ops::Reductions::size + ops::Conditions::size +
                                   ops::detail::position<Op>(ops::Contributions{}));
    }
}();

std::string_view name_of(Opcode opcode);
// Whether a partial of 0 means that there is no edge.
bool is_selecting(Opcode opcode);

// A place in the recording to go back to. Plain data; a tape remaps its live marks when it collects.
struct Mark {
    std::uint64_t id = 0;
};

// Told of each recorded operator while it is installed (and recording then takes the slow path).
class Observer {
  public:
    virtual ~Observer() = default;
    virtual void recorded(Tape& tape, Index i) = 0;  // may throw: the operator is then taken back
    virtual void recorded_block(Tape& tape, const Block& block) = 0;
};

struct TapeStats {
    std::size_t operators, variables, wide, blocks, handles, sets, marks;
    std::size_t capacity, limit;
    std::size_t bytes_used, bytes_committed;
    std::uint64_t collections, collected, rewinds;
};

// Where a checked sweep first met a value that is not finite.
struct Anomaly {
    enum class Kind { none, adjoint, absolute_zero } kind = Kind::none;
    Index node = 0;
    double adjoint = 0, partial = 0, contribution = 0;
};

// Told of what a checked sweep found, before any gradient changes. Must throw for an adjoint that is not finite; if it
// throws, gradients stay as they were.
class AnomalyListener {
  public:
    virtual ~AnomalyListener() = default;
    virtual void found(const Tape& tape, const Anomaly& anomaly) = 0;
};

class Tape {
  public:
    static constexpr std::size_t kDefaultLimit = std::size_t{1} << 30;
    static constexpr std::size_t kFirstCapacity = std::size_t{1} << 16;

    // `limit`: the most operators, and the most variables, that it will hold. Lowered if the system has no such address
    // space.
#if defined(REELGRAD_EXTENSION)
    Tape() = delete;  // tapes of an extension are those of reelgrad._core: current_tape(), or an OwnTape
#else
    explicit Tape(std::size_t limit = kDefaultLimit, HandleSlabs::Header header = {});
#endif
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;
    virtual ~Tape();

    // --- Recording. Preconditions of the record functions: has_room(), and operands valid on this tape.

    bool has_room() const { return size_ < fast_end_; }
    bool is_mine() const { return owner_ == known_thread_id(); }
    bool is_current(const Handle& h) const { return h.serial == serial_; }
    // False for a tape made by another copy of this library, with serials of its own.
    bool is_of_this_library() const;

    // Operands come with their values, which the caller has at hand.
    struct Operand {
        Index index;
        double value;
    };
    struct Recorded {
        Index index;
        double value;
    };
    template <class Op>
    Recorded record(Operand a);
    template <class Op>
    Recorded record(Operand a, Operand b);
    template <class Op>
    Recorded record(Operand a, double b);
    template <class Op>
    Recorded record(double a, Operand b);
    Operand operand(Index i) const { return {i, values_[i]}; }
    // An operator with any number of operands: row_parents[k] is a sink where operand k is the constant
    // row_partials[k]. Needs room for one operator; the row makes its own.
    Recorded record_wide(Opcode opcode, double value, std::span<const Index> row_parents,
                         std::span<const double> row_partials);

    // A block: make room, write its values to where new_values() points and whatever else it keeps to blocks(), then
    // record it, with `count` set and `first` as size() says. If it does not come to that, blocks().abandon() what was
    // stored. Recording may throw (a full list, the observer), leaving the tape as it was.
    double* new_values() { return values_ + size_; }
    Index record_block(Block block);

    Index add_variable(double value, bool may_collect = false);
    // As many as there are values; the first one's index. Their indices ascend, so that they are a run.
    Index add_variables(std::span<const double> values, bool may_collect = false);

    // Makes room for so many operators, with rows of `row` parents in all: collects first if it may, grows if that was
    // not enough. If there is not even room for one it throws TapeMemoryError, leaving the tape as it was.
    void make_room(bool may_collect, std::size_t operators = 1, std::size_t row = 0);
    // The same for a block of so many entries, which have to fit.
    void make_block_room(bool may_collect, std::size_t entries);
    // After recording operator i on the slow path: tells the observer; takes the operator back if that throws.
    void observe(Index i);
    // Removes the operators from `size` on: to undo what was recorded in part.
    void take_back(std::size_t size) { rewind_to({size, variables_}); }

    // --- Reading and setting.

    std::size_t size() const { return size_; }
    std::size_t variables() const { return variables_; }
    Serial serial() const { return serial_; }
    double value(Index i) const { return values_[i]; }
    double grad(Index i) const;  // a variable's gradient, or the operator's adjoint in the last sweep (else 0)
    bool has_adjoint(Index i) const { return is_operator(i) && i >= swept_from_ && i <= swept_to_; }
    Opcode opcode(Index i) const { return opcodes_[i]; }
    const Edges& edges(Index i) const { return edges_[i]; }
    const WideNodes& wide() const { return wide_; }
    const Blocks& blocks() const { return blocks_; }
    Blocks& blocks() { return blocks_; }
    // The operator's name, that of the rule for an entry of a block with one.
    std::string_view operator_name(Index i) const;
    const double* values(Index first) const { return values_ + first; }
    double* variable_values(Index first) { return values_ + first; }
    void set_value(Index variable, double value) { values_[variable] = value; }
    void set_grad(Index variable, double grad) { grads_[variable] = grad; }
    void zero_grad();
    const std::string* name(Index variable) const;
    void set_name(Index variable, std::string name) { names_[variable] = std::move(name); }
    // A number of the owner's (a source line, say) kept with an operator. None: nullptr.
    void set_source(Index i, std::uint32_t source) { sources_.emplace_back(i, source); }
    const std::uint32_t* source(Index i) const;

    // --- The reverse sweep (sweep.cpp).

    // Adds seeds[k] * d(outputs[k])/d(variable) to each variable's gradient and leaves the operators' adjoints
    // readable. All or nothing: if it throws, gradients are as before. With a listener each step is checked.
    void backward(std::span<const Index> outputs, std::span<const double> seeds, AnomalyListener* listener = nullptr);
    // d(sum of seeded outputs)/d(xs[k]) into result[k]; variables' gradients stay as they are.
    void gradient(std::span<const Index> outputs, std::span<const double> seeds, std::span<const Index> xs,
                  std::span<double> result, AnomalyListener* listener = nullptr);
    // Asked now and then during a long sweep; true: stop, throwing Interrupted. The hook may record on the tape, but
    // not sweep, rewind or collect it: that throws TapeBusyError.
    void set_interrupt(bool (*interrupt)()) { interrupt_ = interrupt; }

    // --- Going back (tape.cpp).

    Mark mark();
    void release(Mark mark);  // forget it; unknown marks are ignored
    bool knows(Mark mark) const;
    Extent extent_of(Mark mark) const;  // how much there was then; throws StaleNodeError for an unknown mark
    void rewind(
        Mark mark);  // removes what was recorded since, variables too; throws StaleNodeError for an unknown mark
    void reset();    // removes all operators; variables stay

    // --- Handles.

    HandleSlabs& handles() { return handles_; }
    const HandleSlabs& handles() const { return handles_; }
    // A handle to entry i in a free slot. Precondition: handles().has_free().
    Handle* make_handle(Index i) {
        Handle* handle = handles_.take();
        handle->tape = this;
        handle->index = i;
        handle->serial = serial_;
        return handle;
    }
    // True if the entry is still there; brings the handle's serial up to date either way.
    bool refresh(Handle& handle) const;
    bool is_valid(Index i, Serial serial) const { return serial == serial_ || survived(i, moment_of(serial)); }
    // A set of entries, which the caller holds: to be released. May throw std::bad_alloc.
    EntrySet* make_set(Index first, std::size_t size);
    EntrySet* make_set(std::vector<Index> list);
    static EntrySet* hold(EntrySet* set) {
        ++set->holders_;
        return set;
    }
    void release(EntrySet* set);
    // True if all entries are still there; brings the set's serial up to date either way.
    bool refresh(EntrySet& set) const;
    std::size_t sets() const { return sets_.size(); }

    // Makes this the thread's active tape, which Vars find by its serial alone. Precondition: is_mine().
    void activate();

    // --- Traces (trace.hpp).

    // Makes this the tape of a trace, until end_trace(): it never collects, and is not swept or rewound.
    void begin_trace(TraceLog& log);
    // Removes all that was recorded: Nodes that the traced code let out are stale.
    void end_trace();
    TraceLog* trace() const { return trace_; }  // nullptr unless tracing
    bool tracing() const { return trace_ != nullptr; }
    bool was_traced() const { return was_traced_; }
    bool is_outside_a_trace() const { return outside_ > 0; }
    // A tape made before a trace that is under way stands outside of it: what its entries decide would be frozen.
    void stand_outside(bool outside);
    // Whether comparisons are plain bools: on all tapes but the two kinds above.
    bool compares_by_value() const { return compares_by_value_; }
    // Throws TapeMismatchError: `what` was given entries of this tape and of another one.
    [[noreturn]] void refuse_mixing(std::string_view what, const Tape& other) const;

    // --- Memory (collect.cpp).

    // Removes what no handle needs and moves the rest together; returns how many entries that freed.
    // Does nothing while pinned.
    std::size_t collect();
    void pin() { ++pins_; }
    void unpin() { --pins_; }
    bool pinned() const { return pins_ > 0; }

    void set_observer(Observer* observer);
    Observer* observer() const { return observer_; }

    std::size_t bytes_used() const;
    TapeStats stats() const;

    // Where the members lie that inline functions use, by name: what is compiled apart from this library must agree on.
    template <class Visitor>
    void for_each_place(Visitor&& visit) const;

    // How many owners there are, for those who share a tape: with the last owner gone it lives as long as its handles.
    int owners = 0;
    bool abandoned() const { return owners == 0 && handles_.live() == 0 && sets_.empty(); }

  private:
    struct LiveMark {
        std::uint64_t id;
        Extent extent;
    };
    // The tape's own count of its serials, which ascends where those of the process jump or wrap.
    using Moment = std::uint64_t;
    // What existed at a moment up to `until` (and after the fate before) is still there as far as `lowest`.
    struct Fate {
        Moment until;
        Extent lowest;
    };
    struct Survivors;
    class Busy;

    Extent extent() const { return {size_, variables_}; }
    void rewind_to(Extent extent);
    Moment moment_of(Serial serial) const;  // 0 if it was none of the tape's
    bool survived(Index i, Moment moment) const;
    Serial next_serial();
    bool take_serial_block();
    void begin(Serial serial);
    void forget_past();
    bool grow();
    bool grow_variables();
    void update_fast_end() { fast_end_ = observer_ == nullptr ? capacity_ : 0; }
    Survivors survivors() const;
    std::size_t compact(const Survivors& kept);
    void mark_parents(Survivors& kept, std::size_t begin, std::size_t end, std::size_t& wide) const;
    void mark_operands(Survivors& kept, const Block& block) const;
    void make_variable_room(bool may_collect, std::size_t count);
    EntrySet* register_set(std::unique_ptr<EntrySet> set);
    Recorded push(Edges edges, double value, Opcode opcode) {
        const std::size_t i = size_;
        edges_[i] = edges;
        values_[i] = value;
        opcodes_[i] = opcode;
        size_ = i + 1;
        return {static_cast<Index>(i), value};
    }

    // sweep.cpp
    struct Swept {
        Index from, to;
    };
    Swept sweep(std::span<const Index> outputs, std::span<const double> seeds, AnomalyListener* listener);
    Swept sweep_adjoints(std::span<const Index> outputs, std::span<const double> seeds, bool checked, Anomaly* anomaly);
    void sweep_block_at(std::size_t index, bool checked, Anomaly* anomaly);
    template <class Visitor>
    void for_each_touched_variable(Swept swept, std::span<const Index> outputs, Visitor&& visit) const;
    void clear_variable_adjoints();
    void require_idle(const char* what) const;
    void require_not_tracing(const char* what) const;

    // The hot path's data comes first, on the same cache lines.
    std::size_t size_ = 0;
    std::size_t fast_end_ = 0;  // capacity, or 0 while each recording has to take the slow path
    Edges* edges_ = nullptr;
    double* values_ = nullptr;
    Opcode* opcodes_ = nullptr;
    ThreadId owner_;
    Serial serial_ = kStale;
    bool compares_by_value_ = true;
    HandleSlabs handles_;

    double* adjoints_ = nullptr;
    double* grads_ = nullptr;
    std::size_t variables_ = 0;
    std::size_t capacity_ = 0;
    std::size_t variable_capacity_ = 0;
    std::size_t limit_;
    Index swept_from_ = 0, swept_to_ = -1;  // the operators whose adjoints the last sweep left

    Column<Edges> edge_column_;
    Column<double> value_column_;
    Column<double> adjoint_column_;
    Column<double> grad_column_;
    Column<Opcode> opcode_column_;
    WideNodes wide_;
    Blocks blocks_;
    std::vector<EntrySet*> sets_;
    std::map<Index, std::string> names_;
    std::vector<std::pair<Index, std::uint32_t>> sources_;  // ascending by operator

    std::vector<LiveMark> marks_;  // ascending by id and by extent
    std::uint64_t last_mark_ = 0;
    SerialRegistry* serials_;
    std::vector<SerialBlock> serial_blocks_;             // in the order of their taking; the last holds serial_
    Moment moment_ = 0;                                  // of serial_
    Moment known_from_ = 1;                              // what stood on the tape before has moved, or is forgotten
    std::vector<Fate> fates_;                            // ascending by both members: no more than distinct extents
    bool activated_ = false;                             // a thread has it as its active tape
    std::size_t wide_capacity_ = std::size_t{1} << 18;   // parents in wide rows at which to collect
    std::size_t store_capacity_ = std::size_t{1} << 18;  // numbers kept for blocks at which to collect
    int pins_ = 0;
    bool busy_ = false;  // code of others runs in the middle of a sweep
    Observer* observer_ = nullptr;
    TraceLog* trace_ = nullptr;
    bool was_traced_ = false;
    int outside_ = 0;  // of how many traces under way
    bool (*interrupt_)() = nullptr;
    std::uint64_t collections_ = 0, collected_ = 0, rewinds_ = 0;
};

// Keeps a tape from collecting, so that indices stay what they are; for as long as it lives.
class Pin {
  public:
    Pin() = default;  // of no tape
    explicit Pin(Tape& tape) : tape_(&tape) { tape.pin(); }
    ~Pin() {
        if (tape_ != nullptr) tape_->unpin();
    }
    Pin(Pin&& other) noexcept : tape_(std::exchange(other.tape_, nullptr)) {}
    Pin& operator=(Pin&& other) noexcept {
        std::swap(tape_, other.tape_);
        return *this;
    }

  private:
    Tape* tape_ = nullptr;
};

template <class Visitor>
void Tape::for_each_place(Visitor&& visit) const {
    const auto enter = [&](const char* name, const auto& member) {
        visit(name,
              static_cast<std::size_t>(reinterpret_cast<const char*>(&member) - reinterpret_cast<const char*>(this)));
    };
    enter("Tape::size_", size_);
    enter("Tape::fast_end_", fast_end_);
    enter("Tape::edges_", edges_);
    enter("Tape::values_", values_);
    enter("Tape::opcodes_", opcodes_);
    enter("Tape::owner_", owner_);
    enter("Tape::serial_", serial_);
    enter("Tape::compares_by_value_", compares_by_value_);
    enter("Tape::handles_", handles_);
    enter("Tape::grads_", grads_);
    enter("Tape::variables_", variables_);
    enter("Tape::wide_", wide_);
    enter("Tape::owners", owners);
    enter("Tape::pins_", pins_);
    enter("Tape::trace_", trace_);
}

template <class Op>
inline Tape::Recorded Tape::record(Operand a) {
    const double y = Op::value(a.value);
    return push({Op::partial(a.value, y), 0.0, a.index, sink_for(size_)}, y, opcode_of<Op>);
}

template <class Op>
inline Tape::Recorded Tape::record(Operand a, Operand b) {
    const double y = Op::value(a.value, b.value);
    const ops::Partials<double> partial = Op::partials(a.value, b.value, y);
    return push({partial.a, partial.b, a.index, b.index}, y, opcode_of<Op>);
}

template <class Op>
inline Tape::Recorded Tape::record(Operand a, double b) {
    const double y = Op::value(a.value, b);
    return push({Op::partials(a.value, b, y).a, b, a.index, sink_for(size_)}, y, opcode_of<Op>);
}

template <class Op>
inline Tape::Recorded Tape::record(double a, Operand b) {
    const double y = Op::value(a, b.value);
    return push({a, Op::partials(a, b.value, y).b, sink_for(size_), b.index}, y, opcode_of<Op>);
}

}  // namespace reelgrad

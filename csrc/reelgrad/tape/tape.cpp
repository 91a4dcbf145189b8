// tape/tape.cpp: making a tape, growing it, and going back: marks, rewind, reset, and what that does to handles.
#include "reelgrad/tape/tape.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace reelgrad {
namespace {

constexpr std::size_t kFirstVariables = 1024;
constexpr std::size_t kMinimumLimit = 1024;                         // of an automatic lowering
constexpr std::size_t kMaximumLimit = (std::size_t{1} << 31) - 64;  // what an Index can address
constexpr std::size_t kStoredPerOperator = 4;                       // numbers: address space reserved for blocks
constexpr std::size_t kMostBlocks = std::size_t{1} << 19;           // of serials that one tape holds: half of all

constexpr std::array<std::string_view, 256> operator_names() {
    std::array<std::string_view, 256> names{};
    const auto enter = [&]<class Op>() { names[static_cast<std::uint8_t>(opcode_of<Op>)] = Op::name; };
    ops::for_each(ops::Primitives{}, enter);
    ops::for_each(ops::Reductions{}, enter);
    ops::for_each(ops::Conditions{}, enter);
    ops::for_each(ops::Contributions{}, enter);
    return names;
}
constexpr std::array<std::string_view, 256> kOperatorNames = operator_names();

}  // namespace

std::string_view name_of(Opcode opcode) { return kOperatorNames[static_cast<std::uint8_t>(opcode)]; }

Tape::Tape(std::size_t limit, HandleSlabs::Header header)
    : owner_(thread_id()),
      handles_(header),
      limit_(std::clamp<std::size_t>(limit, 1, kMaximumLimit)),
      serials_(&SerialRegistry::instance()) {
    while (true) {
        try {
            edge_column_ = Column<Edges>(0, limit_);
            value_column_ = Column<double>(limit_ + kSinks, limit_);
            adjoint_column_ = Column<double>(limit_ + kSinks, limit_);
            grad_column_ = Column<double>(limit_ + kSinks, 0);
            opcode_column_ = Column<Opcode>(0, limit_);
            blocks_ = Blocks(kStoredPerOperator * limit_);
            break;
        } catch (const std::bad_alloc&) {
            if (limit_ / 2 < kMinimumLimit) throw;
            limit_ /= 2;  // a process with little address space gets a smaller tape
        }
    }
    edges_ = edge_column_.data();
    values_ = value_column_.data();
    adjoints_ = adjoint_column_.data();
    grads_ = grad_column_.data();
    opcodes_ = opcode_column_.data();
    if (!grow() || !grow_variables()) throw std::bad_alloc();
    begin(next_serial());
}

Tape::~Tape() {
    serials_->deactivate(*this);
    serials_->release(serial_blocks_);
}

bool Tape::is_of_this_library() const { return serials_ == &SerialRegistry::instance(); }

bool Tape::grow() {
    const std::size_t capacity = std::min(std::max(2 * capacity_, kFirstCapacity), limit_);
    if (capacity == capacity_) return false;
    if (!edge_column_.grow_upper(capacity) || !value_column_.grow_upper(capacity) ||
        !adjoint_column_.grow_upper(capacity) || !opcode_column_.grow_upper(capacity)) {
        return false;
    }
    capacity_ = capacity;
    update_fast_end();
    return true;
}

bool Tape::grow_variables() {
    const std::size_t capacity = std::min(std::max(2 * variable_capacity_, kFirstVariables), limit_);
    if (capacity == variable_capacity_) return false;
    const std::size_t entries = capacity + kSinks;
    if (!value_column_.grow_lower(entries) || !adjoint_column_.grow_lower(entries) ||
        !grad_column_.grow_lower(entries)) {
        return false;
    }
    variable_capacity_ = capacity;
    return true;
}

Tape::Recorded Tape::record_wide(Opcode opcode, double value, std::span<const Index> row_parents,
                                 std::span<const double> row_partials) {
    wide_.reserve_row(row_parents.size());
    wide_.push(static_cast<Index>(size_), row_parents, row_partials);
    return push({0.0, 0.0, sink_for(size_), sink_for(size_ + 1)}, value, opcode);
}

Index Tape::record_block(Block block) {
    const std::size_t count = block.count;
    std::fill_n(opcodes_ + size_, count, block.opcode);
    blocks_.push(std::move(block));
    const auto first = static_cast<Index>(size_);
    size_ += count;
    if (observer_ != nullptr) {
        try {
            observer_->recorded_block(*this, blocks_[blocks_.size() - 1]);
        } catch (...) {
            take_back(static_cast<std::size_t>(first));
            throw;
        }
    }
    return first;
}

std::string_view Tape::operator_name(Index i) const {
    if (opcode(i) != kRuleOpcode) return name_of(opcode(i));
    const Block* const block = blocks_.find(i);
    return block == nullptr ? "" : block->rule->name();
}

void Tape::observe(Index i) {
    if (observer_ == nullptr) return;
    try {
        observer_->recorded(*this, i);
    } catch (...) {
        take_back(static_cast<std::size_t>(i));
        throw;
    }
}

void Tape::set_observer(Observer* observer) {
    observer_ = observer;
    update_fast_end();
}

double Tape::grad(Index i) const {
    if (!is_operator(i)) return grads_[i];
    return has_adjoint(i) ? adjoints_[i] : 0.0;
}

void Tape::zero_grad() {
    double* const end = grads_ + variable_index(0) + 1;
    std::fill(end - variables_, end, 0.0);
}

const std::string* Tape::name(Index variable) const {
    const auto found = names_.find(variable);
    return found == names_.end() ? nullptr : &found->second;
}

const std::uint32_t* Tape::source(Index i) const {
    if (const Block* const block = blocks_.find(i)) i = block->first;  // one for all
    const auto found = std::lower_bound(sources_.begin(), sources_.end(), std::pair{i, std::uint32_t{0}});
    return found != sources_.end() && found->first == i ? &found->second : nullptr;
}

Mark Tape::mark() {
    marks_.push_back({last_mark_ + 1, extent()});
    return {++last_mark_};
}

bool Tape::knows(Mark mark) const { return std::ranges::binary_search(marks_, mark.id, {}, &LiveMark::id); }

void Tape::release(Mark mark) {
    const auto found = std::ranges::lower_bound(marks_, mark.id, {}, &LiveMark::id);
    if (found != marks_.end() && found->id == mark.id) marks_.erase(found);
}

void Tape::rewind(Mark mark) {
    require_idle("rewind()");
    require_not_tracing("rewind()");
    rewind_to(extent_of(mark));
}

Extent Tape::extent_of(Mark mark) const {
    const auto found = std::ranges::lower_bound(marks_, mark.id, {}, &LiveMark::id);
    if (found == marks_.end() || found->id != mark.id) {
        throw StaleNodeError(
            "this mark is no longer on the tape: a rewind to an earlier mark or a reset removed it; take a new mark()");
    }
    return found->extent;
}

void Tape::reset() {
    require_idle("reset()");
    require_not_tracing("reset()");
    rewind_to({0, variables_});
}

void Tape::require_idle(const char* what) const {
    if (!busy_) return;
    throw TapeBusyError(std::string(what) +
                        " of a tape whose reverse sweep is under way, from a signal handler or a warning filter say: "
                        "wait until it is done, or use another Tape");
}

void Tape::require_not_tracing(const char* what) const {
    if (!tracing()) return;
    throw TraceError(std::string(what) +
                     " of the tape of a trace: what is traced is recorded for good; make a Tape for work of its own");
}

void Tape::begin_trace(TraceLog& log) {
    trace_ = &log;
    compares_by_value_ = false;
    pin();
}

void Tape::end_trace() {
    trace_ = nullptr;
    compares_by_value_ = outside_ == 0;
    was_traced_ = true;
    unpin();
    rewind_to({0, 0});
}

void Tape::stand_outside(bool outside) {
    outside_ += outside ? 1 : -1;
    compares_by_value_ = outside_ == 0 && !tracing();
}

void Tape::refuse_mixing(std::string_view what, const Tape& other) const {
    const std::string start(what);
    if (!tracing() && !other.tracing()) {
        throw TapeMismatchError(start +
                                ": the operands are on two tapes; make them on one (tape.variable), or pass .value of "
                                "one if it is to count as a constant");
    }
    throw TapeMismatchError(start +
                            ": a Node from outside meets a traced one; pass it to the function as an argument, or its "
                            ".value to make it a constant");
}

void Tape::rewind_to(Extent to) {
    if (to == extent()) return;
    const Serial serial = next_serial();
    if (fates_.size() == fates_.capacity()) fates_.reserve(2 * fates_.size() + 64);  // nothing below throws

    size_ = to.operators;
    variables_ = to.variables;
    wide_.truncate(size_);
    const DroppedRules gone = blocks_.truncate(size_);  // destroyed last: that may run code of others
    names_.erase(names_.begin(), names_.upper_bound(variable_index(variables_)));
    while (!sources_.empty() && static_cast<std::size_t>(sources_.back().first) >= size_) sources_.pop_back();
    while (!marks_.empty() && (marks_.back().extent.operators > size_ || marks_.back().extent.variables > variables_)) {
        marks_.pop_back();
    }
    swept_to_ = std::min(swept_to_, static_cast<Index>(size_) - 1);

    // What lies above the new extent is at the list's end, as it ascends. Fates that became equal are one: many rewinds
    // to one mark leave one fate, and going back mark by mark drops a fate for each that it lowers.
    std::size_t end = fates_.size();
    for (std::size_t k = fates_.size(); k-- > 0;) {
        Extent& low = fates_[k].lowest;
        if (low.operators <= to.operators && low.variables <= to.variables) {
            if (low == to) end = k;
            break;
        }
        low = {std::min(low.operators, to.operators), std::min(low.variables, to.variables)};
        if (low == to) end = k;
    }
    fates_.resize(end);
    fates_.push_back({moment_, to});
    begin(serial);
    ++rewinds_;
}

// The serial to begin() with when things go or move. Throws before any does.
Serial Tape::next_serial() {
    const Serial next = serial_ + 1;
    if (next % kSerialBlock != 0 && serial_ != kStale) return next;
    if (serial_blocks_.size() == serial_blocks_.capacity()) serial_blocks_.reserve(2 * serial_blocks_.size() + 1);
    if (serial_blocks_.size() >= kMostBlocks || !take_serial_block()) {
        handles_.for_each_live([&](Handle& handle) { refresh(handle); });
        forget_past();
        if (!take_serial_block())
            throw TapeMemoryError(
                "too many tapes: no serial numbers are left; let go of tapes that are no longer needed");
    }
    return serial_blocks_.back() * kSerialBlock;
}

bool Tape::take_serial_block() {
    const SerialBlock block = serials_->take({this, owner_, moment_ + 1});
    if (block == 0) return false;
    serial_blocks_.push_back(block);
    return true;
}

void Tape::begin(Serial serial) {
    serial_ = serial;
    ++moment_;
    if (active_tape.tape == this) {
        active_tape.serial = serial_;
    } else if (activated_) {
        serials_->deactivate(*this);
        activated_ = false;
    }
}

void Tape::activate() {
    if (active_tape.tape == this) return;
    if (active_tape.tape != nullptr) active_tape.tape->activated_ = false;
    serials_->activate(*this, serial_);
    activated_ = true;
}

Tape::Moment Tape::moment_of(Serial serial) const {
    if (serial / kSerialBlock == serial_ / kSerialBlock) return moment_ - (serial_ - serial);
    if (serial <= kStale) return 0;
    const SerialRegistry::Entry entry = serials_->find(serial);
    return entry.tape == this ? entry.first + serial % kSerialBlock : 0;
}

bool Tape::survived(Index i, Moment moment) const {
    if (moment < known_from_) return false;
    const auto fate = std::ranges::lower_bound(fates_, moment, {}, &Fate::until);
    return fate == fates_.end() || fate->lowest.contains(i);
}

bool Tape::refresh(Handle& handle) const {
    if (handle.serial == serial_) return true;
    const bool there = survived(handle.index, moment_of(handle.serial));
    handle.serial = there ? serial_ : kStale;
    return there;
}

EntrySet* Tape::register_set(std::unique_ptr<EntrySet> set) {
    set->place_ = sets_.size();
    set->holders_ = 1;
    sets_.push_back(set.get());
    return set.release();
}

EntrySet* Tape::make_set(Index first, std::size_t size) {
    return register_set(std::unique_ptr<EntrySet>(new EntrySet(*this, serial_, first, size)));
}

EntrySet* Tape::make_set(std::vector<Index> list) {
    return register_set(std::unique_ptr<EntrySet>(new EntrySet(*this, serial_, std::move(list))));
}

void Tape::release(EntrySet* set) {
    if (--set->holders_ > 0) return;
    sets_[set->place_] = sets_.back();
    sets_[set->place_]->place_ = set->place_;
    sets_.pop_back();
    delete set;
}

bool Tape::refresh(EntrySet& set) const {
    if (set.serial_ == serial_ || set.size_ == 0) return true;
    const Moment moment = moment_of(set.serial_);
    // Of a run the last operator, or the newest variable, which stands lowest, goes first.
    const auto newest = [&] {
        return is_operator(set.first_) ? set.first_ + static_cast<Index>(set.size_) - 1 : set.first_;
    };
    const bool there = set.is_run() ? survived(newest(), moment)
                                    : std::ranges::all_of(set.list_, [&](Index i) { return survived(i, moment); });
    set.serial_ = there ? serial_ : kStale;
    return there;
}

// Gives older serials back, when no handle has one any more. What else remembers them is stale from now on.
void Tape::forget_past() {
    fates_.clear();
    known_from_ = moment_;
    if (serial_blocks_.size() <= 1) return;
    serials_->release(std::span(serial_blocks_).first(serial_blocks_.size() - 1));
    serial_blocks_.erase(serial_blocks_.begin(), serial_blocks_.end() - 1);
}

std::size_t Tape::bytes_used() const {
    const std::size_t per_operator = sizeof(Edges) + 2 * sizeof(double) + sizeof(Opcode);
    const std::size_t per_variable = 3 * sizeof(double);
    return size_ * per_operator + variables_ * per_variable + wide_.bytes() + blocks_.bytes();
}

TapeStats Tape::stats() const {
    const std::size_t committed = edge_column_.committed_bytes() + value_column_.committed_bytes() +
                                  adjoint_column_.committed_bytes() + grad_column_.committed_bytes() +
                                  opcode_column_.committed_bytes() + handles_.bytes() + wide_.bytes() +
                                  blocks_.committed_bytes();
    return {.operators = size_,
            .variables = variables_,
            .wide = wide_.size(),
            .blocks = blocks_.size(),
            .handles = handles_.live(),
            .sets = sets_.size(),
            .marks = marks_.size(),
            .capacity = capacity_,
            .limit = limit_,
            .bytes_used = bytes_used(),
            .bytes_committed = committed,
            .collections = collections_,
            .collected = collected_,
            .rewinds = rewinds_};
}

}  // namespace reelgrad

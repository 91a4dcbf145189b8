// tape/tape.cpp: making a tape, growing it, and going back: marks, rewind, reset, and what that does to handles.
#include "reelgrad/tape/tape.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string>

namespace reelgrad {
namespace {

constexpr std::size_t kFirstVariables = 1024;
constexpr std::size_t kMinimumLimit = 1024;                              // of an automatic lowering
constexpr std::size_t kMaximumLimit = (std::size_t{1} << 31) - 64;       // what an Index can address
constexpr std::size_t kRefreshAfter = 4096;                              // rewinds

constexpr std::array<std::string_view, 256> operator_names() {
    std::array<std::string_view, 256> names{};
    const auto enter = [&]<class Op>() { names[static_cast<std::uint8_t>(opcode_of<Op>)] = Op::name; };
    ops::for_each(ops::Primitives{}, enter);
    ops::for_each(ops::Reductions{}, enter);
    return names;
}
constexpr std::array<std::string_view, 256> kOperatorNames = operator_names();

}  // namespace

std::string_view name_of(Opcode opcode) { return kOperatorNames[static_cast<std::uint8_t>(opcode)]; }

Tape::Tape(std::size_t limit, HandleSlabs::Header header)
    : owner_(thread_id()), handles_(header), limit_(std::clamp<std::size_t>(limit, 1, kMaximumLimit)) {
    while (true) {
        try {
            edge_column_ = Column<Edges>(0, limit_);
            value_column_ = Column<double>(limit_ + kSinks, limit_);
            adjoint_column_ = Column<double>(limit_ + kSinks, limit_);
            grad_column_ = Column<double>(limit_ + kSinks, 0);
            opcode_column_ = Column<Opcode>(0, limit_);
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
}

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
    const auto found = std::lower_bound(sources_.begin(), sources_.end(), std::pair{i, std::uint32_t{0}});
    return found != sources_.end() && found->first == i ? &found->second : nullptr;
}

Mark Tape::mark() {
    marks_.push_back({last_mark_ + 1, extent()});
    return {++last_mark_};
}

bool Tape::knows(Mark mark) const {
    return std::ranges::binary_search(marks_, mark.id, {}, &LiveMark::id);
}

void Tape::release(Mark mark) {
    const auto found = std::ranges::lower_bound(marks_, mark.id, {}, &LiveMark::id);
    if (found != marks_.end() && found->id == mark.id) marks_.erase(found);
}

void Tape::rewind(Mark mark) {
    require_idle("rewind()");
    const auto found = std::ranges::lower_bound(marks_, mark.id, {}, &LiveMark::id);
    if (found == marks_.end() || found->id != mark.id) {
        throw StaleNodeError("this mark is no longer on the tape: a rewind to an earlier mark or a reset removed it; take a new mark()");
    }
    rewind_to(found->extent);
}

void Tape::reset() {
    require_idle("reset()");
    rewind_to({0, variables_});
}

void Tape::require_idle(const char* what) const {
    if (!busy_) return;
    throw TapeBusyError(std::string(what) +
                        " of a tape whose reverse sweep is under way, from a signal handler or a warning filter say: wait until it is done, or use another Tape");
}

void Tape::rewind_to(Extent to) {
    if (to == extent()) return;
    if (lowest_.size() >= std::max(kRefreshAfter, handles_.bytes() / sizeof(Handle) / 4)) refresh_all_handles();
    if (lowest_.size() == lowest_.capacity()) lowest_.reserve(2 * lowest_.size() + 64);  // nothing below throws

    size_ = to.operators;
    variables_ = to.variables;
    wide_.truncate(size_);
    names_.erase(names_.begin(), names_.upper_bound(variable_index(variables_)));
    while (!sources_.empty() && static_cast<std::size_t>(sources_.back().first) >= size_) sources_.pop_back();
    while (!marks_.empty() &&
           (marks_.back().extent.operators > size_ || marks_.back().extent.variables > variables_)) {
        marks_.pop_back();
    }
    swept_to_ = std::min(swept_to_, static_cast<Index>(size_) - 1);

    // Handles of this or an older serial know their fate by the lowest extent since; the list stays ascending from its
    // end, so all that lie above the new extent are at its end.
    lowest_.push_back(to);
    for (std::size_t k = lowest_.size() - 1; k-- > 0;) {
        Extent& low = lowest_[k];
        if (low.operators <= to.operators && low.variables <= to.variables) break;
        low = {std::min(low.operators, to.operators), std::min(low.variables, to.variables)};
    }
    ancient_ = {std::min(ancient_.operators, to.operators), std::min(ancient_.variables, to.variables)};
    ++serial_;
    ++rewinds_;
    if (serial_ == std::numeric_limits<Serial>::max()) refresh_all_handles();
}

bool Tape::survived(Index i, Serial serial) const {
    if (serial <= kStale) return false;
    return serial < first_serial_ ? ancient_.contains(i) : lowest_[serial - first_serial_].contains(i);
}

bool Tape::refresh(Handle& handle) const {
    if (handle.serial == serial_) return true;
    const bool there = survived(handle.index, handle.serial);
    handle.serial = there ? serial_ : kStale;
    return there;
}

// Brings every handle up to date, so that the history of rewinds can be forgotten; and starts the serials anew before
// they would wrap.
void Tape::refresh_all_handles() {
    handles_.for_each_live([&](Handle& handle) { refresh(handle); });
    lowest_.clear();
    if (serial_ == std::numeric_limits<Serial>::max()) {
        handles_.for_each_live([&](Handle& handle) {
            if (handle.serial == serial_) handle.serial = kFirstSerial;
        });
        serial_ = kFirstSerial;
        ancient_ = {0, 0};
    }
    first_serial_ = serial_;
}

std::size_t Tape::bytes_used() const {
    const std::size_t per_operator = sizeof(Edges) + 2 * sizeof(double) + sizeof(Opcode);
    const std::size_t per_variable = 3 * sizeof(double);
    return size_ * per_operator + variables_ * per_variable + wide_.bytes();
}

TapeStats Tape::stats() const {
    const std::size_t committed = edge_column_.committed_bytes() + value_column_.committed_bytes() +
                                  adjoint_column_.committed_bytes() + grad_column_.committed_bytes() +
                                  opcode_column_.committed_bytes() + handles_.bytes() + wide_.bytes();
    return {.operators = size_,
            .variables = variables_,
            .wide = wide_.size(),
            .handles = handles_.live(),
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

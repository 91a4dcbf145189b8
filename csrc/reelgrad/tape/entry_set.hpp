// tape/entry_set.hpp: entries that something outside of the tape holds on to together.
//
// What a Handle is to one entry an EntrySet is to many: a run of consecutive ones, or a list. The tape knows its sets,
// so that a collection keeps and renumbers what they refer to. Arrays share them: they are counted.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "reelgrad/tape/index.hpp"
#include "reelgrad/tape/serial.hpp"

namespace reelgrad {

class Tape;

class EntrySet {
  public:
    EntrySet(const EntrySet&) = delete;
    EntrySet& operator=(const EntrySet&) = delete;

    Tape& tape() const { return *tape_; }
    std::size_t size() const { return size_; }
    bool is_run() const { return list_.empty(); }
    // Valid after Tape::refresh() said so, until something is recorded.
    Index operator[](std::size_t k) const { return is_run() ? first_ + static_cast<Index>(k) : list_[k]; }
    Index first() const { return first_; }  // of a run
    const std::vector<Index>& list() const { return list_; }
    Serial serial() const { return serial_; }

  private:
    friend class Tape;
    EntrySet(Tape& tape, Serial serial, Index first, std::size_t size) : tape_(&tape), serial_(serial), size_(size) {
        first_ = first;
    }
    EntrySet(Tape& tape, Serial serial, std::vector<Index> list)
        : tape_(&tape), serial_(serial), size_(list.size()), list_(std::move(list)) {}

    Tape* tape_;
    Serial serial_;
    Index first_ = 0;
    std::size_t size_;
    std::vector<Index> list_;
    std::size_t holders_ = 0;
    std::size_t place_ = 0;  // in the tape's list of sets
};

}  // namespace reelgrad

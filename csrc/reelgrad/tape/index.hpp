// tape/index.hpp: how an entry of the tape is addressed.
//
// One signed index addresses every entry. Operators count up from 0; variables count down, so that a variable never
// stands between two operators and the reverse sweep can end at the oldest operator it meets. In between lie the sinks:
// an operator with one parent names a sink as its other parent, which keeps the sweep free of branches. There are
// several sinks, used in turn, because adding into a single one would make each step of the sweep wait for the one
// before (3.3 ns per one-parent operator; with eight sinks 1.5 to 1.9).
#pragma once

#include <cstddef>
#include <cstdint>

namespace reelgrad {

using Index = std::int32_t;

inline constexpr Index kSinks = 8;

constexpr bool is_operator(Index i) { return i >= 0; }
constexpr bool is_variable(Index i) { return i < -kSinks; }
constexpr bool is_sink(Index i) { return i < 0 && i >= -kSinks; }

// The sink that the operator to be recorded at `i` uses.
constexpr Index sink_for(std::size_t i) { return -1 - static_cast<Index>(i & (kSinks - 1)); }

// Variables are numbered 0, 1, 2 ... in the order of their making.
constexpr Index variable_index(std::size_t number) { return -kSinks - 1 - static_cast<Index>(number); }
constexpr std::size_t variable_number(Index i) { return static_cast<std::size_t>(-kSinks - 1 - i); }

// How much of a tape exists: all that a mark has to remember.
struct Extent {
    std::size_t operators = 0;
    std::size_t variables = 0;

    bool contains(Index i) const {
        return is_operator(i) ? static_cast<std::size_t>(i) < operators : variable_number(i) < variables;
    }
    friend bool operator==(const Extent&, const Extent&) = default;
};

}  // namespace reelgrad

// tape/trace.hpp: what a tape that records a trace keeps beside its operators: the branches that the code took.
//
// A tape with a TraceLog is *tracing*. Comparisons of its Nodes are recorded, and where the code asks whether a
// condition holds, the log answers and remembers: a *guard*. The answer is the condition's value, unless the decision
// at this place in the order of guards is forced, which is how another path of a function is traced. A forced guard
// must come from the line that it came from before: a function that branches elsewhere given the same answers is not
// pure, and nothing that was traced of it can be trusted.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "reelgrad/tape/index.hpp"

namespace reelgrad {

class TraceLog {
  public:
    struct Guard {
        Index condition;
        bool taken;
        std::string source;  // "file.py:12"
    };
    struct Decision {
        bool taken;
        std::string source;  // empty: any
    };

    explicit TraceLog(std::vector<Decision> forced = {}) : forced_(std::move(forced)) {}

    // Answers whether the condition, which is `value`, is to count as true. Throws TraceError for a forced decision of
    // another line.
    bool decide(Index condition, bool value, std::string source);
    // The same at the place where code is running now, as the owner tells it.
    bool decide(Index condition, bool value) { return decide(condition, value, locate_ ? locate_() : std::string()); }
    void set_locate(std::string (*locate)()) { locate_ = locate; }
    // Throws TraceError if the code came to its end before all forced decisions.
    void require_all_decided() const;

    std::span<const Guard> guards() const { return guards_; }

  private:
    std::vector<Decision> forced_;
    std::vector<Guard> guards_;
    std::string (*locate_)() = nullptr;
};

}  // namespace reelgrad

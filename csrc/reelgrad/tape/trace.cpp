#include "reelgrad/tape/trace.hpp"

#include "reelgrad/tape/errors.hpp"

namespace reelgrad {

bool TraceLog::decide(Index condition, bool value, std::string source) {
    bool taken = value;
    if (guards_.size() < forced_.size()) {
        const Decision& forced = forced_[guards_.size()];
        if (!forced.source.empty() && forced.source != source) {
            throw TraceError("the function is not pure: traced again with the same decisions, its branch number " +
                             std::to_string(guards_.size()) + " is at " + source + ", where it was at " +
                             forced.source + "; what it does may depend on its arguments only");
        }
        taken = forced.taken;
    }
    guards_.push_back({condition, taken, std::move(source)});
    return taken;
}

void TraceLog::require_all_decided() const {
    if (guards_.size() >= forced_.size()) return;
    throw TraceError("the function is not pure: traced again with the same decisions, it branches " +
                     std::to_string(guards_.size()) + " times, where it branched at least " +
                     std::to_string(forced_.size()) + " times before; what it does may depend on its arguments only");
}

}  // namespace reelgrad

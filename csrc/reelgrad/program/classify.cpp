#include "reelgrad/program/classify.hpp"

#include <string>
#include <vector>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::program {

Program classifier(const Program& program, std::size_t first_guard) {
    const std::vector<Guard>& guards = program.guards();
    if (first_guard > guards.size()) {
        throw ProgramError("there is no guard " + std::to_string(first_guard) + ": the Program has " +
                           std::to_string(guards.size()) + ", counted from 0");
    }
    std::vector<bool> needed(program.size());
    for (std::size_t k = first_guard; k < guards.size(); ++k) needed[guards[k].condition] = true;
    for (auto v = static_cast<ValueId>(program.size()); v-- > 0;) {
        if (program[v].code == Code::input) needed[v] = true;
        if (!needed[v] || program[v].code == Code::input || program.is_constant(v)) continue;
        for (const ValueId operand : program.operands(v)) needed[operand] = true;
    }
    Builder builder;
    std::vector<ValueId> map(program.size(), kNoValue);
    for (ValueId v = 0; v < program.size(); ++v) {
        if (needed[v]) map[v] = builder.copy(program, v, map);
    }
    // From the last guard up: the number of guards stands at the bottom of the chain.
    ValueId answer = builder.constant(static_cast<double>(guards.size()));
    for (std::size_t k = guards.size(); k-- > first_guard;) {
        const ValueId here = builder.constant(static_cast<double>(k));
        const auto [if_true, if_false] = guards[k].taken ? std::pair(answer, here) : std::pair(here, answer);
        answer = builder.emit(code_of<ops::Where>, {map[guards[k].condition], if_true, if_false});
    }
    builder.output("guard", answer);
    return builder.finish();
}

}  // namespace reelgrad::program

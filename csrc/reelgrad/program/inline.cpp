#include "reelgrad/program/inline.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::program {
namespace {

using Operands = std::span<const Var>;
using Record = Var (*)(Operands x, bool tracing);

double number(const Var& x) { return x.value_unchecked(); }

template <class Op>
Var recorded(Operands x, bool) {
    if constexpr (ops::arity_v<Op> == 1) {
        return reelgrad::detail::apply<Op>(x[0]);
    } else if constexpr (ops::arity_v<Op> == 3) {
        return reelgrad::detail::apply<Op>(x[0], x[1], x[2]);
    } else {
        if (x[0].is_constant() && x[1].is_constant()) return Op::value(number(x[0]), number(x[1]));
        if (x[0].is_constant()) return reelgrad::detail::apply<Op>(number(x[0]), x[1]);
        if (x[1].is_constant()) return reelgrad::detail::apply<Op>(x[0], number(x[1]));
        return reelgrad::detail::apply<Op>(x[0], x[1]);
    }
}

template <class Op>
Var condition(Operands x, bool tracing) {
    if (tracing) return recorded<Op>(x, tracing);
    if constexpr (ops::arity_v<Op> == 1) {
        return Op::value(number(x[0]));
    } else {
        return Op::value(number(x[0]), number(x[1]));
    }
}

Var chosen(Operands x, bool tracing) {
    if (tracing && !x[0].is_constant()) return recorded<ops::Where>(x, tracing);
    return number(x[0]) != 0.0 ? x[1] : x[2];
}

template <class Op>
Var contribution(Operands x, bool tracing) {
    constexpr bool selecting = std::is_same_v<Op, SMul>;
    const auto [g, p] = std::pair(x[0], x[1]);
    const auto is = [](const Var& v, double constant) { return v.is_constant() && number(v) == constant; };
    if (is(g, 0.0) || (selecting && is(p, 0.0))) return 0.0;
    if (is(g, 1.0)) return p;
    if (is(p, 1.0)) return g;
    if (tracing) return recorded<Op>(x, tracing);
    const double c = number(g) * number(p);
    if (std::isnan(c) ? number(g) == 0.0 || (selecting && number(p) == 0.0) : is(p, 0.0)) return 0.0;
    return recorded<ops::Mul>(x, tracing);
}

constexpr auto kRecords = [] {
    std::array<Record, static_cast<std::size_t>(Code::count)> records{};
    const auto at = [&](Code code) -> Record& { return records[static_cast<std::size_t>(code)]; };
    ops::for_each(ops::Primitives{}, [&]<class Op>() { at(code_of<Op>) = recorded<Op>; });
    ops::for_each(ops::Reductions{}, [&]<class Op>() {
        at(code_of<Op>) = [](Operands x, bool) { return reelgrad::detail::reduce<Op>(x); };
    });
    ops::for_each(ops::Conditions{}, [&]<class Op>() { at(code_of<Op>) = condition<Op>; });
    at(code_of<ops::Where>) = chosen;
    at(code_of<ZMul>) = contribution<ZMul>;
    at(code_of<SMul>) = contribution<SMul>;
    at(code_of<ZeroProduct>) = condition<ZeroProduct>;
    at(Code::lane_sum) = [](Operands x, bool) { return x[0]; };
    return records;
}();

bool is_traced(Operands inputs) {
    return std::ranges::any_of(inputs, [](const Var& x) {
        const Tape* const tape = x.check();
        return tape != nullptr && tape->tracing();
    });
}

}  // namespace

std::vector<Var> inlined(const Program& program, std::span<const Var> inputs) {
    if (inputs.size() != program.inputs().size()) {
        throw ProgramError("the Program has " + std::to_string(program.inputs().size()) + " inputs, not " +
                           std::to_string(inputs.size()));
    }
    const bool tracing = is_traced(inputs);
    std::vector<Var> values(program.size()), x;
    for (ValueId v = 0; v < program.size(); ++v) {
        const Instruction& instruction = program[v];
        if (instruction.code == Code::input) {
            values[v] = inputs[program.input_number(v)];
            continue;
        }
        if (instruction.code == Code::constant) {
            values[v] = program.constant(v);
            continue;
        }
        x.clear();
        for (const ValueId operand : program.operands(v)) x.push_back(values[operand]);
        if (instruction.accumulates && x.size() == 2) {  // sums of adjoints, of which a part may have turned out 0
            if (x[0].is_constant() && number(x[0]) == 0.0) {
                values[v] = x[1];
                continue;
            }
            if (x[1].is_constant() && number(x[1]) == 0.0) {
                values[v] = x[0];
                continue;
            }
        }
        const Record record = kRecords[static_cast<std::size_t>(instruction.code)];
        if (record == nullptr) {
            throw ProgramError(std::string(info(instruction.code).name) +
                               " cannot be recorded on a tape: passes make it; inline a Program before it is "
                               "optimised");
        }
        values[v] = record(x, tracing);
    }
    std::vector<Var> outputs;
    for (const Output& output : program.outputs()) outputs.push_back(values[output.value]);
    return outputs;
}

}  // namespace reelgrad::program

#include "reelgrad/program/partials.hpp"

#include <algorithm>
#include <string>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::program {
namespace {

using Emitter = std::vector<Expr> (*)(std::span<const Expr> x, const Expr& y);

template <class Op>
std::vector<Expr> elementwise(std::span<const Expr> x, const Expr& y) {
    if constexpr (ops::arity_v<Op> == 1) {
        return {Op::partial(x[0], y)};
    } else if constexpr (ops::arity_v<Op> == 2) {
        const auto p = Op::partials(x[0], x[1], y);
        return {p.a, p.b};
    } else {
        const auto p = Op::partials(x[0], x[1], x[2], y);
        return {p.a, p.b, p.c};
    }
}

template <class Op>
std::vector<Expr> reduction(std::span<const Expr> x, const Expr& y) {
    std::vector<Expr> partials(x.size(), Expr(0.0));
    Op::template partials<Expr>(x, y, partials);
    return partials;
}

constexpr auto kEmitters = [] {
    std::array<Emitter, static_cast<std::size_t>(Code::count)> emitters{};
    for_each_elementwise([&]<class Op>() { emitters[static_cast<std::size_t>(code_of<Op>)] = elementwise<Op>; });
    ops::for_each(ops::Reductions{},
                  [&]<class Op>() { emitters[static_cast<std::size_t>(code_of<Op>)] = reduction<Op>; });
    emitters[static_cast<std::size_t>(Code::lane_sum)] = [](std::span<const Expr>, const Expr&) {
        return std::vector<Expr>{Expr(1.0)};
    };
    return emitters;
}();

}  // namespace

std::vector<Expr> partials_of(ValueId v) {
    const Program& program = Builder::current().so_far();
    const auto operands = program.operands(v);
    std::vector<Expr> x;
    x.reserve(operands.size());
    for (const ValueId operand : operands) x.push_back(Expr::known(operand));
    const Emitter emitter = kEmitters[static_cast<std::size_t>(program[v].code)];
    if (emitter == nullptr) {
        throw ProgramError(std::string(info(program[v].code).name) +
                           " has no derivative: passes make it; differentiate a Program before it is optimised");
    }
    return emitter(x, Expr::of(v));
}

Expr contribution(const Expr& g, const Expr& p, bool selecting) {
    if (p.is_constant(1.0)) return g;
    if (p.is_constant(-1.0)) return -g;
    if (g.is_constant(1.0)) return p;  // 1 * p is p, whatever p is
    return selecting ? smul(g, p) : zmul(g, p);
}

}  // namespace reelgrad::program

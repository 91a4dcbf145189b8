#include <bit>
#include <cmath>
#include <optional>

#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {
namespace {

using namespace ops;  // the table's entries, by name

template <class Op>
constexpr auto at = static_cast<std::size_t>(code_of<Op>);  // for switches

// What is known of a value, whatever the inputs.
struct Known {
    bool condition = false;  // 0.0 or 1.0
    bool positive = false;   // no number below 0 and no -0.0; perhaps nan
    bool integral = false;   // a whole number, infinite or nan
};

class Strength {
  public:
    explicit Strength(const Program& program) : to_(program), uses_(use_counts(program)) {}

    Program run() {
        for (ValueId v = 0; v < to_.from.size(); ++v) {
            const Instruction& instruction = to_.from[v];
            if (instruction.code == Code::input || instruction.code == Code::constant ||
                is_reduction(instruction.code)) {
                to_.copy(v);
            } else {
                std::array<ValueId, 3> x{};
                const auto operands = to_.from.operands(v);
                for (std::size_t k = 0; k < operands.size(); ++k) x[k] = to_.map[operands[k]];
                to_.map[v] = simplified(instruction.code, x, operands.size(), instruction.accumulates);
            }
            const ValueId made = to_.map[v];
            if (made >= lone_.size()) lone_.resize(made + 1, kUnknown);
            lone_[made] = lone_[made] == kUnknown && uses_[v] == 1 ? kLone : kShared;
        }
        return to_.finish();
    }

  private:
    // --- What the new Program says.
    const Program& made() const { return to_.builder.so_far(); }
    bool is(ValueId v, Code code) const { return made()[v].code == code; }
    ValueId operand(ValueId v, std::size_t k) const { return made()[v].operand[k]; }
    std::optional<double> constant(ValueId v) const {
        return made().is_constant(v) ? std::optional(made().constant(v)) : std::nullopt;
    }
    // To the bit: 0.0 is not -0.0.
    bool is(ValueId v, double number) const {
        return made().is_constant(v) &&
               std::bit_cast<std::uint64_t>(made().constant(v)) == std::bit_cast<std::uint64_t>(number);
    }
    // Its only use is the one being looked at.
    bool lone(ValueId v) const { return v < lone_.size() && lone_[v] == kLone; }

    const Known& known(ValueId v) {
        while (known_.size() <= v) known_.push_back(found(static_cast<ValueId>(known_.size())));
        return known_[v];
    }

    Known found(ValueId v) const {
        const Instruction& i = made()[v];
        if (i.code == Code::constant) {
            const double c = made().constant(v);
            return {is(v, 0.0) || c == 1.0, c > 0.0 || is(v, 0.0), c == std::floor(c)};
        }
        const auto all_positive = [&] { return known_[i.operand[0]].positive && known_[i.operand[1]].positive; };
        switch (static_cast<std::size_t>(i.code)) {
            case at<Less>:
            case at<LessEqual>:
            case at<Equal>:
            case at<NotEqual>:
            case at<LogicalAnd>:
            case at<LogicalOr>:
            case at<LogicalNot>:
            case at<ZeroProduct>:
                return {true, true, true};
            case at<Abs>:
            case at<Square>:
            case at<Exp>:
            case at<Exp2>:
            case at<Relu>:
            case at<Sigmoid>:
            case at<Softplus>:
            case at<Cosh>:
            case at<Erfc>:
            case at<Ndtr>:
            case at<NormalPdf>:
            case at<Hypot>:
                return {.positive = true};
            case at<Sqrt>:
            case at<Reciprocal>:
            case at<Rsqrt>:
                return {.positive = known_[i.operand[0]].positive};
            case at<Add>:
            case at<Mul>:
            case at<Div>:
            case at<Maximum>:
            case at<Minimum>:
                return {.positive = all_positive()};
            case at<Floor>:
            case at<Ceil>:
            case at<Round>:
            case at<Trunc>:
                return {.integral = true};
            case at<Where>: {
                const Known& a = known_[i.operand[1]];
                const Known& b = known_[i.operand[2]];
                return {a.condition && b.condition, a.positive && b.positive, a.integral && b.integral};
            }
            default:
                return {};
        }
    }

    // --- Emitting, simplified in turn.
    ValueId number(double c) { return to_.builder.constant(c); }
    ValueId make(Code code, ValueId a) { return simplified(code, {a}, 1, false); }
    ValueId make(Code code, ValueId a, ValueId b, bool accumulates = false) {
        return simplified(code, {a, b}, 2, accumulates);
    }
    ValueId make(Code code, ValueId a, ValueId b, ValueId c) { return simplified(code, {a, b, c}, 3, false); }
    template <class Op>
    ValueId make(ValueId a) {
        return make(code_of<Op>, a);
    }

    ValueId simplified(Code code, const std::array<ValueId, 3>& x, std::size_t arity, bool accumulates) {
        const std::optional<ValueId> simpler = arity == 1   ? unary(code, x[0])
                                               : arity == 2 ? binary(code, x[0], x[1], accumulates)
                                                            : ternary(code, x[0], x[1], x[2]);
        if (simpler) return *simpler;
        return to_.builder.emit(code, std::span(x).first(arity), accumulates);
    }

    using Found = std::optional<ValueId>;
    static constexpr Found kNone = std::nullopt;

    Found unary(Code code, ValueId x) {
        const auto inner = [&] { return operand(x, 0); };
        switch (static_cast<std::size_t>(code)) {
            case at<Neg>:
                if (is(x, code_of<Neg>)) return inner();
                if (is(x, code_of<Mul>) && lone(x)) {
                    if (const auto c = constant(operand(x, 0))) return make(code_of<Mul>, number(-*c), operand(x, 1));
                    if (const auto c = constant(operand(x, 1))) return make(code_of<Mul>, inner(), number(-*c));
                }
                return kNone;
            case at<Abs>:
                if (known(x).positive) return x;
                if (is(x, code_of<Neg>)) return make<Abs>(inner());
                return kNone;
            case at<Square>:
                if (is(x, code_of<Neg>) || is(x, code_of<Abs>)) return make<Square>(inner());
                return kNone;
            case at<Relu>:
                return known(x).positive ? Found(x) : kNone;
            case at<Sqrt>:
                return is(x, code_of<Square>) ? Found(make<Abs>(inner())) : kNone;
            case at<Floor>:
            case at<Ceil>:
            case at<Round>:
            case at<Trunc>:
                return known(x).integral ? Found(x) : kNone;
            case at<StopGradient>:
                return x;
            case at<LogicalNot>:
                if (is(x, code_of<LogicalNot>) && known(inner()).condition) return inner();
                if (is(x, code_of<Equal>)) return make(code_of<NotEqual>, operand(x, 0), operand(x, 1));
                if (is(x, code_of<NotEqual>)) return make(code_of<Equal>, operand(x, 0), operand(x, 1));
                return kNone;
            case static_cast<std::size_t>(Code::lane_sum):  // negated once, not in every lane
                return is(x, code_of<Neg>) ? Found(make<Neg>(make(Code::lane_sum, inner()))) : kNone;
            default:
                return kNone;
        }
    }

    Found binary(Code code, ValueId a, ValueId b, bool accumulates) {
        switch (static_cast<std::size_t>(code)) {
            case at<Add>:
                if (is(b, -0.0) || (is(b, 0.0) && known(a).positive)) return a;
                if (is(a, -0.0) || (is(a, 0.0) && known(b).positive)) return b;
                if (is(b, code_of<Neg>)) return make(code_of<Sub>, a, operand(b, 0), accumulates);
                if (is(a, code_of<Neg>)) return make(code_of<Sub>, b, operand(a, 0), accumulates);
                return kNone;
            case at<Sub>:
                if (is(b, 0.0)) return a;
                if (is(a, -0.0)) return make<Neg>(b);
                if (is(b, code_of<Neg>)) return make(code_of<Add>, a, operand(b, 0), accumulates);
                return kNone;
            case at<Mul>:
                return product(code, a, b);
            case at<Div>:
                return quotient(a, b);
            case at<Pow>:
                return power(a, b);
            case at<ZMul>:
            case at<SMul>:
                return contribution(code, a, b);
            case at<Maximum>:
                if (is(a, -infinity)) return b;
                return is(b, -infinity) ? Found(a) : kNone;
            case at<Minimum>:
                if (is(a, infinity)) return b;
                return is(b, infinity) ? Found(a) : kNone;
            case at<Equal>:
            case at<NotEqual>:
                return comparison_with_zero(code, a, b);
            case at<LogicalAnd>:
                if (a == b) return truth(a);
                if (const auto c = constant(a)) return *c != 0.0 ? truth(b) : number(0.0);
                if (const auto c = constant(b)) return *c != 0.0 ? truth(a) : number(0.0);
                return kNone;
            case at<LogicalOr>:
                if (a == b) return truth(a);
                if (const auto c = constant(a)) return *c != 0.0 ? number(1.0) : truth(b);
                if (const auto c = constant(b)) return *c != 0.0 ? number(1.0) : truth(a);
                return kNone;
            default:
                return kNone;
        }
    }

    Found ternary(Code code, ValueId a, ValueId b, ValueId c) {
        if (code == code_of<Where>) return selection(a, b, c);
        if (code == code_of<Fma>) {
            if (is(a, 1.0)) return make(code_of<Add>, b, c);
            if (is(b, 1.0)) return make(code_of<Add>, a, c);
            if (is(c, -0.0)) return make(code_of<Mul>, a, b);
        }
        return kNone;
    }

    // 1.0 where x counts as true.
    ValueId truth(ValueId x) { return known(x).condition ? x : make(code_of<NotEqual>, x, number(0.0)); }

    Found comparison_with_zero(Code code, ValueId a, ValueId b) {
        if (made().is_constant(a) && !made().is_constant(b)) std::swap(a, b);
        const auto c = constant(b);
        if (!c || *c != 0.0 || !known(a).condition) return kNone;
        return code == code_of<NotEqual> ? a : make<LogicalNot>(a);
    }

    // Products and contributions alike: these hold for zmul and smul too.
    Found trivial_product(Code code, ValueId a, ValueId b) {
        if (is(a, 1.0)) return b;
        if (is(b, 1.0)) return a;
        if (is(a, -1.0)) return make<Neg>(b);
        if (is(b, -1.0)) return make<Neg>(a);
        if (is(a, code_of<Neg>)) {
            if (is(b, code_of<Neg>)) return make(code, operand(a, 0), operand(b, 0));
            if (const auto c = constant(b)) return make(code, operand(a, 0), number(-*c));
            if (lone(a)) return make<Neg>(make(code, operand(a, 0), b));
        }
        if (is(b, code_of<Neg>)) {
            if (const auto c = constant(a)) return make(code, number(-*c), operand(b, 0));
            if (lone(b)) return make<Neg>(make(code, a, operand(b, 0)));
        }
        return kNone;
    }

    Found product(Code code, ValueId a, ValueId b) {
        if (a == b) return make<Square>(a);
        for (const ValueId factor : {a, b}) {
            if (const auto c = constant(factor); c && std::isnan(*c)) return factor;  // whatever the other one is
        }
        return trivial_product(code, a, b);
    }

    // The design's absolute zero: 0 of g * p counts where g is 0, and for smul where p is 0.
    Found contribution(Code code, ValueId g, ValueId p) {
        const bool selects = code == code_of<SMul>;
        if (selects) {
            // A partial that is a condition chooses: what an infinite or nan g makes of 0 is 0 as well.
            if (known(p).condition) {
                if (is(p, code_of<LogicalNot>)) return make(code_of<Where>, operand(p, 0), number(0.0), g);
                if (is(p, code_of<Where>) && is(operand(p, 1), 0.0) && is(operand(p, 2), 1.0)) {
                    return make(code_of<Where>, operand(p, 0), number(0.0), g);
                }
                if (!made().is_constant(p)) return make(code_of<Where>, p, g, number(0.0));
            }
            const auto c = constant(p);
            if (c && *c == 0.0) return number(0.0);
        }
        // Only 0 times what is infinite or nan is forced: not with a finite partial, nor with a g that is not 0.
        const auto c = constant(p);
        const auto d = constant(g);
        if (c && std::isfinite(*c)) return make(code_of<Mul>, g, p);
        if (d && *d != 0.0 && (!selects || std::isfinite(*d))) return make(code_of<Mul>, g, p);
        return trivial_product(code, g, p);
    }

    Found quotient(ValueId a, ValueId b) {
        if (is(b, 1.0)) return a;
        if (is(b, -1.0)) return make<Neg>(a);
        if (const auto c = constant(b)) {
            // A reciprocal above 1 that was rounded up could make a product overflow where the quotient is finite.
            const double r = 1.0 / *c;
            int exponent;
            const bool exact = std::fabs(std::frexp(*c, &exponent)) == 0.5;
            if (std::isnormal(r) && std::isnormal(*c) && (exact || std::fabs(r) <= 1.0)) {
                return make(code_of<Mul>, a, number(r));
            }
        }
        if (is(a, 1.0)) return make<Reciprocal>(b);
        if (is(a, code_of<Neg>)) {
            if (is(b, code_of<Neg>)) return make(code_of<Div>, operand(a, 0), operand(b, 0));
            if (lone(a)) return make<Neg>(make(code_of<Div>, operand(a, 0), b));
        }
        return kNone;
    }

    // Powers as products, as long as rounding stays within some 3 ulp. A factor of a product that overflows or
    // underflows is no larger than the power, so that no number is lost which the power has; those of a reciprocal
    // likewise.
    Found power(ValueId a, ValueId b) {
        const auto c = constant(b);
        if (!c) return kNone;
        const auto square = [&](ValueId x) { return make<Square>(x); };
        const auto times = [&](ValueId x, ValueId y) { return make(code_of<Mul>, x, y); };
        if (*c == 0.0) return number(1.0);
        if (*c == 1.0) return a;
        if (*c == 2.0) return square(a);
        if (*c == 3.0) return times(square(a), a);
        if (*c == 4.0) return square(square(a));
        if (*c == 5.0) return times(square(square(a)), a);
        if (*c == 6.0) return square(times(square(a), a));
        if (*c == -1.0) return make<Reciprocal>(a);
        if (*c == -2.0) return square(make<Reciprocal>(a));
        if (*c == -3.0) {
            const ValueId r = make<Reciprocal>(a);
            return times(square(r), r);
        }
        // sqrt differs from the power at -0.0 and at -inf.
        if (known(a).positive && *c == 0.5) return make<Sqrt>(a);
        if (known(a).positive && *c == -0.5) return make<Rsqrt>(a);
        if (known(a).positive && *c == 1.5) return times(a, make<Sqrt>(a));
        return kNone;
    }

    Found selection(ValueId condition, ValueId a, ValueId b) {
        if (a == b) return a;
        if (const auto c = constant(condition)) return *c != 0.0 ? a : b;
        const bool compares = is(condition, code_of<Equal>) || is(condition, code_of<NotEqual>);
        if (is(condition, code_of<LogicalNot>)) return make(code_of<Where>, operand(condition, 0), b, a);
        if (compares) {
            const ValueId x = operand(condition, 0);
            const ValueId y = operand(condition, 1);
            const bool equal = is(condition, code_of<Equal>);
            if (equal && is(a, 0.0) && is(y, 0.0)) {
                if (const auto simpler = zero_at_zero(x, b)) return simpler;
            }
            const auto c = constant(y);
            if (c && *c == 0.0) return equal ? make(code_of<Where>, x, b, a) : make(code_of<Where>, x, a, b);
        }
        if (is(a, 1.0) && is(b, 0.0) && known(condition).condition) return condition;
        // The same condition again: its other side is never reached.
        if (is(a, code_of<Where>) && operand(a, 0) == condition) {
            return make(code_of<Where>, condition, operand(a, 1), b);
        }
        if (is(b, code_of<Where>) && operand(b, 0) == condition) {
            return make(code_of<Where>, condition, a, operand(b, 2));
        }
        return kNone;
    }

    // where(x == 0, 0, c * x), the derivative of a power at 0: c * x + 0.0, which differs in nothing for a constant c
    // that cannot underflow the product.
    Found zero_at_zero(ValueId x, ValueId y) {
        if (y == x) return make(code_of<Add>, x, number(0.0));
        if (!is(y, code_of<Mul>)) return kNone;
        const ValueId other = operand(y, 0) == x ? operand(y, 1) : operand(y, 0);
        const auto c = constant(other);
        if ((operand(y, 0) != x && operand(y, 1) != x) || !c || !std::isfinite(*c) || std::fabs(*c) < 1.0) {
            return kNone;
        }
        return make(code_of<Add>, y, number(0.0));
    }

    static constexpr char kUnknown = 0, kLone = 1, kShared = 2;

    Rewriting to_;
    const std::vector<std::uint32_t> uses_;
    std::vector<char> lone_;  // of new values
    std::vector<Known> known_;
};

}  // namespace

Program strength_reduced(const Program& program) { return Strength(program).run(); }

}  // namespace reelgrad::program

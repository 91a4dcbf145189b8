// The operator table by itself: names, formulas, conventions, reductions, composites, all for double.
//
// Accuracy is held against mpmath by the Python tests; here are the claims that can be stated exactly.

#include <cmath>
#include <cstdio>
#include <initializer_list>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "reelgrad/ops/composites.hpp"
#include "reelgrad/ops/formula.hpp"
#include "reelgrad/ops/reductions.hpp"
#include "reelgrad/ops/table.hpp"

namespace {

using namespace reelgrad::ops;

using check::expect;
using check::near;
using check::same;

constexpr double inf = infinity;
constexpr double nan_ = quiet_nan;

std::string list(std::initializer_list<double> numbers) {
    std::string text;
    char buffer[32];
    for (const double number : numbers) {
        std::snprintf(buffer, sizeof buffer, " %.17g", number);
        text += buffer;
    }
    return text;
}

template <class Op>
void expect_row(double x, double value, double partial) {
    const double y = Op::value(x);
    const double p = Op::partial(x, y);
    expect(same(y, value) && p == partial + 0.0 ? true : same(y, value) && std::isnan(p) && std::isnan(partial),
           std::string(Op::name) + list({x}) + " is" + list({y, p}) + ", not" + list({value, partial}));
}

template <class Op>
void expect_row(double a, double b, double value, double by_a, double by_b) {
    const double y = Op::value(a, b);
    const auto p = Op::partials(a, b, y);
    const auto agree = [](double got, double want) { return got == want || (std::isnan(got) && std::isnan(want)); };
    expect(same(y, value) && agree(p.a, by_a) && agree(p.b, by_b),
           std::string(Op::name) + list({a, b}) + " is" + list({y, p.a, p.b}) + ", not" + list({value, by_a, by_b}));
}

template <class Op>
void expect_formulas(const std::vector<std::string>& wanted) {
    const std::vector<std::string> got = formulas<Op>();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        expect(i < got.size() && got[i] == wanted[i],
               std::string(Op::name) + " is spelt '" + (i < got.size() ? got[i] : "") + "', not '" + wanted[i] + "'");
    }
}

void names_and_aliases_are_distinct() {
    std::set<std::string> seen;
    const auto visit = [&]<class Op>() {
        std::istringstream names(std::string(Op::name) + " " + std::string(Op::aliases));
        for (std::string name; names >> name;) expect(seen.insert(name).second, "the name " + name + " is used once");
    };
    for_each_primitive(visit);
    for_each(Reductions{}, visit);
    for_each(Composites{}, visit);
}

void opcodes_are_positions() {
    int position = 0;
    for_each_primitive([&]<class Op>() {
        expect(opcode_v<Op> == position, std::string(Op::name) + " has its position as opcode");
        ++position;
    });
}

// That this compiles proves it: every partial is written with the functions of the table.
void table_is_closed_under_differentiation() {
    for_each_primitive([]<class Op>() {
        const auto texts = formulas<Op>();
        expect(texts.size() == std::size_t{arity_v<Op>} + 1,
               std::string(Op::name) + " has a partial for every operand");
        for (const auto& text : texts) expect(!text.empty(), std::string(Op::name) + " has formulas");
    });
}

void formulas_read_like_python() {
    expect_formulas<Tanh>({"tanh(x)", "1 - y*y"});
    expect_formulas<Sigmoid>({"sigmoid(x)", "y*(1 - y)"});
    expect_formulas<Neg>({"-x", "-1"});
    expect_formulas<Mul>({"a*b", "b", "a"});
    expect_formulas<Div>({"a/b", "1/b", "-y/b"});
    expect_formulas<Pow>({"a**b",
                          "0 if b == 0 and not abs(power) < inf or power == 0 and abs(b) == inf else b*power"
                          " where power = y/a if b < 0.5 and a > 0 and a < inf else a**(b - 1)",
                          "0 if y == 0 and a >= 0 or a == 0 and b == 0 else y*log(a)"});
    expect_formulas<Mod>({"a % b", "1", "-(a // b)"});
    expect_formulas<Fmod>({"fmod(a, b)", "1", "-round((a - y)/b)"});
    expect_formulas<Relu>({"relu(x)", "0 if y <= 0 else 1"});
    expect_formulas<Log>({"log(x)", "1/x if x >= 0 else nan"});
    expect_formulas<Sqrt>({"sqrt(x)", "0.5/y"});
    expect_formulas<Erf>({"erf(x)", "2/sqrt(pi)*exp(-x*x)"});
    expect_formulas<Asin>({"asin(x)", "1/sqrt(fma(-x, x, 1))"});
    expect_formulas<Polygamma>({"polygamma(n, x)", "0", "polygamma(n + 1, x)"});
    expect_formulas<Clip>({"clip(x, lo, hi)", "0 if x < lo or x > hi else 1", "1 if x < lo and not lo > hi else 0",
                           "1 if x > hi or lo > hi else 0"});
}

void formulas_keep_the_order_of_evaluation() {
    const Formula a("a"), b("b"), c("c");
    expect((a * (b / c)).str() == "a*(b/c)", "a*(b/c)");
    expect((a - (b - c)).str() == "a - (b - c)", "a - (b - c)");
    expect((a - b - c).str() == "a - b - c", "a - b - c");
    expect((a + b * c).str() == "a + b*c", "a + b*c");
    expect((-(a + b)).str() == "-(a + b)", "-(a + b)");
    expect(pow(-a, b).str() == "(-a)**b", "(-a)**b");
    expect((-pow(a, b)).str() == "-a**b", "-a**b");
    expect(select(a < b, select(b < c, a, b), select(b < c, b, c)).str() ==
               "(a if b < c else b) if a < b else b if b < c else c",
           "nested select");
}

void conventions_at_kinks_and_ties() {
    expect_row<Relu>(0.0, 0.0, 0.0);
    expect_row<Relu>(-0.0, 0.0, 0.0);
    expect_row<Relu>(nan_, nan_, 1.0);
    expect_row<Abs>(0.0, 0.0, 0.0);
    expect_row<Abs>(-0.0, 0.0, 0.0);
    expect_row<Sign>(-0.0, 0.0, 0.0);
    expect_row<Round>(2.5, 2.0, 0.0);
    expect_row<Round>(-0.5, -0.0, 0.0);
    expect_row<Maximum>(2.0, 2.0, 2.0, 0.5, 0.5);
    expect_row<Maximum>(nan_, 2.0, nan_, 1.0, 0.0);
    expect_row<Maximum>(2.0, nan_, nan_, 0.0, 1.0);
    expect_row<Minimum>(1.0, 2.0, 1.0, 1.0, 0.0);
    expect_row<LeakyRelu>(0.0, 0.01, 0.0, 0.01, 0.0);
    expect_row<Elu>(0.0, 2.0, 0.0, 2.0, 0.0);
    expect_row<Copysign>(-3.0, -0.0, -3.0, 1.0, 0.0);
    for (const double x : {0.0, 1.0}) {
        const auto p = Clip::partials(x, 0.0, 1.0, x);
        expect(p.a == 1.0 && p.b == 0.0 && p.c == 0.0, "clip' is 1 on the closed interval");
    }
    expect(Clip::value(0.5, 2.0, 1.0) == 1.0 && Clip::partials(0.5, 2.0, 1.0, 1.0).c == 1.0, "clip with lo > hi is hi");
    expect(Where::value(0.0, 1.0, nan_) != Where::value(0.0, 1.0, nan_), "where takes b if the condition is 0");
    expect(Where::value(nan_, 1.0, 2.0) == 1.0, "where takes nan for true, as Python does");
}

void powers_are_exact_at_integers() {
    expect_row<Pow>(0.0, 2.0, 0.0, 0.0, 0.0);
    expect_row<Pow>(0.0, 1.0, 0.0, 1.0, 0.0);
    expect_row<Pow>(0.0, 0.0, 1.0, 0.0, 0.0);
    expect_row<Pow>(-2.0, 3.0, -8.0, 12.0, nan_);
    expect_row<Pow>(-2.0, -1.0, -0.5, -0.25, nan_);
    expect_row<Pow>(-1.3, 0.0, 1.0, 0.0, nan_);
    expect_row<Pow>(-1.3, 0.49, nan_, nan_, nan_);
    expect_row<Pow>(0.0, -1.0, inf, -inf, -inf);
    expect_row<Pow>(inf, -1.0, 0.0, 0.0, 0.0);
}

void remainders_follow_python_and_c() {
    expect_row<Mod>(-7.0, 3.0, 2.0, 1.0, 3.0);
    expect_row<Mod>(7.0, -3.0, -2.0, 1.0, 3.0);
    expect_row<Mod>(6.0, -3.0, -0.0, 1.0, 2.0);
    expect_row<Mod>(-5.0, inf, inf, 1.0, 1.0);
    expect_row<Fmod>(-7.0, 3.0, -1.0, 1.0, 2.0);
    expect_row<Fmod>(-6.0, 3.0, -0.0, 1.0, 2.0);
    expect(std::isnan(Mod::value(1.0, 0.0)), "a % 0 is nan");
    expect_row<FloorDiv>(5.0, 0.0, inf, 0.0, 0.0);
    expect_row<FloorDiv>(-7.0, 2.0, -4.0, 0.0, 0.0);
    const double just_below_3 = std::nextafter(0.3, 0.0);  // over 0.1 it rounds up to 3
    expect(Fmod::partials(just_below_3, 0.1, Fmod::value(just_below_3, 0.1)).b == -2.0,
           "the partial of fmod counts whole divisors");
}

void nothing_overflows_needlessly() {
    expect_row<Sigmoid>(-inf, 0.0, 0.0);
    expect_row<Sigmoid>(inf, 1.0, 0.0);
    expect_row<Sigmoid>(-1000.0, 0.0, 0.0);
    expect_row<Softplus>(1e300, 1e300, 1.0);
    expect_row<Softplus>(-inf, 0.0, 0.0);
    expect_row<Tanh>(1e300, 1.0, 0.0);
    expect_row<Tanh>(-0.0, -0.0, 1.0);
    expect_row<LogAddExp>(1e300, -1e300, 1e300, 1.0, 0.0);
    expect_row<LogAddExp>(-inf, -inf, -inf, 0.5, 0.5);
    expect_row<LogAddExp>(inf, inf, inf, 0.5, 0.5);
    expect_row<Hypot>(0.0, 0.0, 0.0, 0.0, 0.0);
    expect_row<Hypot>(inf, 1.0, inf, 1.0, 0.0);
    const auto huge = Hypot::partials(1.5e308, 1.5e308, inf);
    expect(near(huge.a, std::sqrt(0.5)) && near(huge.b, std::sqrt(0.5)), "hypot's partials survive its overflow");
    const auto tiny = Hypot::partials(5e-324, 5e-324, 5e-324);
    expect(near(tiny.a, std::sqrt(0.5)), "hypot's partials survive subnormal operands");
    const auto angle = Atan2::partials(1e-200, 1e-200, pi / 4.0);
    expect(near(angle.a / 5e199, 1.0) && near(angle.b / -5e199, 1.0),
           "atan2's partials survive the underflow of squares");
    expect_row<Atan2>(0.0, 0.0, 0.0, 0.0, 0.0);
}

void singular_points_have_their_limits() {
    expect_row<Sqrt>(0.0, 0.0, inf);
    expect_row<Cbrt>(0.0, 0.0, inf);
    expect_row<Asin>(1.0, std::asin(1.0), inf);
    expect_row<Acos>(1.0, 0.0, -inf);
    expect_row<Log>(0.0, -inf, inf);
    expect_row<Log>(-1.0, nan_, nan_);
    expect_row<Acosh>(-2.0, nan_, nan_);
    expect_row<Atanh>(1.0, inf, inf);
    expect_row<Atanh>(2.0, nan_, nan_);
    expect_row<Logit>(0.0, -inf, inf);
    expect_row<Erfinv>(1.0, inf, inf);
    expect_row<NormalPdf>(inf, 0.0, 0.0);
    expect_row<XLogY>(0.0, 0.0, 0.0, -inf, 0.0);
    expect_row<Digamma>(-1.0, nan_, inf);
    expect_row<Div>(1.0, 0.0, inf, inf, -inf);
    expect(near(Digamma::value(1.0), -0.57721566490153286), "digamma(1) is minus Euler's constant");
    expect(near(Polygamma::value(1.0, 1.0), pi * pi / 6.0), "polygamma(1, 1) is pi^2 / 6");
}

template <class Reduction>
void expect_reduction(const std::vector<double>& x, double value, const std::vector<double>& partials) {
    const double y = Reduction::value(std::span<const double>(x));
    std::vector<double> p(x.size());
    Reduction::partials(std::span<const double>(x), y, std::span<double>(p));
    bool agree = near(y, value) || same(y, value);
    for (std::size_t i = 0; i < p.size(); ++i) agree = agree && (near(p[i], partials[i]) || same(p[i], partials[i]));
    std::string text(Reduction::name);
    for (const double element : x) text += list({element});
    text += " is" + list({y}) + " with";
    for (const double partial : p) text += list({partial});
    expect(agree, text);
}

void reductions_keep_their_edges() {
    const double third = 1.0 / std::sqrt(3.0);
    expect_reduction<Sum>({1.0, 2.0, 3.0}, 6.0, {1.0, 1.0, 1.0});
    expect_reduction<Sum>({}, 0.0, {});
    expect_reduction<Dot>({1.0, 2.0, 3.0, 4.0}, 11.0, {3.0, 4.0, 1.0, 2.0});
    expect_reduction<Prod>({2.0, 0.0, 3.0}, 0.0, {0.0, 6.0, 0.0});
    expect_reduction<Prod>({0.0, 0.0, 3.0}, 0.0, {0.0, 0.0, 0.0});
    expect_reduction<LogSumExp>({1000.0, 1000.0}, 1000.0 + ln_2, {0.5, 0.5});
    expect_reduction<LogSumExp>({-inf, -inf}, -inf, {0.5, 0.5});
    expect_reduction<LogSumExp>({-inf, 1.0}, 1.0, {0.0, 1.0});
    expect_reduction<LogSumExp>({inf, 1.0}, inf, {1.0, 0.0});
    expect_reduction<LogSumExp>({}, -inf, {});
    expect_reduction<Norm>({3.0, -4.0}, 5.0, {0.6, -0.8});
    expect_reduction<Norm>({0.0, -0.0}, 0.0, {0.0, 0.0});
    expect_reduction<Norm>({1e308, 1e308, 1e308, 1e308}, inf, {0.5, 0.5, 0.5, 0.5});
    expect_reduction<Norm>({5e-324, 5e-324, 5e-324, 5e-324}, 1e-323, {0.5, 0.5, 0.5, 0.5});
    expect_reduction<Norm>({inf, -inf, inf}, inf, {third, -third, third});
    expect_reduction<Norm>({inf, 1.0}, inf, {1.0, 0.0});
}

void composites_agree_with_their_definitions() {
    const std::vector<double> p{0.2, -1.5, 3.0}, t{1.0, -1.0, 0.5};
    const std::span<const double> ps(p), ts(t);
    expect(near(Mean::value(ps), 1.7 / 3.0), "mean");
    expect(near(Mse::value(ps, ts), (0.64 + 0.25 + 6.25) / 3.0), "mse");
    expect(near(HalfMse::value(ps, ts), (0.64 + 0.25 + 6.25) / 6.0), "half_mse");
    expect(near(Mae::value(ps, ts), (0.8 + 0.5 + 2.5) / 3.0), "mae");
    expect(near(Huber::value(ps, ts), (0.32 + 0.125 + 2.0) / 3.0), "huber");
    expect(near(Huber::value(ps, ts, 0.1), (0.075 + 0.045 + 0.245) / 3.0), "huber with a delta");
    expect(near(Hinge::value(ps, ts), 0.8 / 3.0), "hinge");
    expect(near(Silu::value(2.0), 2.0 / (1.0 + std::exp(-2.0))), "silu");
    expect(near(Gelu::value(1.0), 0.84134474606854293), "gelu");

    const std::vector<double> probability{0.0, 1.0, 0.25}, target{0.0, 1.0, 1.0};
    expect(near(Bce::value(std::span<const double>(probability), std::span<const double>(target)), std::log(4.0) / 3.0),
           "bce is exact at 0 and 1");
    const std::vector<double> logit{50.0}, one{1.0};
    expect(near(BceWithLogits::value(std::span<const double>(logit), std::span<const double>(one)) * std::exp(50.0),
                1.0, 1e-15),
           "bce_with_logits keeps the loss of a good prediction");

    const std::vector<double> scores{1000.0, 1000.0, -inf}, wanted{0.5, 0.5, 0.0};
    const std::span<const double> logits(scores);
    const std::vector<double> probabilities = Softmax::value(logits);
    expect(near(probabilities[0], 0.5, 1e-13) && probabilities[2] == 0.0, "softmax of large numbers");
    expect(near(CrossEntropy::value(logits, 1), ln_2, 1e-13), "cross_entropy with a class");
    expect(near(CrossEntropy::value(logits, std::span<const double>(wanted)), ln_2, 1e-13),
           "cross_entropy with probabilities, and none for a masked class");
}

}  // namespace

int main() {
    const auto tests = {
        names_and_aliases_are_distinct,        opcodes_are_positions,
        table_is_closed_under_differentiation, formulas_read_like_python,
        formulas_keep_the_order_of_evaluation, conventions_at_kinks_and_ties,
        powers_are_exact_at_integers,          remainders_follow_python_and_c,
        nothing_overflows_needlessly,          singular_points_have_their_limits,
        reductions_keep_their_edges,           composites_agree_with_their_definitions,
    };
    return check::run("test_ops", tests);
}

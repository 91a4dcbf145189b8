// Var: numbers of C++ code that record, from templates over the number type to values that are no longer on their tape.

#include <array>
#include <cmath>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "check.hpp"
#include "reelgrad/ops/composites.hpp"
#include "reelgrad/tape/var.hpp"

namespace {

using check::expect;
using check::expect_same;
using check::expect_throws;
using check::near;
using reelgrad::Tape;
using reelgrad::Var;
namespace ops = reelgrad::ops;

static_assert(std::is_trivially_copyable_v<Var> && sizeof(Var) == 16);

// Not known to the compiler, which rounds its own functions of constants better than the library does.
double at_run_time(double x) {
    volatile double unknown = x;
    return unknown;
}

// Code that knows nothing of derivatives: std's functions for double, argument-dependent lookup for Var.
template <class T>
T price(const T& spot, const T& volatility) {
    using std::erfc, std::exp, std::log, std::sqrt, std::abs, std::pow;
    T total = 0.0;
    for (int year = 1; year <= 3; ++year) {
        const T deviation = volatility * sqrt(T(year));
        const T d1 = log(spot / 100.0) / deviation + 0.5 * deviation;
        T value = spot * 0.5 * erfc(-d1 / 1.4142135623730951);
        value -= 100.0 * exp(-0.02 * year) * 0.5 * erfc((deviation - d1) / 1.4142135623730951);
        if (value > 5.0) value *= 2.0;
        total += value / pow(T(1.1), 2.0) + abs(-value) * 0.001;
    }
    return total;
}

void templates_over_the_number_type_run_on_both() {
    Tape tape;
    const Var spot = Var::variable(tape, 105.0), volatility = Var::variable(tape, 0.2);
    const Var y = price(spot, volatility);
    expect_same(y.value(), price(105.0, 0.2), "a template gives Var the value that it gives double");
    y.backward();
    const double h = 1e-5;
    const double by_spot = (price(105.0 + h, 0.2) - price(105.0 - h, 0.2)) / (2.0 * h);
    const double by_volatility = (price(105.0, 0.2 + h) - price(105.0, 0.2 - h)) / (2.0 * h);
    expect(near(spot.grad(), by_spot, 1e-7), "its derivative agrees with differences, by spot");
    expect(near(volatility.grad(), by_volatility, 1e-7), "its derivative agrees with differences, by volatility");
}

// --- Every operator, with a variable or a constant at each place

template <class Op, std::size_t... K>
void expect_operator(const std::array<double, sizeof...(K)>& x, unsigned variables, std::index_sequence<K...>) {
    Tape tape;
    const std::array<Var, sizeof...(K)> a{(variables >> K & 1 ? Var::variable(tape, x[K]) : Var(x[K]))...};
    const Var y = reelgrad::detail::apply<Op>(a[K]...);
    const double value = Op::value(x[K]...);
    const std::string claim = std::string(Op::name) + " with variables at " + std::to_string(variables);
    expect_same(y.value(), value, claim + ": the value of double");
    expect(y.is_constant() == (variables == 0), claim + ": constant if all operands are");
    if (y.is_constant()) return;
    expect(tape.size() == 1 && reelgrad::name_of(tape.opcode(0)) == Op::name, claim + ": one entry, under its name");
    y.backward();
    std::array<double, sizeof...(K)> partials{};
    if constexpr (sizeof...(K) == 1) {
        partials = {Op::partial(x[K]..., value)};
    } else if constexpr (sizeof...(K) == 2) {
        const auto p = Op::partials(x[K]..., value);
        partials = {p.a, p.b};
    } else {
        const auto p = Op::partials(x[K]..., value);
        partials = {p.a, p.b, p.c};
    }
    for (std::size_t k = 0; k < sizeof...(K); ++k) {
        if (variables >> k & 1) expect_same(a[k].grad(), 0.0 + partials[k], claim + ": the partial of the table");
    }
}

void every_operator_records_the_table_s_value_and_partials() {
    ops::for_each_primitive([]<class Op>() {
        constexpr auto arity = static_cast<std::size_t>(ops::arity_v<Op>);
        constexpr std::array operands{0.75, 0.5, 1.25};
        std::array<double, arity> x{};
        for (std::size_t k = 0; k < arity; ++k) x[k] = at_run_time(operands[k]);
        for (unsigned variables = 0; variables < 1u << arity; ++variables) {
            expect_operator<Op>(x, variables, std::make_index_sequence<arity>{});
        }
    });
}

// Compiles if every name of the table is found for Var, alone or with plain numbers at either side.
void names_are_found_by_argument_dependent_lookup() {
    Tape tape;
    const double half = at_run_time(0.5);
    const Var x = Var::variable(tape, half);
#define REELGRAD_CALL(Op, function) expect_same(function(x).value(), ops::Op::value(half), #function "(Var)");
    REELGRAD_UNARY(REELGRAD_CALL)
#undef REELGRAD_CALL
#define REELGRAD_CALL(Op, function)                                                              \
    expect_same(function(x, 2.0).value(), ops::Op::value(half, 2.0), #function "(Var, double)"); \
    expect_same(function(2.0, x).value(), ops::Op::value(2.0, half), #function "(double, Var)"); \
    expect_same(function(x, x).value(), ops::Op::value(half, 0.5), #function "(Var, Var)");
    REELGRAD_BINARY(REELGRAD_CALL)
#undef REELGRAD_CALL
#define REELGRAD_CALL(Op, function) \
    expect_same(function(x, 1.0, 2.0).value(), ops::Op::value(half, 1.0, 2.0), #function "(Var, double, double)");
    REELGRAD_TERNARY(REELGRAD_CALL)
#undef REELGRAD_CALL
}

void operators_take_plain_numbers_on_either_side() {
    Tape tape;
    const Var x = Var::variable(tape, 3.0);
    const auto expect_slope = [&](const Var& y, double value, double slope, const std::string& claim) {
        tape.zero_grad();
        y.backward();
        expect_same(y.value(), value, claim + ", its value");
        expect_same(x.grad(), slope, claim + ", its slope");
    };
    expect_slope(x + 2, 5.0, 1.0, "x + 2");
    expect_slope(2 + x, 5.0, 1.0, "2 + x");
    expect_slope(x - 2, 1.0, 1.0, "x - 2");
    expect_slope(2 - x, -1.0, -1.0, "2 - x");
    expect_slope(x * 2, 6.0, 2.0, "x * 2");
    expect_slope(2 * x, 6.0, 2.0, "2 * x");
    expect_slope(x / 2, 1.5, 0.5, "x / 2");
    expect_slope(2 / x, 2.0 / 3.0, -(2.0 / 3.0) / 3.0, "2 / x");
    expect_slope(-x, -3.0, -1.0, "-x");
    expect_slope(+x, 3.0, 1.0, "+x");
    expect_slope(x * x, 9.0, 6.0, "x * x");
    Var y = x;
    y += 1;
    y *= x;
    y -= 2.0;
    y /= 2;
    expect_slope(y, 5.0, 3.5, "((x + 1) * x - 2) / 2 by assignments");
    Var started = 1.0;  // a sum that starts from a constant
    started *= x;
    expect_slope(started, 3.0, 1.0, "1 *= x");
}

void comparisons_are_by_value() {
    Tape tape;
    const Var x = Var::variable(tape, 3.0), y = Var::variable(tape, 3.0);
    expect(x == y && x <= y && !(x < y) && x < 4 && 4 > x && x == 3.0 && x != 2.0 && Var(1.0) < x, "comparisons");
    expect(tape.size() == 0, "comparing records nothing");
}

void constants_stand_on_no_tape() {
    const Var a = 2.0, b = 3.0;
    const Var y = exp(a * b) + fma(a, b, 1.0);
    expect(y.is_constant() && y.tape() == nullptr, "constants give constants");
    expect_same(y.value(), std::exp(6.0) + 7.0, "their value");
    expect_same(y.grad(), 0.0, "a constant's gradient is 0");
    expect_throws<reelgrad::VariableError>([&] { y.backward(); }, "backward() of a constant");
    expect_same(sum(std::vector<Var>{a, b}).value(), 5.0, "the sum of constants is a constant");
    expect_same(sum(std::vector<Var>{}).value(), 0.0, "the sum of nothing");
}

void reductions_are_wide_nodes() {
    Tape tape;
    std::vector<Var> x;
    for (int k = 1; k <= 4; ++k) x.push_back(Var::variable(tape, k));
    x[2] = 10.0;  // a constant among them
    const Var total = sum(x), product = prod(x), squares = dot(x, x);
    expect(tape.size() == 3 && tape.wide().size() == 3, "each is one entry, with a row");
    expect_same(total.value(), 17.0, "sum");
    expect_same(product.value(), 80.0, "prod");
    (product + squares).backward();
    expect_same(x[0].grad(), 80.0 + 2.0, "d(prod + dot)/dx[0]");
    expect_same(x[3].grad(), 20.0 + 8.0, "d(prod + dot)/dx[3]");
    expect_throws<reelgrad::LengthError>([&] { dot(x, std::span<const Var>(x).first(2)); }, "dot of unlike lengths");
}

void composites_are_templates_that_var_runs_through() {
    Tape tape;
    const std::vector<Var> prediction{Var::variable(tape, 1.0), Var::variable(tape, 2.0)};
    const std::vector<Var> target{0.0, 0.0};
    const Var loss = ops::Mse::value(std::span<const Var>(prediction), std::span<const Var>(target));
    loss.backward();
    expect_same(loss.value(), 2.5, "mse");
    expect_same(prediction[1].grad(), 2.0, "d mse/dp");
}

// --- Wrong use: raises, and changes nothing

void operands_of_two_tapes_are_refused() {
    Tape one, other;
    const Var a = Var::variable(one, 1.0), b = Var::variable(other, 2.0);
    expect_throws<reelgrad::TapeMismatchError>([&] { a + b; }, "a + b on two tapes");
    expect_throws<reelgrad::TapeMismatchError>([&] { fma(a, 2.0, b); }, "fma on two tapes");
    expect_throws<reelgrad::TapeMismatchError>([&] { sum(std::vector<Var>{a, b}); }, "sum on two tapes");
    expect(one.size() == 0 && other.size() == 0, "nothing was recorded");
    expect_same((a + b.value()).value(), 3.0, "a value passes across");
}

void a_removed_value_is_refused() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var below = x * 3.0;
    const reelgrad::Mark mark = tape.mark();
    const Var above = below * 4.0;
    const Var variable_above = Var::variable(tape, 1.0);
    tape.rewind(mark);
    const Var in_its_place = below * 5.0;
    expect_same(in_its_place.value(), 30.0, "what stood below the mark can be used");
    expect_throws<reelgrad::StaleNodeError>([&] { above.value(); }, "value() of a removed operator");
    expect_throws<reelgrad::StaleNodeError>([&] { above.grad(); }, "grad() of a removed operator");
    expect_throws<reelgrad::StaleNodeError>([&] { above.backward(); }, "backward() of a removed operator");
    expect_throws<reelgrad::StaleNodeError>([&] { above + 1.0; }, "a removed operator as an operand");
    expect_throws<reelgrad::StaleNodeError>([&] { x + above; }, "a removed operator as the second operand");
    expect_throws<reelgrad::StaleNodeError>([&] { sum(std::vector<Var>{x, above}); }, "a removed operator in a sum");
    expect_throws<reelgrad::StaleNodeError>([&] { variable_above.value(); }, "a removed variable");
    expect(tape.size() == 2, "nothing was recorded");
    tape.reset();
    expect_same(x.value(), 2.0, "reset() keeps variables");
    expect_throws<reelgrad::StaleNodeError>([&] { below.value(); }, "reset() removes operators");
}

void a_collection_makes_values_without_a_pin_stale() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var y = x * 3.0;
    {
        const reelgrad::Pin pin(tape);
        expect(tape.collect() == 0, "a pinned tape does not collect");
        expect_same(y.value(), 6.0, "and its values stay");
    }
    expect(tape.collect() == 2, "without handles all goes");
    expect_throws<reelgrad::StaleNodeError>([&] { x.value(); }, "a variable that was collected");
    expect_throws<reelgrad::StaleNodeError>([&] { y + 1.0; }, "an operator that was collected");
    const Var again = Var::variable(tape, 7.0);
    expect_same((again * 2.0).value(), 14.0, "the tape goes on");
}

// Copies of a Var are brought up to date one by one; one that was not used for long must still know its fate.
void values_that_were_not_used_for_thousands_of_rewinds_keep_their_meaning() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0), untouched = x;
    const Var below = x * 3.0, untouched_below = below;
    const reelgrad::Mark mark = tape.mark();
    const Var removed = x * 4.0;
    for (int k = 0; k < 20000; ++k) {
        tape.rewind(mark);
        Var y = below * 2.0;
        if (y.value() != 12.0) expect(false, "what is recorded anew has its own value");
    }
    expect_same(untouched.value(), 2.0, "a variable below all rewinds");
    expect_same(untouched_below.value(), 6.0, "an operator below all rewinds");
    expect_throws<reelgrad::StaleNodeError>([&] { removed.value(); }, "an operator above a rewind");
}

void a_value_made_after_a_deep_rewind_outlives_thousands_of_rewinds() {
    Tape tape;
    const reelgrad::Mark start = tape.mark();
    Var::variable(tape, 1.0);
    tape.rewind(start);  // all the way down
    const Var x = Var::variable(tape, 2.0), untouched = x;
    const reelgrad::Mark mark = tape.mark();
    for (int k = 0; k < 10000; ++k) {
        const Var copy = x;  // only the copy is brought up to date
        const Var y = copy * 2.0;
        static_cast<void>(y);
        tape.rewind(mark);
    }
    expect_same(untouched.value(), 2.0, "a variable made after a rewind to the beginning");
}

void a_foreign_thread_is_refused() {
    Tape tape;
    const Var x = Var::variable(tape, 2.0);
    const Var y = x * x;
    std::thread other([&] {
        expect_throws<reelgrad::TapeThreadError>([&] { x * 2.0; }, "recording on a foreign thread");
        expect_throws<reelgrad::TapeThreadError>([&] { sum(std::vector<Var>{x, y}); },
                                                 "a wide node on a foreign thread");
        expect_throws<reelgrad::TapeThreadError>([&] { y.backward(); }, "a sweep on a foreign thread");
        Tape own;
        const Var z = Var::variable(own, 3.0);
        expect_same((z * z).value(), 9.0, "a tape of its own");
        expect_throws<reelgrad::TapeThreadError>([&] { z* x; }, "also where the first operand is its own");
    });
    other.join();
    expect(tape.size() == 1, "nothing was recorded");
    y.backward();
    expect_same(x.grad(), 4.0, "the owner goes on");
}

}  // namespace

int main() {
    const auto tests = {
        templates_over_the_number_type_run_on_both,
        every_operator_records_the_table_s_value_and_partials,
        names_are_found_by_argument_dependent_lookup,
        operators_take_plain_numbers_on_either_side,
        comparisons_are_by_value,
        constants_stand_on_no_tape,
        reductions_are_wide_nodes,
        composites_are_templates_that_var_runs_through,
        operands_of_two_tapes_are_refused,
        a_removed_value_is_refused,
        a_collection_makes_values_without_a_pin_stale,
        values_that_were_not_used_for_thousands_of_rewinds_keep_their_meaning,
        a_value_made_after_a_deep_rewind_outlives_thousands_of_rewinds,
        a_foreign_thread_is_refused,
    };
    return check::run("test_var", tests);
}

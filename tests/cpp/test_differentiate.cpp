// Derivatives of Programs as Programs: what is appended, at which rate and under which name, what is left out, and that
// the numbers are those of the chain rule.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "reelgrad/program/differentiate.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/evaluate.hpp"
#include "reelgrad/program/text.hpp"
#include "reelgrad/program/verify.hpp"

using namespace reelgrad;
using program::Code;
using program::Program;
using program::Rate;
using program::Seeds;

namespace {

using Numbers = std::vector<std::vector<double>>;
using Which = std::vector<std::uint32_t>;

// y = tanh(w x) + w, of a uniform w and a varying x.
const char* const kLoss = R"(
v0 = uniform("w")
v1 = varying("x")
v2 = mul(v0, v1)
v3 = tanh(v2)
v4 = add(v3, v0)
output("y", v4)
)";

std::size_t count(const Program& program, Code code) {
    std::size_t found = 0;
    for (const program::Instruction& instruction : program.instructions()) found += instruction.code == code ? 1 : 0;
    return found;
}

std::vector<double> output(const Program& program, const Numbers& inputs, std::size_t number, std::size_t lanes = 1) {
    return program::evaluated(program, inputs, {.lanes = lanes})[program.outputs()[number].value];
}

void keeps_what_was_there_and_appends() {
    const Program loss = program::parse(kLoss);
    const Which both{0, 1};
    for (const Program& derived : {program::differentiate(loss, {.inputs = both}), program::linearise(loss, both)}) {
        program::verify(derived);
        for (program::ValueId v = 0; v < loss.size(); ++v) {
            check::expect(derived[v] == loss[v], "the Program's own instructions stay where they are");
        }
        check::expect(derived.outputs()[0].name == "y" && derived.outputs()[0].value == 4, "so do its outputs");
        check::expect(!derived.outputs()[0].gradient, "which are no derivatives");
        check::expect(derived.outputs()[1].gradient, "what is appended is one");
    }
}

void names_and_rates_follow_the_inputs() {
    const Program loss = program::parse(kLoss);
    const Which both{0, 1}, other_way{1, 0};
    const Program adjoint = program::differentiate(loss, {.inputs = both});
    check::expect(adjoint.outputs().size() == 3, "an adjoint for each input that was asked for");
    check::expect(adjoint.outputs()[1].name == "d/dw" && adjoint.outputs()[2].name == "d/dx", "adjoints have names");
    check::expect(adjoint.rate(adjoint.outputs()[1].value) == Rate::uniform, "that of a uniform input is uniform");
    check::expect(adjoint.rate(adjoint.outputs()[2].value) == Rate::varying, "that of a varying one varies");
    check::expect(program::differentiate(loss, {.inputs = other_way}).outputs()[1].name == "d/dx",
                  "in the order asked");

    const Program per_lane = program::differentiate(loss, {.inputs = both, .per_lane = true});
    check::expect(per_lane.rate(per_lane.outputs()[1].value) == Rate::varying, "per lane, all adjoints vary");
    check::expect(count(per_lane, Code::lane_sum) == 0, "per lane, nothing is summed over lanes");

    const Program tangent = program::linearise(loss, both);
    check::expect(tangent.inputs().size() == 4 && tangent.inputs()[2].name == "t/w", "a tangent is a new input");
    check::expect(tangent.inputs()[2].rate == Rate::uniform && tangent.inputs()[3].rate == Rate::varying,
                  "tangents have the rate of their input");
    const Program directions = program::linearise(loss, both, true);
    check::expect(directions.inputs()[2].rate == Rate::varying, "or vary, when lanes are directions");
    check::expect(tangent.outputs()[1].name == "t/y", "the tangent of an output has its name");
}

void numbers_are_those_of_the_chain_rule() {
    const Program loss = program::parse(kLoss);
    const double w = 0.5;
    const std::vector<double> x{-1.0, 0.0, 2.0};
    const Which both{0, 1};
    double by_w = 0.0;
    for (const double value : x) by_w += (1.0 - std::pow(std::tanh(w * value), 2)) * value + 1.0;

    const Program adjoint = program::differentiate(loss, {.inputs = both});
    check::expect(check::near(output(adjoint, {{w}, x}, 1, 3)[0], by_w), "a uniform input hears from all lanes");
    const std::vector<double> by_x = output(adjoint, {{w}, x}, 2, 3);
    const Program tangent = program::linearise(loss, both);
    const std::vector<double> along = output(tangent, {{w}, x, {0.0}, {1.0, 1.0, 1.0}}, 1, 3);
    for (std::size_t lane = 0; lane < 3; ++lane) {
        const double slope = (1.0 - std::pow(std::tanh(w * x[lane]), 2)) * w;
        check::expect(check::near(by_x[lane], slope), "a varying input hears from its lane");
        check::expect(check::near(along[lane], slope), "the tangent along x is the same number");
    }
}

void seeds_multiply_and_each_output_has_one() {
    const Program two = program::parse(R"(
v0 = uniform("a")
v1 = varying("x")
v2 = mul(v0, v0)
v3 = mul(v1, v0)
output("square", v2)
output("product", v3)
)");
    const Which only_a{0};
    const Program seeded = program::differentiate(two, {.inputs = only_a, .seeds = Seeds::inputs});
    check::expect(seeded.inputs()[2].name == "seed/square" && seeded.inputs()[2].rate == Rate::uniform,
                  "the seed of a uniform output is uniform");
    check::expect(seeded.inputs()[3].name == "seed/product" && seeded.inputs()[3].rate == Rate::varying,
                  "that of a varying one varies");
    const double slope = output(seeded, {{3.0}, {5.0, 7.0}, {10.0}, {1.0, 100.0}}, 2, 2)[0];
    check::expect_same(slope, 10.0 * 6.0 + 5.0 + 700.0, "vector-Jacobian products");

    const Program first =
        program::differentiate(two, {.inputs = only_a, .seeds = Seeds::inputs, .differentiated_outputs = 1});
    check::expect(first.inputs().size() == 3, "outputs that are not differentiated have no seed");
    check::expect(first.outputs().size() == 3, "but stay outputs");
    check::expect_same(output(first, {{3.0}, {5.0, 7.0}, {10.0}}, 2, 2)[0], 60.0, "and nothing comes from them");
}

void dead_adjoints_do_not_exist() {
    const Program loss = program::parse(R"(
v0 = uniform("w")
v1 = varying("x")
v2 = varying("t")
v3 = exp(v2)
v4 = floor(v1)
v5 = mul(v3, v4)
v6 = mul(v0, v5)
output("y", v6)
)");
    const Which only_w{0};
    const Program derived = program::differentiate(loss, {.inputs = only_w});
    check::expect(derived.size() == loss.size() + 1, "y is linear in w: its derivative is a sum over lanes of v5");
    check::expect(derived[derived.outputs()[1].value].code == Code::lane_sum, "and that is all that is new");

    const Which only_x{1};
    const Program flat = program::differentiate(loss, {.inputs = only_x});
    check::expect(flat.is_constant(flat.outputs()[1].value), "the derivative through floor is the constant");
    check::expect_same(flat.constant(flat.outputs()[1].value), 0.0, "0");
    const Program still = program::linearise(loss, only_x);
    check::expect_same(still.constant(still.outputs()[1].value), 0.0, "by tangents too");
}

void an_input_that_is_the_output_and_one_that_does_not_matter() {
    const Program itself = program::parse("v0 = uniform(\"a\")\nv1 = uniform(\"b\")\noutput(\"y\", v0)\n");
    const Which both{0, 1};
    const Program derived = program::differentiate(itself, {.inputs = both});
    check::expect_same(output(derived, {{3.0}, {4.0}}, 1)[0], 1.0, "dy/dy");
    check::expect_same(output(derived, {{3.0}, {4.0}}, 2)[0], 0.0, "what does not matter has the derivative 0");
}

void guards_stay() {
    const Program guarded = program::parse(R"(
v0 = uniform("x")
v1 = constant(0.0)
v2 = less(v1, v0)
v3 = mul(v0, v0)
guard(v2, true, "f.py:1")
output("y", v3)
)");
    const Which only_x{0};
    const Program derived = program::differentiate(guarded, {.inputs = only_x});
    check::expect(derived.guards().size() == 1 && derived.guards()[0].source == "f.py:1", "with their lines");
    check::expect(program::linearise(derived, only_x).guards().size() == 1, "in every derivative");
}

void sums_over_lanes() {
    const Program reduced = program::reduced(program::parse(kLoss));
    const Which both{0, 1};
    check::expect(reduced.rate(reduced.outputs()[0].value) == Rate::uniform, "a sum over lanes is uniform");
    const Program adjoint = program::differentiate(reduced, {.inputs = both});
    check::expect(adjoint.rate(adjoint.outputs()[2].value) == Rate::varying, "each lane has its share in it");
    const Program tangent = program::linearise(reduced, both);
    const std::vector<double> x{1.0, 2.0};
    const double along_w = output(tangent, {{0.0}, x, {1.0}, {0.0, 0.0}}, 1, 2)[0];
    check::expect_same(along_w, 1.0 + 2.0 + 2.0, "the tangent of a sum is the sum of the tangents");
    check::expect_throws<ProgramError>([&] { program::differentiate(reduced, {.inputs = both, .per_lane = true}); },
                                       "adjoints per lane of a sum over lanes");
    check::expect_throws<ProgramError>([&] { program::linearise(reduced, both, true); },
                                       "directions in the lanes of a sum over lanes");
}

void absolute_zero_is_written_out() {
    const Program masked = program::parse(R"(
v0 = uniform("x")
v1 = constant(0.0)
v2 = less(v1, v0)
v3 = sqrt(v0)
v4 = where(v2, v3, v0)
output("y", v4)
)");
    const Which only_x{0};
    const Program adjoint = program::differentiate(masked, {.inputs = only_x});
    check::expect(count(adjoint, program::code_of<program::ZMul>) > 0, "contributions are products with absolute zero");
    check::expect_same(output(adjoint, {{0.0}}, 1)[0], 1.0, "the branch that is taken alone counts");
    const double relaxed =
        program::evaluated(adjoint, Numbers{{0.0}}, {.relaxed = true})[adjoint.outputs()[1].value][0];
    check::expect(std::isnan(relaxed), "which plain products do not know");
    const Program second = program::differentiate(adjoint, {.inputs = only_x, .seeds = Seeds::inputs});
    check::expect_same(output(second, {{0.0}, {0.0}, {1.0}}, 2)[0], 0.0,
                       "nor does the second derivative see the other");
    const Program forward = program::linearise(program::linearise(masked, only_x), only_x);
    check::expect_same(output(forward, {{0.0}, {1.0}, {1.0}}, 3)[0], 0.0, "in forward mode either");
}

void every_composition_gives_the_same_second_derivative() {
    const Program cube =
        program::parse("v0 = uniform(\"x\")\nv1 = constant(3.0)\nv2 = pow(v0, v1)\noutput(\"y\", v2)\n");
    const Which x{0};
    const Program d = program::differentiate(cube, {.inputs = x});
    const Program t = program::linearise(cube, x);
    const Program dd = program::differentiate(d, {.inputs = x, .seeds = Seeds::inputs});
    check::expect_same(output(dd, {{2.0}, {0.0}, {1.0}}, 2)[0], 12.0, "differentiate twice");
    check::expect_same(output(program::linearise(d, x), {{2.0}, {1.0}}, 3)[0], 12.0,
                       "linearise what is differentiated");
    const Program dt = program::differentiate(t, {.inputs = x, .seeds = Seeds::inputs});
    check::expect_same(output(dt, {{2.0}, {1.0}, {0.0}, {1.0}}, 2)[0], 12.0, "differentiate what is linearised");
    check::expect_same(output(program::linearise(t, x), {{2.0}, {1.0}, {1.0}}, 3)[0], 12.0, "linearise twice");
}

void what_passes_made_is_not_differentiated() {
    const Program fused = program::parse("v0 = uniform(\"x\")\nv1 = dot_add(v0, v0, v0)\noutput(\"y\", v1)\n");
    const Which x{0};
    check::expect_throws<ProgramError>([&] { program::differentiate(fused, {.inputs = x}); },
                                       "of the optimiser's codes");
}

}  // namespace

int main() {
    return check::run("differentiate",
                      {keeps_what_was_there_and_appends, names_and_rates_follow_the_inputs,
                       numbers_are_those_of_the_chain_rule, seeds_multiply_and_each_output_has_one,
                       dead_adjoints_do_not_exist, an_input_that_is_the_output_and_one_that_does_not_matter,
                       guards_stay, sums_over_lanes, absolute_zero_is_written_out,
                       every_composition_gives_the_same_second_derivative, what_passes_made_is_not_differentiated});
}

// Lowering: what is done once, what for every block of lanes and what after the sums; how much memory that takes; and
// that what is run is what the Program says, for any number of lanes.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "check.hpp"
#include "reelgrad/exec/executable.hpp"
#include "reelgrad/program/differentiate.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/evaluate.hpp"
#include "reelgrad/program/text.hpp"
#include "reelgrad/tape/errors.hpp"

using namespace reelgrad;
using exec::Executable;
using program::Program;

namespace {

struct Outcome {
    std::vector<double> uniforms;
    std::vector<std::vector<double>> columns;
};

Outcome run(const Executable& executable, const std::vector<double>& uniforms,
            const std::vector<std::vector<double>>& columns, std::size_t lanes, std::size_t threads = 1) {
    std::vector<exec::Column> from;
    for (const auto& column : columns) {
        from.push_back({reinterpret_cast<const std::byte*>(column.data()), sizeof(double)});
    }
    Outcome outcome{std::vector<double>(executable.uniform_outputs()),
                    std::vector(executable.varying_outputs(), std::vector<double>(lanes))};
    std::vector<exec::Destination> to;
    for (auto& column : outcome.columns) to.push_back({column.data(), 1});
    executable.run({.lanes = lanes, .uniforms = uniforms, .columns = from}, {outcome.uniforms, to},
                   {.threads = threads});
    return outcome;
}

std::string value(int number) {
    std::string name("v");
    name += std::to_string(number);
    return name;
}

// Instructions v<from>, v<from + 1>, ..., each the code of the one before, the first one of `start`.
std::string chain(const std::string& start, const std::string& code, int from, int length) {
    std::string text;
    for (int k = 0; k < length; ++k) {
        text += value(from + k) + " = " + code + "(" + (k == 0 ? start : value(from + k - 1)) + ")\n";
    }
    return text;
}

void uniform_work_is_done_once() {
    const Executable executable(program::parse("v0 = uniform(\"w\")\nv1 = varying(\"x\")\n" +
                                               chain("v0", "sin", 2, 20) + "v22 = mul(v21, v1)\noutput(\"y\", v22)\n"));
    check::expect(executable.stats().prologue == 20, "twenty sines of what is uniform stand in the prologue");
    check::expect(executable.stats().body <= 3, "the body loads, multiplies and stores");
    check::expect(executable.stats().epilogue == 0, "nothing comes after");
}

void what_depends_on_sums_comes_after_the_body() {
    const Executable executable(
        program::parse("v0 = varying(\"x\")\nv1 = lane_sum(v0)\n" + chain("v1", "sqrt", 2, 5) + "output(\"y\", v6)\n"));
    check::expect(executable.stats().epilogue >= 5, "the roots of the sum");
    check::expect(executable.stats().accumulators == 1, "there is one sum");
    check::expect(executable.uniform_outputs() == 1 && executable.varying_outputs() == 0, "one number comes out");
    const std::vector<double> x(1000, 4.096);
    check::expect(check::near(run(executable, {}, {x}, 1000).uniforms[0], std::pow(4096.0, 1.0 / 32.0)), "the number");
}

void slots_are_used_again() {
    const auto slots = [](int length) {
        std::string text("v0 = varying(\"x\")\n");
        text += chain("v0", "sin", 1, length);
        text += "output(\"y\", ";
        text += value(length);
        text += ")\n";
        return Executable(program::parse(text)).stats().slots;
    };
    check::expect(slots(1000) == slots(10), "a chain of any length needs the same few slots");
    check::expect(slots(1000) <= 3, "which are very few");
}

void every_number_of_lanes_gives_the_programs_numbers() {
    const Program loss = program::parse(R"(
v0 = uniform("w")
v1 = varying("x")
v2 = mul(v0, v1)
v3 = square(v2)
v4 = add(v3, v0)
v5 = lane_sum(v4)
output("y", v4)
output("sum", v5)
output("x", v1)
output("w", v0)
)");
    const Executable executable(loss);
    for (const std::size_t lanes : {0, 1, 2, 3, 7, 8, 9, 31, 32, 33, 63, 64, 65, 4095, 4096, 4097, 9000}) {
        std::vector<double> x(lanes);
        for (std::size_t k = 0; k < lanes; ++k) x[k] = static_cast<double>(k % 16) - 8.0;
        const auto expected = program::evaluated(loss, std::vector<std::vector<double>>{{0.5}, x}, {.lanes = lanes});
        for (const std::size_t threads : {1, 3}) {
            const Outcome found = run(executable, {0.5}, {x}, lanes, threads);
            check::expect(found.columns[0] == expected[4], std::to_string(lanes) + " lanes: a number for each");
            check::expect(found.columns[1] == x, "an output may be an input");
            check::expect_same(found.uniforms[0], lanes == 0 ? 0.0 : expected[5][0], "sums of whole numbers are exact");
            check::expect_same(found.uniforms[1], 0.5, "a uniform one too");
        }
    }
}

void an_output_that_turned_out_constant_still_has_a_number_per_lane() {
    const Executable executable(program::parse(
        "v0 = varying(\"x\")\nv1 = constant(0.0)\nv2 = less(v0, v0)\nv3 = where(v2, v0, v1)\noutput(\"y\", v3)\n"));
    check::expect(executable.varying_outputs() == 1, "it is said to vary");
    check::expect(run(executable, {}, {{1.0, 2.0, 3.0}}, 3).columns[0] == std::vector<double>(3, 0.0), "and does");
}

void only_gradients_that_are_nan_are_computed_again() {
    const Program masked = program::parse(R"(
v0 = varying("x")
v1 = constant(0.0)
v2 = less(v1, v0)
v3 = sqrt(v0)
v4 = where(v2, v3, v0)
output("y", v4)
output("root", v3)
)");
    const std::vector<std::uint32_t> x{0};
    const Executable executable(program::differentiate(masked, {.inputs = x, .differentiated_outputs = 1}));
    const Outcome found = run(executable, {}, {{0.0, 4.0, -1.0, std::numeric_limits<double>::quiet_NaN()}}, 4);
    check::expect_same(found.columns[2][0], 1.0, "a branch that is not taken does not poison the gradient");
    check::expect_same(found.columns[2][1], 0.25, "the other lanes keep theirs");
    check::expect_same(found.columns[2][2], 1.0, "outside of the root's domain too");
    check::expect(std::isnan(found.columns[1][2]), "what is no gradient stays nan");
}

void wrong_lengths_are_refused() {
    const Executable executable(
        program::parse("v0 = uniform(\"w\")\nv1 = varying(\"x\")\nv2 = mul(v0, v1)\noutput(\"y\", v2)\n"));
    check::expect_throws<LengthError>([&] { run(executable, {}, {{1.0}}, 1); }, "a uniform input is missing");
    check::expect_throws<LengthError>([&] { run(executable, {1.0}, {}, 1); }, "a varying input is missing");
    check::expect_throws<ProgramError>(
        [] {
            Executable(program::parse("v0 = varying(\"x\")\nv1 = lane_sum(v0)\nv2 = sub(v0, v1)\noutput(\"y\", v2)\n"));
        },
        "lanes that depend on a sum over lanes");
}

int asked = 0;

void short_runs_ask_too() {
    const Executable executable(program::parse("v0 = varying(\"x\")\n" + chain("v0", "sin", 1, 200) +
                                               "v201 = lane_sum(v200)\noutput(\"y\", v201)\n"));
    const std::vector<double> x(4096, 0.5);
    const exec::Column column{reinterpret_cast<const std::byte*>(x.data()), sizeof(double)};
    double y = 0.0;
    const auto interrupt = [] { return ++asked > 2; };
    bool interrupted = false;
    for (int run = 0; run < 1'000'000 && !interrupted; ++run) {  // each is over before there is reason to ask
        try {
            executable.run({.lanes = 4096, .uniforms = {}, .columns = std::span(&column, 1)},
                           {.uniforms = std::span(&y, 1), .columns = {}}, {.interrupt = interrupt});
        } catch (const Interrupted&) {
            interrupted = true;
        }
    }
    check::expect(interrupted, "one of many short runs asks whether to go on");
}

}  // namespace

int main() {
    return check::run("lower",
                      {uniform_work_is_done_once, what_depends_on_sums_comes_after_the_body, slots_are_used_again,
                       every_number_of_lanes_gives_the_programs_numbers,
                       an_output_that_turned_out_constant_still_has_a_number_per_lane,
                       only_gradients_that_are_nan_are_computed_again, wrong_lengths_are_refused, short_runs_ask_too});
}

// Traces: the log of decisions, what a tracing tape refuses, and the Program made from it.
#include <bit>
#include <vector>

#include "check.hpp"
#include "reelgrad/ops/composites.hpp"
#include "reelgrad/program/classify.hpp"
#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/from_tape.hpp"
#include "reelgrad/tape/var.hpp"

using namespace reelgrad;
using check::expect;
using check::expect_same;
using check::expect_throws;
using program::Code;
using program::Program;
using program::Rate;
using program::ValueId;

namespace {

// A tape of its own with two variables, tracing while it lives.
struct Traced {
    TraceLog log;
    Tape tape;
    Var x, y;

    explicit Traced(std::vector<TraceLog::Decision> forced = {})
        : log(std::move(forced)), x(Var::variable(tape, 0.75)), y(Var::variable(tape, -1.5)) {
        tape.begin_trace(log);
    }
    Program program(std::span<const Var> outputs) const {
        const std::vector<program::TapeInput> inputs{{variable_index(0), "x", Rate::uniform},
                                                     {variable_index(1), "y", Rate::varying}};
        std::vector<program::TapeOutput> out;
        for (const Var& v : outputs) {
            if (v.is_constant()) {
                out.push_back({"constant", {}, v.value()});
            } else {
                out.push_back({"entry", v.index()});
            }
        }
        return program::program_of(tape, inputs, out);
    }
};

// The values of a Program by the table's templates over double.
std::vector<double> evaluated(const Program& program, std::span<const double> inputs) {
    std::vector<double> values(program.size());
    for (ValueId v = 0; v < program.size(); ++v) {
        const program::Instruction& instruction = program[v];
        std::vector<double> x;
        if (instruction.code == Code::constant) {
            values[v] = program.constant(v);
        } else if (instruction.code == Code::input) {
            values[v] = inputs[instruction.operand[0]];
        } else {
            for (const ValueId operand : program.operands(v)) x.push_back(values[operand]);
        }
        const auto evaluate = [&]<class Op>() {
            if (instruction.code != program::code_of<Op>) return;
            if constexpr (ops::arity_v<Op> == 1) {
                values[v] = Op::value(x[0]);
            } else if constexpr (ops::arity_v<Op> == 2) {
                values[v] = Op::value(x[0], x[1]);
            } else {
                values[v] = Op::value(x[0], x[1], x[2]);
            }
        };
        ops::for_each(ops::Primitives{}, evaluate);
        ops::for_each(ops::Conditions{}, evaluate);
        ops::for_each(ops::Reductions{}, [&]<class Op>() {
            if (instruction.code == program::code_of<Op>) values[v] = Op::value(std::span<const double>(x));
        });
    }
    return values;
}

bool same_bits(double a, double b) { return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b); }

void a_program_computes_what_the_tape_recorded() {
    Traced t;
    const Var &x = t.x, &y = t.y;
    const std::vector<Var> several{x, 2.0, y, x * y}, others{1.5, y, -1.0, exp(x)};
    const std::vector<Var> outputs{
        x,
        2.5,
        x + y,
        x - 3.0,
        3.0 - x,
        pow(2.0, y) / x,
        tanh(x) * -0.0,
        -y,
        fma(x, 2.0, y),
        fma(3.0, x, -1.0),
        clip(x, 0.0, 0.5),
        where(1.0, x, y),
        sum(several),
        dot(several, others),
        prod(several),
        logsumexp(several),
        norm(several),
        detail::apply<ops::Less>(x, y),
        detail::apply<ops::LessEqual>(2.0, y),
        detail::apply<ops::Equal>(x, 0.75),
        detail::apply<ops::NotEqual>(x, x),
        detail::apply<ops::LogicalNot>(detail::apply<ops::LogicalAnd>(x, 0.0)),
        detail::apply<ops::LogicalOr>(x, y),
        where(detail::apply<ops::Less>(x, y), x, y),
        where(detail::apply<ops::Less>(y, x), 1.0, 2.0),
    };
    const Program program = t.program(outputs);
    const std::vector<double> values = evaluated(program, std::vector{0.75, -1.5});
    for (std::size_t k = 0; k < outputs.size(); ++k) {
        expect(same_bits(values[program.outputs()[k].value], outputs[k].value_unchecked()),
               "output " + std::to_string(k));
    }
    expect(program.rate(program.outputs()[0].value) == Rate::uniform, "x is uniform");
    expect(program.rate(program.outputs()[1].value) == Rate::constant, "2.5 is constant");
    expect(program.rate(program.outputs()[2].value) == Rate::varying, "x + y is varying");
}

void only_what_is_needed_becomes_instructions_and_every_input() {
    Traced t;
    Var unused = t.x;
    for (int k = 0; k < 1000; ++k) unused = sin(unused);
    const Var wide = sum(std::vector<Var>{unused, t.x, t.y});
    const Var result = t.x * 2.0;
    const Program program = t.program(std::vector<Var>{result, wide * 0.0 + 1.0}), small = t.program({&result, 1});
    expect(program.size() > 1000, "what an output needs is there");
    expect(small.size() == 4, "two inputs, the constant, the product");
    expect(small.inputs().size() == 2, "an input that nothing needs is one all the same");
    expect(small.inputs()[1].name == "y" && small.inputs()[1].rate == Rate::varying, "with its name and rate");
}

void variables_that_are_no_inputs_are_constants() {
    Traced t;
    const Var made_inside = Var::variable(t.tape, 4.0);
    const Program program = t.program(std::vector<Var>{t.x * made_inside, made_inside});
    expect(program.inputs().size() == 2, "there are two inputs");
    const ValueId v = program.outputs()[1].value;
    expect(program.is_constant(v) && program.constant(v) == 4.0, "the variable is a constant");
}

void inputs_must_be_variables_and_distinct() {
    Traced t;
    const Var y = t.x * 2.0;
    const auto made = [&](Index a, Index b) {
        return [&t, a, b] {
            const std::vector<program::TapeInput> inputs{{a, "a", Rate::uniform}, {b, "b", Rate::uniform}};
            program::program_of(t.tape, inputs, {});
        };
    };
    expect_throws<ProgramError>(made(variable_index(0), y.index()), "an operator as an input");
    expect_throws<ProgramError>(made(variable_index(0), variable_index(2)), "a variable that is not there");
    expect_throws<ProgramError>(made(variable_index(1), variable_index(1)), "a variable twice");
}

void guards_come_over_with_their_lines_and_what_they_need() {
    Traced t;
    const Var c = detail::apply<ops::Less>(t.x * t.y, 0.0), d = detail::apply<ops::Less>(t.y, t.x);
    expect(t.log.decide(c.index(), c.value_unchecked() != 0.0, "a.py:1"), "x y < 0 holds");
    expect(t.log.decide(d.index(), d.value_unchecked() != 0.0, "a.py:2"), "y < x holds");
    const Program program = t.program(std::vector<Var>{t.x});
    expect(program.guards().size() == 2, "two guards");
    expect(program[program.guards()[0].condition].code == program::code_of<ops::Less>, "their conditions are there");
    expect(program.guards()[0].source == "a.py:1" && program.guards()[1].source == "a.py:2", "with their lines");
    expect(program.guards()[0].taken && program.guards()[1].taken, "and their decisions");
}

void the_classifier_tells_the_first_guard_that_disagrees() {
    Traced t;
    const Var c = detail::apply<ops::Less>(t.x, 0.0), d = detail::apply<ops::Less>(t.y, 0.0);
    Var unused = t.x;
    for (int k = 0; k < 100; ++k) unused = sin(unused);
    t.log.decide(c.index(), c.value_unchecked() != 0.0, "a.py:1");  // false: x is 0.75
    t.log.decide(d.index(), d.value_unchecked() != 0.0, "a.py:2");  // true: y is -1.5
    const Program program = t.program({&unused, 1});
    const auto told = [&](double x, double y, std::size_t first) {
        const Program classifier = program::classifier(program, first);
        expect(classifier.guards().empty() && classifier.inputs().size() == 2, "no guards, all inputs");
        expect(classifier.size() < 10, "nothing but what the guards need");
        return evaluated(classifier, std::vector{x, y})[classifier.outputs()[0].value];
    };
    expect(told(1.0, -1.0, 0) == 2.0, "no guard disagrees");
    expect(told(-1.0, -1.0, 0) == 0.0, "the first one does");
    expect(told(1.0, 1.0, 0) == 1.0, "the second one does");
    expect(told(-1.0, 1.0, 0) == 0.0, "both do: the first is told");
    expect(told(-1.0, 1.0, 1) == 1.0, "asked from the second on");
    expect(told(-1.0, 1.0, 2) == 2.0, "asked for none");
    expect_throws<ProgramError>([&] { program::classifier(program, 3); }, "more guards than there are");
}

void forced_decisions_win_and_must_be_asked_for_at_their_lines() {
    TraceLog log({{false, "a.py:1"}, {true, ""}});
    expect(!log.decide(0, true, "a.py:1"), "forced against its value");
    expect_throws<TraceError>([&] { log.require_all_decided(); }, "one forced decision was not asked for");
    expect(log.decide(1, false, "anywhere"), "forced with no line");
    log.require_all_decided();
    expect(!log.decide(2, false, "a.py:3"), "free from there");
    TraceLog other({{false, "a.py:1"}});
    expect_throws<TraceError>([&] { other.decide(0, true, "a.py:9"); }, "another line");
}

void a_tracing_tape_is_not_swept_rewound_or_collected() {
    Traced t;
    const Mark mark = t.tape.mark();
    const Var y = t.x * t.y;
    expect_throws<TraceError>([&] { y.backward(); }, "backward");
    expect_throws<TraceError>([&] { t.tape.rewind(mark); }, "rewind");
    expect_throws<TraceError>([&] { t.tape.reset(); }, "reset");
    expect(t.tape.collect() == 0 && t.tape.size() == 1, "collection does nothing");
    expect(!t.tape.compares_by_value(), "comparisons are recorded");
    t.tape.end_trace();
    expect(t.tape.compares_by_value() && t.tape.was_traced() && t.tape.size() == 0, "after the trace nothing is left");
    expect_throws<StaleNodeError>([&] { y.value(); }, "what leaked out is stale");
}

void tapes_outside_of_traces_count_how_many() {
    Tape tape;
    tape.stand_outside(true);
    tape.stand_outside(true);
    tape.stand_outside(false);
    expect(!tape.compares_by_value(), "still outside of one");
    tape.stand_outside(false);
    expect(tape.compares_by_value(), "outside of none");
}

void a_comparison_of_vars_is_recorded_and_its_branch_a_guard() {
    Traced t({{false, "here"}});
    t.log.set_locate([] { return std::string("here"); });
    expect(!(t.x > t.y), "forced against its value");
    expect(t.x * t.y < 0.0 && t.x != 2.0 && t.x == t.x && 1.0 >= t.x && t.y <= t.x, "free from there");
    expect(Var(1.0) < Var(2.0), "constants are numbers here too");
    expect(t.log.guards().size() == 6 && t.tape.size() == 7, "six conditions, six guards, and a product");
    expect(t.log.guards()[1].taken && t.log.guards()[1].source == "here", "with the place");
    expect(t.tape.opcode(0) == opcode_of<ops::Less>, "x > y is y < x");
    expect_throws<TraceError>([&] { t.x.value(); }, "a number of a traced value");

    Tape outside;
    outside.stand_outside(true);
    const Var z = Var::variable(outside, 1.0);
    expect_throws<TapeMismatchError>([&] { static_cast<void>(z < 2.0); }, "a value from outside decides nothing");
    expect_throws<TapeMismatchError>([&] { static_cast<void>(z < t.x); }, "nor beside a traced one");
}

void a_detached_value_is_a_constant_but_in_a_trace() {
    Tape eager;
    const Var x = Var::variable(eager, 3.0);
    expect(detached(x).is_constant(), "eager: a constant");
    Traced t;
    const Var d = detached(t.x);
    expect(!d.is_constant() && t.tape.opcode(d.index()) == opcode_of<ops::StopGradient>, "traced: stop_gradient");
    expect(detached(Var(2.0)).is_constant(), "a constant stays one");

    const std::vector<Var> logits{t.x, t.y, 0.5};
    const std::vector<Var> shares = ops::Softmax::value(std::span<const Var>(logits));
    const Program program = t.program(shares);
    const std::vector<double> at{2.0, 700.0}, values = evaluated(program, at);
    const std::vector<double> numbers{2.0, 700.0, 0.5};
    const std::vector<double> wanted = ops::Softmax::value(std::span<const double>(numbers));
    for (std::size_t k = 0; k < 3; ++k) {
        expect_same(values[program.outputs()[k].value], wanted[k], "softmax elsewhere than where it was traced");
    }
}

void mixing_with_a_trace_says_what_to_do() {
    Traced t;
    Tape eager;
    const Var outside = Var::variable(eager, 1.0);
    try {
        static_cast<void>(t.x * outside);
        expect(false, "a Node from outside meets a traced one");
    } catch (const TapeMismatchError& error) {
        expect(std::string(error.what()).find("as an argument") != std::string::npos, "the cure is told");
    }
}

}  // namespace

int main() {
    return check::run(
        "test_trace",
        {a_program_computes_what_the_tape_recorded, only_what_is_needed_becomes_instructions_and_every_input,
         variables_that_are_no_inputs_are_constants, inputs_must_be_variables_and_distinct,
         guards_come_over_with_their_lines_and_what_they_need, the_classifier_tells_the_first_guard_that_disagrees,
         forced_decisions_win_and_must_be_asked_for_at_their_lines, a_tracing_tape_is_not_swept_rewound_or_collected,
         tapes_outside_of_traces_count_how_many, a_comparison_of_vars_is_recorded_and_its_branch_a_guard,
         a_detached_value_is_a_constant_but_in_a_trace, mixing_with_a_trace_says_what_to_do});
}

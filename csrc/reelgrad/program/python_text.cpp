#include "reelgrad/program/python_text.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <set>
#include <string_view>
#include <vector>

#include "reelgrad/ops/formula.hpp"

namespace reelgrad::program {
namespace {

using ops::Binding;
using ops::Formula;

constexpr std::size_t kWidest = 100;  // of a line, where it can be broken
constexpr std::size_t kInline = 48;   // of a formula that stands where it is used

bool is_word(char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

Formula number(double x) {
    if (x != x) return Formula("nan");
    char buffer[40];
    std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, x).ptr);
    return Formula(std::move(text), text.starts_with('-') ? Binding::minus : Binding::atom);
}

// Names of inputs as Python's identifiers, no two the same and none that stands for something else.
class Names {
  public:
    Names() {
        for (const CodeInfo& entry : code_infos) used_.emplace(entry.name);
        for (const char* word :
             {"and", "as",    "assert", "def",    "del",  "elif",     "else",  "for",   "from",  "if",      "import",
              "in",  "inf",   "is",     "lambda", "nan",  "nonlocal", "not",   "or",    "pass",  "program", "return",
              "try", "while", "with",   "yield",  "None", "True",     "False", "class", "global"}) {
            used_.emplace(word);
        }
    }

    std::string identifier(std::string_view name) {
        std::string text(name.empty() || !is_word(name.front()) || is_digit(name.front()) ? "x" : "");
        for (const char c : name) {
            if (is_word(c)) {
                text += c;
            } else if (!text.empty() && text.back() != '_') {
                text += '_';
            }
        }
        while (!text.empty() && text.back() == '_') text.pop_back();
        const bool like_a_value = text.size() > 1 && text[0] == 'v' && std::ranges::all_of(text.substr(1), is_digit);
        if (like_a_value) text += '_';
        std::string unique = text;
        for (int count = 2; !used_.insert(unique).second; ++count) unique = text + '_' + std::to_string(count);
        return unique;
    }

  private:
    std::set<std::string> used_;
};

std::string on_one_line(std::string_view text) {
    std::string result(text);
    std::ranges::replace_if(result, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    return result;
}

// Breaks a line after commas: they all stand inside brackets.
std::string broken(const std::string& line) {
    if (line.size() <= kWidest) return line + '\n';
    std::string result;
    std::size_t begin = 0, comma = std::string::npos;
    std::size_t room = kWidest;
    for (std::size_t i = 0; i + 1 < line.size(); ++i) {
        if (line[i] == ',' && line[i + 1] == ' ') {
            if (i - begin >= room && comma != std::string::npos) {
                result += line.substr(begin, comma + 1 - begin) + "\n        ";
                begin = comma + 2;
                room = kWidest - 8;
            }
            comma = i;
        }
    }
    if (line.size() - begin > room && comma != std::string::npos && comma > begin) {
        result += line.substr(begin, comma + 1 - begin) + "\n        ";
        begin = comma + 2;
    }
    return result + line.substr(begin) + '\n';
}

class Writer {
  public:
    explicit Writer(const Program& program) : program_(program), uses_(program.size()) {
        for (ValueId v = 0; v < program.size(); ++v) {
            for (const ValueId operand : program.operands(v)) ++uses_[operand];
        }
        // A guard stands before what follows it, and its condition may stand there: it counts as one use.
        for (const Guard& guard : program.guards()) ++uses_[guard.condition];
        for (const Output& output : program.outputs()) ++uses_[output.value];
    }

    std::string write() {
        head();
        formulas_.reserve(program_.size());
        for (ValueId v = 0; v < program_.size(); ++v) value(v);
        for (const Guard& guard : program_.guards()) {
            const Formula& condition = formulas_[guard.condition];
            std::string line =
                "    assert " + (guard.taken ? condition.str() : "not " + condition.at_least(Binding::comparison));
            if (!guard.source.empty()) line += "  # " + on_one_line(guard.source);
            text_ += line + '\n';
        }
        outputs();
        text_.pop_back();  // print() ends the last line
        return std::move(text_);
    }

  private:
    void head() {
        std::string line = "def program(", varying;
        for (const Input& input : program_.inputs()) {
            inputs_.push_back(names_.identifier(input.name));
            if (inputs_.size() > 1) line += ", ";
            line += inputs_.back();
            if (input.rate == Rate::varying) varying += (varying.empty() ? "" : ", ") + inputs_.back();
        }
        text_ += broken(line + "):");
        if (!varying.empty())
            text_ += broken("    # a number for each lane: " + varying.substr(0, kWidest / 2) +
                            (varying.size() > kWidest / 2 ? " ..." : ""));
    }

    void value(ValueId v) {
        const Instruction& instruction = program_[v];
        if (instruction.code == Code::constant) {
            formulas_.push_back(number(program_.constant(v)));
        } else if (instruction.code == Code::input) {
            formulas_.emplace_back(inputs_[program_.input_number(v)]);
        } else {
            Formula formula = formula_of(v);
            if (uses_[v] == 1 && formula.str().size() <= kInline) {
                formulas_.push_back(std::move(formula));
                return;
            }
            const std::string name = 'v' + std::to_string(v);
            if (uses_[v] > 0) text_ += broken("    " + name + " = " + formula.str());
            formulas_.emplace_back(name);
        }
    }

    Formula formula_of(ValueId v) {
        const Code code = program_[v].code;
        const auto x = program_.operands(v);
        if (code == Code::lane_sum) return Formula::call("lane_sum", formulas_[x[0]]);
        if (code == Code::dot_add) {
            std::vector<ValueId> a, b;
            for (std::size_t k = 1; k + 1 < x.size(); k += 2) {
                a.push_back(x[k]);
                b.push_back(x[k + 1]);
            }
            return formulas_[x[0]] + Formula("dot(" + list(a) + ", " + list(b) + ")");
        }
        if (code == code_of<ops::Dot>) {
            const std::size_t half = x.size() / 2;
            return Formula("dot(" + list(x.first(half)) + ", " + list(x.subspan(half)) + ")");
        }
        if (is_reduction(code)) return Formula(std::string(info(code).name) + '(' + list(x) + ')');
        Formula result("");
        for_each_elementwise([&]<class Op>() {
            if (code_of<Op> == code) result = elementwise<Op>(x);
        });
        return result;
    }

    template <class Op>
    Formula elementwise(std::span<const ValueId> x) const {
        const auto f = [&](std::size_t k) -> const Formula& { return formulas_[x[k]]; };
        if constexpr (std::same_as<Op, ops::LogicalNot>) {
            return Formula::prefix("not ", f(0), Binding::negation, Binding::negation);
        } else if constexpr (std::same_as<Op, ops::LogicalAnd>) {
            return Formula::infix(f(0), " and ", f(1), Binding::both, Binding::both, Binding::negation);
        } else if constexpr (std::same_as<Op, ops::LogicalOr>) {
            return Formula::infix(f(0), " or ", f(1), Binding::either, Binding::either, Binding::both);
        } else if constexpr (std::same_as<Op, ops::ZeroProduct> || std::same_as<Op, ops::ZMul> ||
                             std::same_as<Op, ops::SMul>) {
            return Formula::call(Op::name, f(0), f(1));
        } else if constexpr (ops::detail::position<Op>(ops::Conditions{}) < ops::Conditions::size) {
            std::string symbol(1, ' ');
            symbol.append(Op::symbol).append(1, ' ');
            return Formula::infix(f(0), symbol, f(1), Binding::comparison, Binding::sum, Binding::sum);
        } else if constexpr (ops::arity_v<Op> == 1) {
            return Op::value(f(0));
        } else if constexpr (ops::arity_v<Op> == 2) {
            return Op::value(f(0), f(1));
        } else {
            return Op::value(f(0), f(1), f(2));
        }
    }

    std::string list(std::span<const ValueId> values) const {
        std::string text = "[";
        for (const ValueId v : values) {
            if (text.size() > 1) text += ", ";
            text += formulas_[v].str();
        }
        return text + ']';
    }

    void outputs() {
        const std::vector<Output>& outputs = program_.outputs();
        const auto named = [](const Output& output) {
            return output.name.empty() ? std::string() : "  # " + on_one_line(output.name);
        };
        if (outputs.size() == 1) {
            text_ += "    return (" + formulas_[outputs[0].value].str() + ",)" + named(outputs[0]) + '\n';
            return;
        }
        text_ += "    return (\n";
        for (const Output& output : outputs) {
            text_ += "        " + formulas_[output.value].str() + ',' + named(output) + '\n';
        }
        text_ += "    )\n";
    }

    const Program& program_;
    std::vector<std::size_t> uses_;
    std::vector<Formula> formulas_;  // of each value: its name, or what stands in its place
    std::vector<std::string> inputs_;
    Names names_;
    std::string text_;
};

}  // namespace

std::string python_text(const Program& program) { return Writer(program).write(); }

}  // namespace reelgrad::program

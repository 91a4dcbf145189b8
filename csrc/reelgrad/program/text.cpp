#include "reelgrad/program/text.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>
#include <sstream>

#include "reelgrad/program/errors.hpp"
#include "reelgrad/program/verify.hpp"

namespace reelgrad::program {
namespace {

constexpr std::uint64_t kUsualNan = 0x7ff8000000000000;

std::string number_text(double number) {
    const auto bits = std::bit_cast<std::uint64_t>(number);
    char buffer[40];
    if (number != number) {
        if (bits == kUsualNan) return "nan";
        const auto end = std::to_chars(buffer, buffer + sizeof buffer, bits, 16).ptr;
        return "nan(0x" + std::string(buffer, end) + ")";
    }
    std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, number).ptr);
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    return text;
}

std::string in_quotes(std::string_view text) { return std::string(1, '"').append(text).append(1, '"'); }

// As a string of the text form.
std::string quoted(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string result = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            result += '\\';
            result += c;
        } else if (byte < 0x20) {
            result += "\\x";
            result += digits[byte / 16];
            result += digits[byte % 16];
        } else {
            result += c;
        }
    }
    return result + '"';
}

std::optional<Code> code_named(std::string_view name) {
    for (std::size_t code = 0; code < static_cast<std::size_t>(Code::input); ++code) {
        if (code_infos[code].name == name) return static_cast<Code>(code);
    }
    return std::nullopt;
}

// Reads one line, from left to right.
class Line {
  public:
    Line(std::string_view text, std::size_t number) : rest_(text), number_(number) {}

    [[noreturn]] void reject(const std::string& why) const {
        throw ProgramError("line " + std::to_string(number_) + ": " + why);
    }

    bool at_end() {
        skip_spaces();
        return rest_.empty() || rest_.front() == '#';
    }
    void end() {
        if (!at_end()) reject(in_quotes(rest_) + " is too much");
    }
    bool take(std::string_view token) {
        skip_spaces();
        if (!rest_.starts_with(token)) return false;
        rest_.remove_prefix(token.size());
        return true;
    }
    void need(std::string_view token) {
        if (!take(token)) reject(in_quotes(token) + " is missing before " + in_quotes(rest_));
    }
    std::string_view word() {
        skip_spaces();
        const auto ends = [](char c) {
            return !(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'));
        };
        const auto length = static_cast<std::size_t>(std::ranges::find_if(rest_, ends) - rest_.begin());
        const std::string_view found = rest_.substr(0, length);
        if (found.empty()) reject("a name is missing before " + in_quotes(rest_));
        rest_.remove_prefix(length);
        return found;
    }
    ValueId value() {
        const std::string_view name = word();
        ValueId v = kNoValue;
        const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), v);
        if (name[0] != 'v' || error != std::errc() || end != name.data() + name.size()) {
            reject(in_quotes(name) + " is no value; values are v0, v1 ...");
        }
        return v;
    }
    std::string string() {
        need("\"");
        std::string result;
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\') {
                rest_.remove_prefix(1);
                if (rest_.empty()) break;
                if (rest_.front() == 'x') {
                    unsigned byte = 0;
                    const char* const digits = rest_.data() + 1;
                    if (rest_.size() < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2) {
                        reject("\\x is followed by two hexadecimal digits");
                    }
                    result += static_cast<char>(byte);
                    rest_.remove_prefix(3);
                    continue;
                }
            }
            result += rest_.front();
            rest_.remove_prefix(1);
        }
        if (rest_.empty()) reject("the string does not end");
        rest_.remove_prefix(1);
        return result;
    }
    double number() {
        skip_spaces();
        if (take("nan(0x")) {
            std::uint64_t bits = 0;
            advance(std::from_chars(rest_.data(), rest_.data() + rest_.size(), bits, 16), "hexadecimal number");
            need(")");
            const auto result = std::bit_cast<double>(bits);
            if (result == result) reject("the bits are not those of a nan");
            return result;
        }
        if (take("nan")) return std::bit_cast<double>(kUsualNan);
        double result = 0.0;
#if defined(__cpp_lib_to_chars)
        advance(std::from_chars(rest_.data(), rest_.data() + rest_.size(), result), "number");
#else
        const std::string token(rest_.substr(0, rest_.find_first_of("), #")));
        std::istringstream stream(token);
        stream.imbue(std::locale::classic());
        if (token == "inf" || token == "-inf") {
            result = token == "inf" ? ops::infinity : -ops::infinity;
        } else if (!(stream >> result) || stream.peek() != std::char_traits<char>::eof()) {
            reject(in_quotes(rest_) + " does not begin with a number");
        }
        rest_.remove_prefix(token.size());
#endif
        return result;
    }

  private:
    void skip_spaces() {
        const std::size_t first = rest_.find_first_not_of(" \t\r");
        rest_.remove_prefix(first == std::string_view::npos ? rest_.size() : first);
    }
    void advance(std::from_chars_result result, const char* what) {
        if (result.ec != std::errc()) reject(in_quotes(rest_) + " does not begin with a " + what);
        rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    }

    std::string_view rest_;
    std::size_t number_;
};

class Parser {
  public:
    void read(Line& line) {
        if (line.take("guard(")) {
            const ValueId condition = line.value();
            line.need(",");
            const std::string_view taken = line.word();
            if (taken != "true" && taken != "false") line.reject("a guard's condition is true or false");
            line.need(",");
            parts_.guards.push_back({condition, taken == "true", line.string()});
            line.need(")");
        } else if (const bool gradient = line.take("gradient("); gradient || line.take("output(")) {
            std::string name = line.string();
            line.need(",");
            parts_.outputs.push_back({std::move(name), line.value(), gradient});
            line.need(")");
        } else {
            read_instruction(line);
        }
        line.end();
    }

    Program finish() { return Program::from(std::move(parts_)); }

  private:
    void read_instruction(Line& line) {
        const auto next = static_cast<ValueId>(parts_.instructions.size());
        if (line.value() != next) line.reject("the next value is v" + std::to_string(next));
        line.need("=");
        const std::string_view name = line.word();
        line.need("(");
        if (name == "uniform" || name == "varying") {
            read_input(line, name == "uniform" ? Rate::uniform : Rate::varying);
        } else if (name == "constant") {
            const auto place = static_cast<ValueId>(parts_.constants.size());
            parts_.constants.push_back(line.number());
            line.need(")");
            append({.code = Code::constant, .operand = {place, kNoValue, kNoValue}}, Rate::constant);
        } else if (const auto code = code_named(name)) {
            read_operator(line, *code);
        } else {
            line.reject("there is no operator " + in_quotes(name));
        }
    }

    void read_input(Line& line, Rate rate) {
        const auto number = static_cast<ValueId>(parts_.inputs.size());
        parts_.inputs.push_back({line.string(), rate});
        line.need(")");
        parts_.input_values.push_back(static_cast<ValueId>(parts_.instructions.size()));
        append({.code = Code::input, .operand = {number, kNoValue, kNoValue}}, rate);
    }

    void read_operator(Line& line, Code code) {
        operands_.clear();
        while (!line.take(")")) {
            if (!operands_.empty()) line.need(",");
            operands_.push_back(line.value());
        }
        Rate rate = Rate::uniform;
        for (const ValueId operand : operands_) {
            if (operand < parts_.rates.size()) rate = std::max(rate, parts_.rates[operand]);
        }
        Instruction instruction{.code = code, .accumulates = line.take("accumulates")};
        if (is_reduction(code)) {
            instruction.operand[0] = static_cast<ValueId>(parts_.rows.size());
            instruction.operand[1] = static_cast<ValueId>(operands_.size());
            parts_.rows.insert(parts_.rows.end(), operands_.begin(), operands_.end());
        } else {
            if (operands_.size() > 3) line.reject(std::string(info(code).name) + " does not take so many operands");
            std::ranges::copy(operands_, instruction.operand.begin());
        }
        append(instruction, code == Code::lane_sum ? Rate::uniform : rate);
    }

    void append(const Instruction& instruction, Rate rate) {
        parts_.instructions.push_back(instruction);
        parts_.rates.push_back(rate);
    }

    Program::Parts parts_;
    std::vector<ValueId> operands_;
};

}  // namespace

std::string print(const Program& program) {
    std::string text;
    for (ValueId v = 0; v < program.size(); ++v) {
        text += 'v' + std::to_string(v) + " = ";
        const Instruction& instruction = program[v];
        if (instruction.code == Code::constant) {
            text += "constant(" + number_text(program.constant(v));
        } else if (instruction.code == Code::input) {
            const Input& input = program.inputs()[program.input_number(v)];
            text += (input.rate == Rate::varying ? "varying(" : "uniform(") + quoted(input.name);
        } else {
            text += info(instruction.code).name;
            text += '(';
            bool first = true;
            for (const ValueId operand : program.operands(v)) {
                text += (first ? "v" : ", v") + std::to_string(operand);
                first = false;
            }
        }
        text += instruction.accumulates ? ") accumulates\n" : ")\n";
    }
    for (const Guard& guard : program.guards()) {
        text += "guard(v" + std::to_string(guard.condition) + (guard.taken ? ", true, " : ", false, ") +
                quoted(guard.source) + ")\n";
    }
    for (const Output& output : program.outputs()) {
        text += (output.gradient ? "gradient(" : "output(") + quoted(output.name) + ", v" +
                std::to_string(output.value) + ")\n";
    }
    return text;
}

Program parse(std::string_view text) {
    Parser parser;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t length = std::min(text.find('\n'), text.size());
        Line line(text.substr(0, length), number);
        if (!line.at_end()) parser.read(line);
        text.remove_prefix(std::min(length + 1, text.size()));
    }
    Program program = parser.finish();
    verify(program);
    return program;
}

}  // namespace reelgrad::program

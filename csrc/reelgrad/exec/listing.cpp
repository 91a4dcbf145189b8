#include "reelgrad/exec/listing.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>
#include <vector>

namespace reelgrad::exec {
namespace {

using program::Code;
using program::Program;
using program::Rate;

constexpr std::array<std::string_view, 4> kComparisons{"<", "<=", "==", "!="};  // in the order of KernelTable::gate

// What a handler does, and so how its operands are to be read.
struct Meaning {
    enum Kind : std::uint8_t {
        elementwise,
        then_mul,
        of_affine,
        run,
        gate,
        sum,
        dot,
        dot_add,
        two_dots,
        two_dots_add,
        row_sum,
        row_update,
        load,
        store,
        splat
    };
    Kind kind;
    std::string_view name = {};  // of an operator, or of a comparison
    std::size_t arity = 0;
};

class Meanings {
  public:
    explicit Meanings(const KernelTable& t) {
        for (std::size_t code = 0; code < kCodes; ++code) {
            const program::CodeInfo& info = program::info(static_cast<Code>(code));
            const Meaning meaning{Meaning::elementwise, info.name,
                                  static_cast<std::size_t>(std::max<int>(info.arity, 0))};
            for (const Handler handler : t.wide[code]) enter(handler, meaning);
            enter(t.of_affine[code], {Meaning::of_affine, meaning.name});
            for (const Handler handler : t.then_mul[code]) {
                enter(handler, {Meaning::then_mul, meaning.name, meaning.arity});
            }
            enter(t.lane[code], meaning);
            enter(t.lane_run[code], {Meaning::run, meaning.name, meaning.arity});
        }
        for (std::size_t k = 0; k < kComparisons.size(); ++k) {
            for (const Handler handler : t.gate[k]) enter(handler, {Meaning::gate, kComparisons[k]});
        }
        for (const Handler handler : t.dot[KernelTable::no_addend]) enter(handler, {Meaning::dot});
        for (const auto& handlers : {t.dot[KernelTable::scalar_addend], t.dot[KernelTable::slot_addend]}) {
            for (const Handler handler : handlers) enter(handler, {Meaning::dot_add});
        }
        enter(t.two_dots[0], {Meaning::two_dots});
        enter(t.two_dots[1], {Meaning::two_dots_add});
        enter(t.lane_dot[0], {Meaning::dot});
        enter(t.lane_dot[1], {Meaning::dot_add});
        for (const Handler handler : {t.wide_sum, t.lane_sum}) enter(handler, {Meaning::sum});
        for (const Handler handler : {t.store, t.store_gradient, t.store_where_nan}) enter(handler, {Meaning::store});
        enter(t.row_sum, {Meaning::row_sum});
        enter(t.row_update, {Meaning::row_update});
        enter(t.load, {Meaning::load});
        enter(t.splat, {Meaning::splat});
    }

    // Handlers of no meaning known here are shown as "?".
    Meaning of(Handler handler) const {
        const auto found = meanings_.find(handler);
        return found != meanings_.end() ? found->second : Meaning{Meaning::elementwise, "?", 3};
    }

  private:
    void enter(Handler handler, const Meaning& meaning) {
        if (handler != nullptr) meanings_.emplace(handler, meaning);
    }
    std::map<Handler, Meaning> meanings_;
};

std::string numbered(std::string_view name, std::size_t number) {
    return std::string(name).append(std::to_string(number));
}

std::string joint(std::size_t position, const char* between) { return position > 0 ? between : ""; }

std::string shortest(double number) {
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
}

class Listing {
  public:
    Listing(const Lowered& lowered, const KernelTable& kernels, const Program& program)
        : lowered_(lowered), meanings_(kernels) {
        for (const program::Input& input : program.inputs()) {
            (input.rate == Rate::varying ? columns_ : uniforms_).push_back(input.name);
        }
        for (const program::Output& output : program.outputs()) {
            (program.rate(output.value) == Rate::varying ? sinks_ : totals_).push_back(output.name);
        }
    }

    std::string text() const {
        std::string text = "prologue, once\n";
        for (const Op& op : lowered_.prologue) text += line(op);
        text += "body, for each block of " + std::to_string(lowered_.block) + " lanes, in " +
                std::to_string(lowered_.slot_count) + " slots\n";
        for (const Op& op : lowered_.body) text += line(op);
        text += "epilogue, once\n";
        for (const Op& op : lowered_.epilogue) text += line(op);
        for (std::size_t k = 0; k < totals_.size(); ++k) {
            text.append("  ").append(totals_[k]).append(" = ").append(cell(lowered_.uniform_outputs[k])).append("\n");
        }
        return text;
    }

  private:
    std::string cell(std::size_t number) const {
        if (number < uniforms_.size()) return uniforms_[number];
        if (number == lowered_.lanes_cell) return "lanes";
        if (number < lowered_.first_sum) return shortest(lowered_.cells[number]);
        if (number < lowered_.first_sum + lowered_.accumulators) {
            return numbered("sum", number - lowered_.first_sum);
        }
        return numbered("c", number - lowered_.first_sum - lowered_.accumulators);
    }

    // What is at an offset of the arena.
    std::string at(std::uint32_t offset) const {
        if (offset < lowered_.first_accumulator) return cell(offset / kCell);
        if (offset < lowered_.slots) return numbered("sum", (offset - lowered_.first_accumulator) / kCell);
        return numbered("s", (offset - lowered_.slots) / (lowered_.block * kCell));
    }

    std::string in_row(const Op& op, std::size_t k) const { return at(lowered_.rows[op.a + k]); }

    std::string line(const Op& op) const {
        const Meaning meaning = meanings_.of(op.handler);
        const std::array operands{op.a, op.b, op.c};
        std::string text = "  ";
        switch (meaning.kind) {
            case Meaning::elementwise:
                text += at(op.result) + " = " + std::string(meaning.name) + "(";
                for (std::size_t k = 0; k < meaning.arity; ++k) {
                    text += joint(k, ", ") + at(operands[k]);
                }
                text += ")";
                break;
            case Meaning::of_affine:
                text += at(op.result) + " = " + std::string(meaning.name) + "(" + at(op.a) + "*" + at(op.b) + " + " +
                        at(op.c) + ")";
                break;
            case Meaning::then_mul:
                text += at(op.result) + " = " + std::string(meaning.name) + "(";
                for (std::size_t k = 0; k < meaning.arity; ++k) text += joint(k, ", ") + in_row(op, k);
                text += ") * " + in_row(op, meaning.arity);
                break;
            case Meaning::run:
                text += "together\n";
                for (std::size_t i = 0; i < op.b; ++i) {
                    const std::size_t first = i * (meaning.arity + 1);
                    text += "    " + in_row(op, first + meaning.arity) + " = " + std::string(meaning.name) + "(";
                    for (std::size_t k = 0; k < meaning.arity; ++k) text += joint(k, ", ") + in_row(op, first + k);
                    text += i + 1 < op.b ? ")\n" : ")";
                }
                break;
            case Meaning::gate:
                text += at(op.result) + " = " + in_row(op, 2) + " where " + in_row(op, 0) + " " +
                        std::string(meaning.name) + " " + in_row(op, 1) + ", else " + in_row(op, 3);
                break;
            case Meaning::sum:
                text += at(op.result) + " = ";
                for (std::size_t k = 0; k < op.b; ++k) text += joint(k, " + ") + in_row(op, k);
                break;
            case Meaning::dot:
            case Meaning::dot_add:
                text += at(op.result) + " = " + (meaning.kind == Meaning::dot_add ? in_row(op, 0) + " + " : "");
                for (std::size_t k = 0; k < op.b; ++k) {
                    text += joint(k, " + ") + in_row(op, 1 + 2 * k) + "*" + in_row(op, 2 + 2 * k);
                }
                break;
            case Meaning::two_dots:
            case Meaning::two_dots_add: {
                const bool adds = meaning.kind == Meaning::two_dots_add;
                for (std::size_t which = 0; which < 2; ++which) {
                    text += (which == 0 ? at(op.result) : "\n  " + at(op.c)) + " = ";
                    if (adds) text += in_row(op, which) + " + ";
                    for (std::size_t k = 0; k < op.b; ++k) {
                        const std::size_t triple = (adds ? 2 : 0) + 3 * k;
                        text += joint(k, " + ") + in_row(op, triple) + "*" + in_row(op, triple + 1 + which);
                    }
                }
                break;
            }
            case Meaning::row_sum:
            case Meaning::row_update: {
                const std::size_t first = meaning.kind == Meaning::row_update ? 1 : 0;
                std::string sums, added;
                for (std::size_t k = 0; k < op.b; ++k) {
                    added += joint(k, ", ") + in_row(op, first + 2 * k);
                    sums += joint(k, ", ") + in_row(op, first + 1 + 2 * k);
                }
                const bool one = op.b == 1;
                text.append(one ? sums : "(" + sums + ")").append(" += ").append(one ? added : "(" + added + ")");
                if (first == 1) text.append(" * ").append(in_row(op, 0));
                break;
            }
            case Meaning::load:
                text += at(op.result) + " = load " + columns_[op.a];
                break;
            case Meaning::store:
                text.append("store ").append(sinks_[op.b]).append(" = ").append(at(op.a));
                break;
            case Meaning::splat:
                text += at(op.result) + " = " + at(op.a) + " in every lane";
                break;
        }
        return text + "\n";
    }

    const Lowered& lowered_;
    Meanings meanings_;
    std::vector<std::string> uniforms_, columns_, sinks_, totals_;
};

}  // namespace

std::string listing(const Lowered& lowered, const KernelTable& kernels, const Program& program) {
    return Listing(lowered, kernels, program).text();
}

}  // namespace reelgrad::exec

#include <algorithm>

#include "reelgrad/program/passes/passes.hpp"
#include "reelgrad/program/passes/rewriting.hpp"

namespace reelgrad::program {
namespace {

// Links of a chain that become one dot_add. Its operands must live until then: a bound keeps the values of a block in
// the cache, however long the chain.
constexpr std::size_t kMostLinks = 32;

struct Term {
    ValueId value;
    bool negative;
};

class DotFusion {
  public:
    explicit DotFusion(const Program& program)
        : to_(program), from_(to_.from), uses_(use_counts(program)), what_(program.size(), kCopied) {}

    Program run() {
        for (auto v = static_cast<ValueId>(from_.size()); v-- > 0;) {
            if (is_link(v) && what_[v] == kCopied) plan_chain(v);
            if (from_[v].code == code_of<ops::Sum> && is_sum_of_products(v)) take_products(v);
        }
        for (ValueId v = 0; v < from_.size(); ++v) {
            if (what_[v] == kInside) continue;
            if (what_[v] == kCopied || what_[v] == kVisited) {
                emit_single(v);
            } else {
                emit_segment(segments_[what_[v]], v);
            }
        }
        return to_.finish();
    }

  private:
    struct Segment {
        std::size_t first, count;  // terms
        ValueId below;             // the link that the segment goes on from, kNoValue if it begins the chain
        bool accumulates;
    };

    bool is_link(ValueId v) const {
        const Instruction& i = from_[v];
        return i.code == code_of<ops::Add> || (i.code == code_of<ops::Sub> && i.accumulates);
    }
    // A product, for use in a sum of that rate, that has no other use.
    bool is_product(ValueId v, Rate rate) const {
        const Code code = from_[v].code;
        return (code == code_of<ops::Mul> || code == code_of<ops::Square>) && uses_[v] == 1 && from_.rate(v) == rate;
    }
    bool is_uniform_times_varying(ValueId v) const {
        return std::min(from_.rate(from_.operands(v).front()), from_.rate(from_.operands(v).back())) != Rate::varying;
    }
    // A sum or dot that becomes part of a chain that goes on from it.
    bool is_inner_reduction(ValueId v, Rate rate) const {
        return uses_[v] == 1 && from_.rate(v) == rate && is_sum_of_products(v);
    }
    bool is_sum_of_products(ValueId v) const {
        if (from_[v].code == code_of<ops::Dot>) return true;
        if (from_[v].code != code_of<ops::Sum>) return false;
        const auto operands = from_.operands(v);
        const auto products = std::ranges::count_if(operands, [&](ValueId x) { return is_product(x, from_.rate(v)); });
        return products >= 2 && 2 * static_cast<std::size_t>(products) >= operands.size();
    }

    // The chain of additions that ends with `head`: links with a single use, of the head's kind and rate.
    void plan_chain(ValueId head) {
        const Rate rate = from_.rate(head);
        const bool accumulates = from_[head].accumulates;
        const auto goes_on = [&](ValueId v) {
            return is_link(v) && uses_[v] == 1 && from_.rate(v) == rate && from_[v].accumulates == accumulates &&
                   what_[v] == kCopied && !negates_what_varies(v);
        };
        what_[head] = kVisited;
        if (negates_what_varies(head)) return;
        links_.clear();
        terms_of_links_.clear();
        for (ValueId v = head;;) {
            const Instruction& i = from_[v];
            const bool subtracts = i.code == code_of<ops::Sub>;
            const std::size_t next = !subtracts && !goes_on(i.operand[0]) && goes_on(i.operand[1]) ? 1 : 0;
            links_.push_back(v);
            what_[v] = kVisited;
            terms_of_links_.push_back({i.operand[1 - next], subtracts});
            v = i.operand[next];
            if (!goes_on(v)) {
                terms_of_links_.push_back({v, false});
                break;
            }
        }
        // From the first addition on; a reduction first of all.
        std::ranges::reverse(links_);
        std::ranges::reverse(terms_of_links_);
        if (!terms_of_links_[1].negative && is_inner_reduction(terms_of_links_[1].value, rate)) {
            std::swap(terms_of_links_[0], terms_of_links_[1]);
        }
        plan_segments(rate, accumulates);
    }

    // Whether a link subtracts a product of which no factor can be negated outside the lanes.
    bool negates_what_varies(ValueId v) const {
        if (from_[v].code != code_of<ops::Sub>) return false;
        const ValueId product = from_[v].operand[1];
        return is_product(product, from_.rate(v)) && !is_uniform_times_varying(product);
    }

    void plan_segments(Rate rate, bool accumulates) {
        std::size_t done = 0;  // links
        while (done < links_.size()) {
            const std::size_t count = std::min(links_.size() - done, kMostLinks);
            // The first segment has a term more than links.
            const std::size_t first = done == 0 ? 0 : done + 1;
            const std::span<const Term> terms = std::span(terms_of_links_).subspan(first, done + count + 1 - first);
            if (is_dot(terms, rate, accumulates, done != 0)) {
                plan_segment(terms, rate, accumulates, done, count);
            }
            done += count;
        }
    }

    bool is_dot(std::span<const Term> terms, Rate rate, bool accumulates, bool goes_on) const {
        if (!goes_on && is_inner_reduction(terms[0].value, rate)) return true;
        std::size_t products = 0;
        std::size_t affine = 0;
        for (const Term& term : terms) {
            if (!is_product(term.value, rate)) continue;
            ++products;
            if (rate == Rate::varying && is_uniform_times_varying(term.value)) ++affine;
        }
        if (products < 2 || 2 * products < terms.size()) return false;
        // Two products of user code, a*b + c*d, are left alone unless they are those of weights with what varies and
        // there is an addend as well; see products_fused().
        if (accumulates || products >= 3 || goes_on || !is_product(terms[0].value, rate)) return true;
        return affine == products && terms.size() >= 3;
    }

    void plan_segment(std::span<const Term> terms, Rate rate, bool accumulates, std::size_t done, std::size_t count) {
        const ValueId below = done == 0 ? kNoValue : links_[done - 1];
        const ValueId top = links_[done + count - 1];
        for (std::size_t k = done; k + 1 < done + count; ++k) what_[links_[k]] = kInside;
        what_[top] = static_cast<std::uint32_t>(segments_.size());
        segments_.push_back({terms_.size(), terms.size(), below, accumulates});
        for (const Term& term : terms) {
            if (is_product(term.value, rate)) what_[term.value] = kInside;
            terms_.push_back(term);
        }
        if (below == kNoValue && is_inner_reduction(terms[0].value, rate)) what_[terms[0].value] = kInside;
    }

    void take_products(ValueId sum) {
        for (const ValueId x : from_.operands(sum)) {
            if (is_product(x, from_.rate(sum))) what_[x] = kInside;
        }
    }

    // --- Emitting.
    void emit_single(ValueId v) {
        if (!is_sum_of_products(v)) {
            to_.copy(v);
            return;
        }
        row_ = {to_.builder.constant(0.0)};
        add_reduction(v);
        to_.map[v] = to_.builder.emit(Code::dot_add, row_);
    }

    void emit_segment(const Segment& segment, ValueId v) {
        std::span<const Term> terms = std::span(terms_).subspan(segment.first, segment.count);
        const Rate rate = from_.rate(v);
        const Term* addend = nullptr;
        row_.assign(1, kNoValue);
        if (segment.below != kNoValue) {
            row_[0] = to_.map[segment.below];
        } else if (is_inner_reduction(terms[0].value, rate)) {
            row_[0] = to_.builder.constant(0.0);
            add_reduction(terms[0].value);
            terms = terms.subspan(1);
            // The inner sum is one of products, which can as well begin with what was added to it.
            addend = addend_of(terms, rate);
            if (addend != nullptr) row_[0] = to_.map[addend->value];
        } else {
            addend = addend_of(terms, rate);
            row_[0] = addend != nullptr ? to_.map[addend->value] : to_.builder.constant(-0.0);
        }
        for (const Term& term : terms) {
            if (&term != addend) add_term(term, rate);
        }
        to_.map[v] = to_.builder.emit(Code::dot_add, row_);
    }

    // The first term that the sum can begin with.
    const Term* addend_of(std::span<const Term> terms, Rate rate) const {
        const auto found = std::ranges::find_if(
            terms, [&](const Term& term) { return !term.negative && !is_product(term.value, rate); });
        return found != terms.end() ? &*found : nullptr;
    }

    void add_reduction(ValueId v) {
        const auto operands = from_.operands(v);
        if (from_[v].code == code_of<ops::Dot>) {
            const std::size_t n = operands.size() / 2;
            for (std::size_t k = 0; k < n; ++k) add_pair(to_.map[operands[k]], to_.map[operands[n + k]]);
        } else {
            for (const ValueId x : operands) add_term({x, false}, from_.rate(v));
        }
    }

    void add_term(const Term& term, Rate rate) {
        if (!is_product(term.value, rate)) {
            add_pair(to_.map[term.value], to_.builder.constant(term.negative ? -1.0 : 1.0));
            return;
        }
        ValueId a = to_.map[from_.operands(term.value).front()];
        ValueId b = to_.map[from_.operands(term.value).back()];
        if (to_.builder.rate(a) < to_.builder.rate(b)) std::swap(a, b);
        add_pair(a, term.negative ? negated(b) : b);
    }

    // What varies more comes first.
    void add_pair(ValueId a, ValueId b) {
        if (to_.builder.rate(a) < to_.builder.rate(b)) std::swap(a, b);
        row_.push_back(a);
        row_.push_back(b);
    }

    ValueId negated(ValueId v) {
        const Program& made = to_.builder.so_far();
        if (made.is_constant(v)) return to_.builder.constant(-made.constant(v));
        return to_.builder.emit(code_of<ops::Neg>, {v});
    }

    // What becomes of a value; else the number of the segment that it is the last link of.
    static constexpr std::uint32_t kCopied = 0xffffffff;
    static constexpr std::uint32_t kVisited = 0xfffffffe;  // copied; its chain has been looked at
    static constexpr std::uint32_t kInside = 0xfffffffd;   // part of a dot_add

    Rewriting to_;
    const Program& from_;
    const std::vector<std::uint32_t> uses_;
    std::vector<std::uint32_t> what_;
    std::vector<Segment> segments_;
    std::vector<Term> terms_;  // of the segments
    std::vector<ValueId> links_;
    std::vector<Term> terms_of_links_;
    std::vector<ValueId> row_;
};

}  // namespace

Program dots_fused(const Program& program) { return DotFusion(program).run(); }

}  // namespace reelgrad::program

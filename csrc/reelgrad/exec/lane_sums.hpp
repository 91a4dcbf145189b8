// exec/lane_sums.hpp: what the body adds to accumulators, and when.
//
// A product that is only summed over lanes is not computed by itself: it is added to its accumulator in a row with
// other products of one of its factors, the centre. That is the factor of more such products, the later one of two that
// have as many. What is there when the centre comes makes up its row; what comes later is collected in rows of kRow. So
// are values that are summed as they are.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/steps.hpp"
#include "reelgrad/exec/sums.hpp"

namespace reelgrad::exec {

class LaneSums {
  public:
    LaneSums(const program::Program& program, std::span<const std::uint32_t> uses, const Sums& sums,
             const KernelTable& kernels, Steps& body);

    // Whether v is a product that exists in accumulators only.
    bool holds(program::ValueId v) const { return held_[v] != 0; }
    // Adds to the body what can be summed now that v is there.
    void came(program::ValueId v);
    // Adds what is still waiting, after the last value.
    void finish();

  private:
    static constexpr std::size_t kRow = 8;       // as many as the widest pack adds up at once
    static constexpr std::size_t kWaiting = 64;  // at most, so that waiting values do not fill the cache

    struct Term {
        program::ValueId value;  // the other factor
        std::uint32_t accumulator;
        std::uint32_t next;
    };

    void plan_products(std::span<const std::uint32_t> uses, const Sums& sums);
    bool is_held(const Contribution& contribution, std::span<const std::uint32_t> uses) const;
    void push(std::vector<std::uint32_t>& first, program::ValueId at, program::ValueId value,
              std::uint32_t accumulator);
    void wait(std::vector<Operand>& row, program::ValueId value, std::uint32_t accumulator);
    void add_row(Handler handler, std::vector<Operand>& row, std::size_t centres);
    void add_products(program::ValueId centre);

    const program::Program& program_;
    const KernelTable& kernels_;
    Steps& body_;
    std::vector<char> held_;
    std::vector<Term> terms_;
    // By value, the first of its terms: those whose centre it is and whose other factors are there before, those whose
    // centre was there before, and its sums.
    std::vector<std::uint32_t> as_centre_, as_other_, as_sum_;
    std::map<program::ValueId, std::vector<Operand>> waiting_products_;  // by centre
    std::vector<Operand> waiting_sums_, row_;
    std::size_t waiting_ = 0;
};

}  // namespace reelgrad::exec

// exec/uniform_work.hpp: the steps of work that is done once a run, on cells.
//
// One number at a time, an instruction costs several times its arithmetic. So values that do not depend on each other
// and have the same operator become one instruction, a run; a penalty on 337 parameters or the gradient of one sample
// is then a few dozen instructions instead of a thousand.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/steps.hpp"
#include "reelgrad/program/program.hpp"

namespace reelgrad::exec {

// `lanes` is the operand that holds the number of lanes, by which a uniform value is multiplied to sum it over them.
// Throws ProgramError for a reduction that no kernel has.
void add_uniform_work(const program::Program& program, std::span<const program::ValueId> values,
                      const KernelTable& kernels, Operand lanes, Steps& steps);

// The row of a sum of products: its addend (none: Operand::none), then pairs, of a slot and a cell the slot first.
void products_of(const program::Program& program, program::ValueId v, std::vector<Operand>& row);

}  // namespace reelgrad::exec

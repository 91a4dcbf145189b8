// exec/cpu.hpp: which instruction sets there are, and which one is used.
//
// The vector code is compiled once per instruction set; the best one that processor and system support is used. The
// environment variable REELGRAD_ISA forces one. Results differ between instruction sets in the last bits.
#pragma once

#include <span>
#include <string_view>

namespace reelgrad::exec {

struct KernelTable;
struct MathTable;

struct Isa {
    std::string_view name;  // as in REELGRAD_ISA
    const MathTable& math;
    const KernelTable& kernels;
};

// Those that this machine can run, the best one first; the last is "baseline".
std::span<const Isa> available_isas();

// The one that is used. It is chosen at the first call and stays. A value of REELGRAD_ISA that names none of the
// available ones throws SettingError, also at every later call.
const Isa& active_isa();
inline const KernelTable& active_kernels() { return active_isa().kernels; }

// The one of that name; what says where the name comes from. Throws SettingError if it is not available.
const Isa& isa_named(std::string_view name, std::string_view what = "the instruction set");

}  // namespace reelgrad::exec

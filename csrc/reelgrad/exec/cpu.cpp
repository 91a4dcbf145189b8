#include "reelgrad/exec/cpu.hpp"

#include <cstdlib>
#include <string>
#include <vector>

#include "reelgrad/exec/kernel_table.hpp"
#include "reelgrad/exec/vector_math.hpp"
#include "reelgrad/tape/errors.hpp"

namespace reelgrad::exec {

namespace {

// __builtin_cpu_supports also asks the system whether it saves the registers.
std::vector<Isa> detect() {
    std::vector<Isa> isas;
#if defined(REELGRAD_X86_64)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        isas.push_back({"avx512", math_avx512, kernels_avx512});
    }
    if (avx2) isas.push_back({"avx2", math_avx2, kernels_avx2});
#endif
    isas.push_back({"baseline", math_baseline, kernels_baseline});
    return isas;
}

const Isa& choose() {
    const char* forced = std::getenv("REELGRAD_ISA");
    if (forced == nullptr || *forced == '\0') return available_isas().front();
    return isa_named(forced, "REELGRAD_ISA");
}

}  // namespace

std::span<const Isa> available_isas() {
    static const std::vector<Isa> isas = detect();
    return isas;
}

const Isa& active_isa() {
    static const Isa& active = choose();
    return active;
}

const Isa& isa_named(std::string_view name, std::string_view what) {
    std::string choices;
    for (const Isa& isa : available_isas()) {
        if (isa.name == name) return isa;
        choices += (choices.empty() ? "" : ", ") + std::string(isa.name);
    }
    throw SettingError(std::string(what) + " is \"" + std::string(name) + "\", but this machine can run: " + choices +
                       ". Choose one of them, or leave it out to get the best");
}

}  // namespace reelgrad::exec

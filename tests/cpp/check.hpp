// check.hpp: what the C++ tests share. A test is a function that makes claims; main() returns run() of them all.
#pragma once

#include <cmath>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <string>

namespace check {

inline int failures = 0;

inline void expect(bool holds, const std::string& claim) {
    if (holds) return;
    ++failures;
    std::printf("FAILED: %s\n", claim.c_str());
}

// Equal as numbers with a sign; nan equals nan.
inline bool same(double a, double b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

inline bool near(double a, double b, double tolerance = 4e-16) {
    return std::fabs(a - b) <= tolerance * std::fmax(1.0, std::fabs(b));
}

inline void expect_same(double got, double want, const std::string& claim) {
    if (same(got, want)) return;
    char numbers[80];
    std::snprintf(numbers, sizeof numbers, ": got %.17g, not %.17g", got, want);
    expect(false, claim + numbers);
}

template <class Error, class Body>
void expect_throws(Body&& body, const std::string& claim) {
    try {
        body();
    } catch (const Error&) {
        return;
    } catch (const std::exception& other) {
        expect(false, claim + ": threw something else, " + other.what());
        return;
    }
    expect(false, claim + ": threw nothing");
}

// The exit code for main().
inline int run(const char* name, std::initializer_list<void (*)()> tests) {
    int number = 0;
    for (const auto test : tests) {
        ++number;
        try {
            test();
        } catch (const std::exception& error) {
            expect(false, "test number " + std::to_string(number) + " ended with an exception: " + error.what());
        }
    }
    if (failures == 0) std::printf("%s: all claims hold\n", name);
    return failures == 0 ? 0 : 1;
}

}  // namespace check

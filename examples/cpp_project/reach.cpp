// How far a ball flies in air, and what that owes to angle and speed: the README's first program, in C++.
//
// The flight is a template over its number type. On doubles it is the plain simulation; on reelgrad::Var it records.
#include <cstdio>

#include "reelgrad/tape/var.hpp"

namespace {

template <class Number>
Number reach(const Number& angle, const Number& speed) {
    Number x = 0.0, y = 0.0, vx = speed * cos(angle), vy = speed * sin(angle);
    while (y >= 0.0) {  // in steps of a millisecond, until it lands
        const Number drag = 0.005 * hypot(vx, vy);
        x += 0.001 * vx;
        y += 0.001 * vy;
        const Number slower = vx - 0.001 * drag * vx;
        vy -= 0.001 * (drag * vy + 9.81);
        vx = slower;
    }
    return x - y * vx / vy;  // back to the ground along the last line
}

}  // namespace

int main() {
    reelgrad::Tape tape;
    const auto angle = reelgrad::Var::variable(tape, 0.7);   // radians
    const auto speed = reelgrad::Var::variable(tape, 30.0);  // metres per second
    const reelgrad::Var distance = reach(angle, speed);
    distance.backward();
    std::printf("%.3f m; %+.3f m per radian, %+.3f m per m/s; %zu operations\n", distance.value(), angle.grad(),
                speed.grad(), tape.size());

    // The best angle, by steps along the derivative. Each flight rewinds what the one before recorded.
    const reelgrad::Mark mark = tape.mark();
    double best = 0.7;
    for (int step = 0; step < 20; ++step) {
        tape.rewind(mark);
        const auto aim = reelgrad::Var::variable(tape, best);
        reach(aim, speed).backward();
        best += 0.003 * aim.grad();
    }
    std::printf("farthest at %.3f radians\n", best);
}

// Batches run over the paths of a branching function, against the function itself on each lane.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "reelgrad/exec/paths.hpp"
#include "reelgrad/program/errors.hpp"

using namespace reelgrad;
using exec::PathSet;
using program::Builder;
using program::code_of;
using program::Program;
using program::Rate;
using program::ValueId;

namespace {

// How often x can be halved until it is below w: a loop whose trip count depends on data. Then w * x + trips.
double halvings(double w, double x) {
    int trips = 0;
    while (!(x < w)) {
        x = x * 0.5;
        ++trips;
    }
    return w * x + trips;
}

struct Recorded {
    Builder builder;
    ValueId w, x;
    std::vector<ValueId> conditions;

    explicit Recorded(int trips) : w(builder.input("w", Rate::uniform)), x(builder.input("x", Rate::varying)) {
        const ValueId half = builder.constant(0.5);
        for (int k = 0; k <= trips; ++k) {
            conditions.push_back(builder.emit(code_of<ops::Less>, {x, w}));
            if (k < trips) x = builder.emit(code_of<ops::Mul>, {x, half});
        }
    }
};

// The path of so many trips: guards 0 to trips - 1 say that x is not below w yet, the last one that it is.
Program run_program(int trips, bool summed) {
    Recorded r(trips);
    ValueId y = r.builder.emit(code_of<ops::Mul>, {r.w, r.x});
    y = r.builder.emit(code_of<ops::Add>, {y, r.builder.constant(trips)});
    r.builder.output("y", summed ? r.builder.emit(program::Code::lane_sum, {y}) : y);
    for (int k = 0; k <= trips; ++k) r.builder.guard(r.conditions[static_cast<std::size_t>(k)], k == trips, "");
    return r.builder.finish();
}

Program classifier(int trips) {
    Recorded r(trips);
    ValueId number = r.builder.constant(trips + 1);
    for (int k = trips; k >= 0; --k) {
        const ValueId condition = r.conditions[static_cast<std::size_t>(k)], here = r.builder.constant(k);
        number = k == trips ? r.builder.emit(code_of<ops::Where>, {condition, number, here})
                            : r.builder.emit(code_of<ops::Where>, {condition, here, number});
    }
    r.builder.output("first disagreement", number);
    return r.builder.finish();
}

struct Halvings {
    PathSet set;
    std::vector<std::uint32_t> path_of_trips = std::vector<std::uint32_t>(64, PathSet::kNoPath);

    Halvings(bool summed, int root) : set({!summed}), summed_(summed) { enter(root, PathSet::kNoPath, 0); }

    // Runs, adding paths as they are asked for; the unknown lanes met on the way.
    std::vector<std::uint32_t> run(const exec::Batch& batch, const exec::Results& results, PathSet::Work& work,
                                   std::size_t threads = 1) {
        std::vector<std::uint32_t> met;
        const auto w = batch.uniforms[0];
        while (const auto unknown = set.run(batch, results, {.threads = threads}, work)) {
            met.push_back(unknown->lane);
            const auto* x = reinterpret_cast<const double*>(batch.columns[0].base +
                                                            batch.columns[0].stride * std::ptrdiff_t{unknown->lane});
            enter(trips_of(w, *x), unknown->path, unknown->guard);
        }
        return met;
    }

    static int trips_of(double w, double x) {
        int trips = 0;
        for (; !(x < w); x *= 0.5) ++trips;
        return trips;
    }

  private:
    void enter(int trips, std::uint32_t parent, std::uint32_t guard) {
        path_of_trips[static_cast<std::size_t>(trips)] =
            set.add(parent, guard, classifier(trips), run_program(trips, summed_));
    }
    bool summed_;
};

std::vector<double> some_numbers(std::size_t n) {
    std::mt19937_64 random(7);
    std::vector<double> x(n);
    for (double& number : x) number = std::exp2(std::uniform_real_distribution<>(-2.0, 12.0)(random));
    return x;
}

exec::Column column_of(const std::vector<double>& x) {
    return {reinterpret_cast<const std::byte*>(x.data()), sizeof(double)};
}

void each_lane_runs_on_its_own_path() {
    const std::vector<double> x = some_numbers(10'001);
    const double w = 1.0;
    Halvings f(false, 0);
    std::vector<double> y(x.size());
    const exec::Column column = column_of(x);
    const exec::Destination to{y.data(), 1};
    PathSet::Work work;
    f.run({.lanes = x.size(), .uniforms = std::span(&w, 1), .columns = std::span(&column, 1)},
          {.uniforms = {}, .columns = std::span(&to, 1)}, work);
    bool all = true;
    for (std::size_t i = 0; i < x.size(); ++i) all &= y[i] == halvings(w, x[i]);
    check::expect(all, "a loop with a trip count per lane");
    check::expect(f.set.size() == 13, "one path per trip count");

    std::size_t lanes = 0;
    std::vector<bool> seen(x.size());
    std::uint32_t before = 0;
    for (const PathSet::Group& group : work.groups()) {
        check::expect(group.first_lane == group.lanes.front() && group.first_lane >= before, "groups by first lane");
        check::expect(std::ranges::is_sorted(group.lanes), "lanes of a group ascend");
        before = group.first_lane;
        for (const std::uint32_t lane : group.lanes) {
            check::expect(
                f.path_of_trips[static_cast<std::size_t>(Halvings::trips_of(w, x[lane]))] == f.set.path_of(group),
                "a lane's group is its path's");
            seen[lane] = true;
        }
        lanes += group.lanes.size();
    }
    check::expect(lanes == x.size() && std::ranges::all_of(seen, [](bool s) { return s; }), "each lane in one group");
}

void sums_do_not_depend_on_the_order_of_discovery_nor_on_threads() {
    const std::vector<double> x = some_numbers(9'000);
    const double w = 1.5;
    const exec::Column column = column_of(x);
    const exec::Batch batch{.lanes = x.size(), .uniforms = std::span(&w, 1), .columns = std::span(&column, 1)};
    double first = 0;
    for (const int root : {0, 3, 11, 60}) {
        for (const std::size_t threads : {1, 2, 3, 8}) {
            Halvings f(true, root);
            double sum = 0;
            PathSet::Work work;
            f.run(batch, {.uniforms = std::span(&sum, 1), .columns = {}}, work, threads);
            if (first == 0) first = sum;
            check::expect_same(sum, first, "the sum with root " + std::to_string(root));
        }
    }
    double wanted = 0;
    for (const double number : x) wanted += halvings(w, number);
    check::expect(check::near(first, wanted, 1e-12), "the sum over all paths");
}

void the_first_lane_without_a_path_is_told() {
    const std::vector<double> x{0.5, 0.25, 3.0, 0.5, 1.5, 9.0};
    const double w = 1.0;
    const exec::Column column = column_of(x);
    const exec::Batch batch{.lanes = x.size(), .uniforms = std::span(&w, 1), .columns = std::span(&column, 1)};
    std::vector<double> y(x.size(), -1.0);
    const exec::Destination to{y.data(), 1};
    const exec::Results results{.uniforms = {}, .columns = std::span(&to, 1)};
    Halvings f(false, 0);
    const auto unknown = f.set.run(batch, results);
    check::expect(unknown && unknown->path == 0 && unknown->guard == 0 && unknown->lane == 2, "lane 2 leaves at once");
    check::expect(y == std::vector<double>(x.size(), -1.0), "nothing is run while a path is unknown");
    PathSet::Work work;
    check::expect(f.run(batch, results, work) == std::vector<std::uint32_t>{2, 4, 5}, "one lane after the other");
    check::expect(!f.set.run(batch, results), "then all are known");

    const std::vector<std::uint32_t> chosen{1, 3, 4};
    std::ranges::fill(y, -1.0);
    check::expect(
        !f.set.run({.lanes = 3, .uniforms = batch.uniforms, .columns = batch.columns, .chosen = chosen}, results),
        "chosen lanes run");
    check::expect(y == std::vector<double>{-1, 0.25, -1, 0.5, 1.75, -1}, "chosen lanes only, in their own places");

    check::expect(!f.set.run({.lanes = 0, .uniforms = batch.uniforms, .columns = batch.columns}, results),
                  "an empty batch has no unknown path");
}

// y = x if w > 0, else 0: a decision that all lanes share, and a path whose output is the same in all lanes.
Program step_program(bool positive, bool classifies) {
    Builder b;
    const ValueId w = b.input("w", Rate::uniform), x = b.input("x", Rate::varying), zero = b.constant(0.0);
    const ValueId condition = b.emit(code_of<ops::Less>, {zero, w});
    if (classifies) {
        const ValueId agrees = b.constant(1.0);
        b.output("first", positive ? b.emit(code_of<ops::Where>, {condition, agrees, zero})
                                   : b.emit(code_of<ops::Where>, {condition, zero, agrees}));
    } else {
        b.output("y", positive ? x : zero);
        b.guard(condition, positive, "");
    }
    return b.finish();
}

void decisions_of_uniform_values_take_all_lanes() {
    PathSet set({true});
    set.add(PathSet::kNoPath, 0, step_program(true, true), step_program(true, false));
    const std::vector<double> x{1.0, 2.0, 3.0};
    std::vector<double> y(3);
    const exec::Column column = column_of(x);
    const exec::Destination to{y.data(), 1};
    const auto run = [&](double w, std::size_t lanes) {
        return set.run({.lanes = lanes, .uniforms = std::span(&w, 1), .columns = std::span(&column, 1)},
                       {.uniforms = {}, .columns = std::span(&to, 1)});
    };
    check::expect(!run(2.0, 3) && y == x, "the recorded decision");
    const auto unknown = run(-2.0, 3);
    check::expect(unknown && unknown->guard == 0 && unknown->lane == 0, "the other one is unknown");
    check::expect(!run(-2.0, 0), "but matters to no lane of an empty batch");
    set.add(0, 0, step_program(false, true), step_program(false, false));
    check::expect(!run(-2.0, 3) && y == std::vector<double>(3, 0.0), "a uniform output goes to every lane");
    check::expect(!run(2.0, 3) && y == x, "the first path is as it was");
}

void wrong_paths_are_refused() {
    Halvings f(true, 2);
    const auto refused = [&](auto body, const char* claim) { check::expect_throws<ProgramError>(body, claim); };
    refused([&] { f.set.add(7, 0, classifier(0), run_program(0, true)); }, "a parent that is not there");
    refused([&] { f.set.add(0, 3, classifier(0), run_program(0, true)); }, "a guard that the parent has not");
    refused([&] { f.set.add(0, 0, std::nullopt, run_program(0, true)); }, "guards without a classifier");
    refused([&] { f.set.add(0, 0, classifier(0), run_program(0, false)); }, "lanes where a sum is wanted");
    refused([&] { f.set.add(0, 0, run_program(0, true), step_program(true, false)); }, "an output too many lanes");
    f.set.add(0, 1, classifier(1), run_program(1, true));
    refused([&] { f.set.add(0, 1, classifier(1), run_program(1, true)); }, "a path that is there already");
    refused([&] { f.set.add(1, 1, classifier(2), run_program(2, true)); }, "a decision that is made already");
    refused([] { PathSet({true}).run({}, {}); }, "a set without paths");
    Builder b;
    b.output("y", b.emit(program::Code::lane_sum, {b.input("x", Rate::varying)}));
    refused([&] { f.set.add(0, 0, std::nullopt, b.finish()); }, "other inputs");
}

}  // namespace

int main() {
    return check::run(
        "test_paths",
        {each_lane_runs_on_its_own_path, sums_do_not_depend_on_the_order_of_discovery_nor_on_threads,
         the_first_lane_without_a_path_is_told, decisions_of_uniform_values_take_all_lanes, wrong_paths_are_refused});
}

// Training: generator, optimisers and schedules against their definitions, the loop against loops written by hand.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "check.hpp"
#include "reelgrad/program/differentiate.hpp"
#include "reelgrad/tape/errors.hpp"
#include "reelgrad/train/shuffle.hpp"
#include "reelgrad/train/trainer.hpp"

using namespace reelgrad;
using namespace reelgrad::train;
using exec::PathSet;
using program::Builder;
using program::code_of;
using program::Program;
using program::Rate;
using program::ValueId;

namespace {

constexpr double kForever = 1e9;
using Numbers = std::vector<double>;

// --- The generator. ------------------------------------------------------------------------------------------------

void philox_gives_the_known_answers_of_its_authors() {
    using Words = std::array<std::uint32_t, 4>;
    constexpr std::uint32_t all = 0xffffffff;
    check::expect(philox({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, "zeros");
    check::expect(philox({all, all, all, all}, {all, all}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                  "ones");
    check::expect(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
                      Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
                  "digits of pi");
}

void a_shuffle_is_a_permutation_of_its_own_for_each_seed_and_epoch() {
    std::vector<std::uint32_t> p, q;
    for (const std::size_t n : {0, 1, 2, 3, 10, 1000}) {
        shuffle(7, 3, n, p);
        q = p;
        std::ranges::sort(q);
        bool each_once = q.size() == n;
        for (std::uint32_t k = 0; k < q.size(); ++k) each_once &= q[k] == k;
        check::expect(each_once, "each of " + std::to_string(n) + " once");
    }
    shuffle(7, 3, 1000, p);
    for (const auto& [seed, epoch] : {std::pair{7, 4}, std::pair{8, 3}}) {
        shuffle(static_cast<std::uint64_t>(seed), static_cast<std::uint64_t>(epoch), 1000, q);
        check::expect(p != q, "another seed or epoch, another permutation");
    }
    shuffle(7, 3, 1000, q);
    check::expect(p == q, "the same again");
}

// All 24 permutations of 4, 48,000 draws: the chi-squared statistic of 23 degrees of freedom stays below its 1 - 1e-6
// quantile, 70.
void all_permutations_are_equally_likely() {
    std::map<std::vector<std::uint32_t>, int> count;
    std::vector<std::uint32_t> p;
    constexpr int draws = 48'000;
    for (int epoch = 0; epoch < draws; ++epoch) {
        shuffle(1, static_cast<std::uint64_t>(epoch), 4, p);
        ++count[p];
    }
    double statistic = 0;
    for (const auto& [permutation, times] : count) statistic += std::pow(times - draws / 24.0, 2) / (draws / 24.0);
    check::expect(count.size() == 24 && statistic < 70.0, "chi-squared " + std::to_string(statistic));
}

// --- Optimisers, against PyTorch's documented algorithms, written per parameter. -----------------------------------

struct Reference {
    OptimizerSettings s;
    double lr;
    int t = 0;
    double b = 0, m = 0, v = 0;

    double step(double p, double g) {
        ++t;
        if (s.rule == Rule::adamw) {
            p = p - lr * s.weight_decay * p;
        } else {
            g = g + s.weight_decay * p;
        }
        switch (s.rule) {
            case Rule::sgd:
                if (s.momentum != 0) {
                    b = t > 1 ? s.momentum * b + (1 - s.dampening) * g : g;
                    g = s.nesterov ? g + s.momentum * b : b;
                }
                return p - lr * g;
            case Rule::adam:
            case Rule::adamw: {
                m = s.beta1 * m + (1 - s.beta1) * g;
                v = s.beta2 * v + (1 - s.beta2) * g * g;
                const double m_hat = m / (1 - std::pow(s.beta1, t)), v_hat = v / (1 - std::pow(s.beta2, t));
                return p - lr * m_hat / (std::sqrt(v_hat) + s.eps);
            }
            case Rule::rmsprop: {
                v = s.alpha * v + (1 - s.alpha) * g * g;
                m = m * s.alpha + (1 - s.alpha) * g;
                const double average = std::sqrt(s.centered ? v - m * m : v) + s.eps;
                if (s.momentum <= 0) return p - lr * g / average;
                b = s.momentum * b + g / average;
                return p - lr * b;
            }
        }
        return p;
    }
};

const std::vector<std::pair<std::string, OptimizerSettings>>& optimizers() {
    static const std::vector<std::pair<std::string, OptimizerSettings>> all{
        {"sgd", {}},
        {"sgd, weight decay", {.weight_decay = 0.1}},
        {"sgd, momentum", {.momentum = 0.9}},
        {"sgd, momentum, dampening, weight decay", {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.01}},
        {"sgd, nesterov", {.momentum = 0.9, .nesterov = true}},
        {"adam", {.rule = Rule::adam}},
        {"adam, weight decay", {.rule = Rule::adam, .weight_decay = 0.1, .beta1 = 0.5, .beta2 = 0.75, .eps = 1e-3}},
        {"adamw", {.rule = Rule::adamw, .weight_decay = 0.01}},
        {"rmsprop", {.rule = Rule::rmsprop}},
        {"rmsprop, centred, momentum", {.rule = Rule::rmsprop, .momentum = 0.9, .alpha = 0.9, .centered = true}},
        {"rmsprop, weight decay", {.rule = Rule::rmsprop, .weight_decay = 0.1, .eps = 1e-4}}};
    return all;
}

void optimisers_follow_pytorchs_algorithms() {
    for (const auto& [name, settings] : optimizers()) {
        std::mt19937_64 random(5);
        std::normal_distribution<> normal;
        constexpr std::size_t n = 5;
        Numbers p(n), wanted, g(n);
        for (double& x : p) x = normal(random);
        wanted = p;
        std::vector<Reference> reference(n, {settings, 0.05});
        Optimizer optimizer(n);
        for (int step = 0; step < 50; ++step) {
            for (double& x : g) x = normal(random) * std::pow(10.0, std::floor(3 * normal(random)));
            for (std::size_t k = 0; k < n; ++k) wanted[k] = reference[k].step(wanted[k], g[k]);
            optimizer.step(settings, 0.05, p, g);
        }
        bool near = true;
        // Some roundings per step; those of the centred variance are magnified by its cancellation.
        const double tolerance = settings.centered ? 1e-9 : 1e-12;
        for (std::size_t k = 0; k < n; ++k) near &= check::near(p[k], wanted[k], tolerance);
        check::expect(near && optimizer.steps() == 50, name);
    }
}

void an_optimiser_that_is_saved_and_restored_goes_on_with_the_same_bits() {
    for (const auto& [name, settings] : optimizers()) {
        Optimizer through(2), before(2), after(2);
        Numbers a{1.0, -2.0}, b = a, g;
        for (int step = 0; step < 10; ++step) {
            const Numbers gradient{std::sin(step), 0.3 * step};
            through.step(settings, 0.1, a, g = gradient);
            if (step == 5) after.restore(before.steps(), before.vectors());
            (step < 5 ? before : after).step(settings, 0.1, b, g = gradient);
        }
        check::expect(a == b, name);
    }
    check::expect_throws<LengthError>([] { Optimizer(2).restore(1, {Numbers{1.0}, {}, {}}); }, "another length");
    Numbers p(3), g(3);
    check::expect_throws<LengthError>([&] { Optimizer(2).step({}, 0.1, p, g); }, "parameters of another length");
}

// --- Schedules. ----------------------------------------------------------------------------------------------------

void schedules_have_their_closed_forms() {
    using std::numbers::pi;
    const struct {
        const char* kind;
        Numbers numbers;
        std::vector<std::pair<std::uint64_t, double>> rates;
    } table[] = {
        {"constant", {0.1}, {{0, 0.1}, {1'000'000, 0.1}}},
        {"linear",
         {1.0, 0.1, 100},
         {{0, 1.0}, {1, 1.0 - 0.9 * 1 / 100}, {99, 1.0 - 0.9 * 99 / 100}, {100, 0.1}, {7777, 0.1}}},
        {"exponential", {2.0, 0.5, 10}, {{0, 2.0}, {5, 2.0 * std::sqrt(0.5)}, {10, 1.0}, {30, 0.25}}},
        {"step", {2.0, 0.5, 10}, {{0, 2.0}, {9, 2.0}, {10, 1.0}, {19, 1.0}, {30, 0.25}}},
        {"cosine",
         {1.0, 0.2, 100, 0},
         {{0, 1.0}, {50, 0.6}, {25, 0.2 + 0.4 * (1 + std::cos(pi / 4))}, {100, 0.2}, {500, 0.2}}},
        {"cosine", {1.0, 0.0, 110, 10}, {{0, 0.1}, {4, 0.5}, {9, 1.0}, {10, 1.0}, {60, 0.5}, {110, 0.0}}},
        {"piecewise", {1.0, 3, 0.5, 5, 0.25}, {{0, 1.0}, {2, 1.0}, {3, 0.5}, {4, 0.5}, {5, 0.25}, {100, 0.25}}},
        {"table", {10, 0.3, 0.2}, {{10, 0.3}, {11, 0.2}}},
    };
    for (const auto& row : table) {
        const Schedule schedule = Schedule::of(row.kind, row.numbers);
        for (const auto& [update, rate] : row.rates) {
            check::expect(check::near(schedule.at(update), rate, 2e-16) && schedule.covers(update),
                          std::string(row.kind) + " at " + std::to_string(update));
        }
    }
    check::expect(!Schedule::of("table", {10, 0.3, 0.2}).covers(12), "a table ends");
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    const std::pair<const char*, Numbers> wrong[] = {
        {"constant", {-1.0}},
        {"constant", {nan}},
        {"constant", {1.0, 2.0}},
        {"linear", {1.0, 0.1, 0}},
        {"linear", {1, 0, 1.5}},
        {"exponential", {1, -1, 1}},
        {"step", {1, 0.5, 0}},
        {"cosine", {1, 0, 10, 10}},
        {"cosine", {1, 0, 5, -1}},
        {"piecewise", {1, 3}},
        {"piecewise", {1, 3, .5, 3, 1}},
        {"table", {0, -0.1}},
        {"wrong", {1}},
    };
    for (const auto& [kind, numbers] : wrong) {
        check::expect_throws<SettingError>([&] { Schedule::of(kind, numbers); }, std::string("wrong: ") + kind);
    }
}

// --- The loop: y = w * x + b, squared error, against a loop by hand. ------------------------------------------------

struct Line {
    PathSet gradient{{false, false, false}}, value{{false}};

    Line() {
        Builder builder;
        const ValueId w = builder.input("w", Rate::uniform), b = builder.input("b", Rate::uniform);
        const ValueId x = builder.input("x", Rate::varying), t = builder.input("t", Rate::varying);
        const ValueId y = builder.emit(code_of<ops::Add>, {builder.emit(code_of<ops::Mul>, {w, x}), b});
        builder.output("loss", builder.emit(code_of<ops::Square>, {builder.emit(code_of<ops::Sub>, {y, t})}));
        const Program reduced = program::reduced(builder.finish());
        const std::array<std::uint32_t, 2> parameters{0, 1};
        value.add(PathSet::kNoPath, 0, std::nullopt, reduced);
        gradient.add(PathSet::kNoPath, 0, std::nullopt, program::differentiate(reduced, {.inputs = parameters}));
    }
};

struct Samples {
    Numbers x, t;

    explicit Samples(std::size_t n) : x(n), t(n) {
        std::mt19937_64 random(11);
        std::normal_distribution<> normal;
        for (std::size_t i = 0; i < n; ++i) {
            x[i] = normal(random);
            t[i] = 0.7 * x[i] - 0.2 + 0.1 * normal(random);
        }
    }
    Data data() const {
        const auto column = [](const Numbers& numbers) {
            return exec::Column{reinterpret_cast<const std::byte*>(numbers.data()), sizeof(double)};
        };
        return {.lanes = x.size(), .uniforms = {}, .columns = {column(x), column(t)}};
    }
};

struct ByHand {
    Numbers parameters{1.0, 0.0}, losses;

    ByHand(const Samples& samples, const OptimizerSettings& settings, const Schedule& schedule,
           const TrainerSettings& how, std::uint64_t epochs) {
        const std::size_t n = samples.x.size(), size = how.batch_size == 0 ? n : how.batch_size;
        Optimizer optimizer(2);
        std::uint64_t update = 0;
        for (std::uint64_t epoch = 1; epoch <= epochs; ++epoch) {
            std::vector<std::uint32_t> places(n), order(n);
            std::iota(places.begin(), places.end(), 0u);
            if (how.shuffle) shuffle(how.seed, epoch, n, places);
            for (std::uint32_t i = 0; i < n; ++i) order[places[i]] = i;
            double total = 0;
            std::size_t lanes = 0;
            for (std::size_t first = 0; first < n; first += size) {
                const std::size_t count = std::min(size, n - first);
                if (how.drop_last && count < size) break;
                double loss = 0;
                Numbers g(2);
                for (std::size_t k = first; k < first + count; ++k) {
                    const double x = samples.x[order[k]], e = parameters[0] * x + parameters[1] - samples.t[order[k]];
                    loss += e * e;
                    g[0] += 2 * e * x;
                    g[1] += 2 * e;
                }
                if (how.mean) {
                    for (double& derivative : g) derivative /= static_cast<double>(count);
                }
                optimizer.step(settings, schedule.at(update++), parameters, g);
                total += loss;
                lanes += count;
            }
            losses.push_back(how.mean ? total / static_cast<double>(lanes) : total);
        }
    }
};

void the_loop_does_what_a_loop_by_hand_does() {
    const Samples samples(103);
    const Line line;
    const Schedule schedule = Schedule::of("linear", {0.01, 0.001, 50});
    const OptimizerSettings momentum{.momentum = 0.5};
    const TrainerSettings hows[] = {{},
                                    {.mean = false},
                                    {.batch_size = 10},
                                    {.batch_size = 10, .drop_last = true},
                                    {.batch_size = 10, .shuffle = true, .seed = 5},
                                    {.batch_size = 10, .drop_last = true, .mean = false, .shuffle = true},
                                    {.batch_size = 1, .shuffle = true, .seed = 1},
                                    {.batch_size = 1000, .shuffle = true}};
    for (const TrainerSettings& how : hows) {
        const std::string name = "batches of " + std::to_string(how.batch_size);
        Trainer trainer(line.gradient, samples.data(), {1.0, 0.0}, momentum, schedule, how);
        const Stop stop = trainer.run(7, kForever);
        const ByHand wanted(samples, momentum, schedule, how.batch_size > 103 ? TrainerSettings{} : how, 7);
        check::expect(stop.reason == Reason::epochs && trainer.state().epoch == 7, name + ": done");
        check::expect(trainer.state().update == 7 * trainer.batches(), name + ": updates");
        for (std::size_t k = 0; k < 2; ++k) {
            check::expect(check::near(trainer.state().parameters[k], wanted.parameters[k], 1e-13),
                          name + ": parameter");
        }
        for (std::size_t k = 0; k < 7; ++k) {
            check::expect(check::near(trainer.losses()[k], wanted.losses[k], 1e-13), name + ": loss");
        }
    }
}

TrainerSettings in_batches(std::size_t size) { return {.batch_size = size, .shuffle = true, .seed = 3}; }

void a_run_that_pauses_or_restarts_gives_the_bits_of_one_that_does_not() {
    const Samples samples(57);
    const Line line;
    const OptimizerSettings adam{.rule = Rule::adam};
    const Schedule schedule = Schedule::of("cosine", {0.1, 0.0, 100, 10});
    const auto trainer = [&] {
        return Trainer(line.gradient, samples.data(), {1.0, 0.0}, adam, schedule, in_batches(8));
    };
    Trainer through = trainer();
    through.run(20, kForever);

    Trainer paused = trainer();
    int pauses = 0;
    while (paused.run(20, 0.0).reason == Reason::paused) ++pauses;
    check::expect(paused.state().parameters == through.state().parameters && paused.losses() == through.losses(),
                  "pauses do not show");

    Trainer first = trainer(), second = trainer();
    first.run(9, kForever);
    second.restore(first.state(), first.optimizer().steps(), first.optimizer().vectors());
    second.run(20, kForever);
    check::expect(second.state().parameters == through.state().parameters, "a restart does not show");
    check::expect(std::ranges::equal(second.losses(), std::span(through.losses()).subspan(9)), "nor in the losses");
    check::expect_throws<LengthError>([&] { second.restore({.parameters = {1.0}}, 0, {}); }, "another structure");
}

void a_table_of_rates_asks_for_more_when_it_ends() {
    const Samples samples(57);
    const Line line;
    const Schedule schedule = Schedule::of("cosine", {0.1, 0.0, 100, 10});
    Trainer through(line.gradient, samples.data(), {1.0, 0.0}, {}, schedule, in_batches(8));
    through.run(20, kForever);
    Trainer tables(line.gradient, samples.data(), {1.0, 0.0}, {}, Schedule::of("table", {0}), in_batches(8));
    int asked = 0;
    while (tables.run(20, kForever).reason == Reason::rates) {
        const std::uint64_t next = tables.state().update;
        Numbers rates{static_cast<double>(next)};
        for (std::uint64_t k = 0; k < 50; ++k) rates.push_back(schedule.at(next + k));
        tables.set_schedule(Schedule::of("table", rates));
        ++asked;
    }
    check::expect(asked == 4, "160 updates by 50");
    check::expect(tables.state().parameters == through.state().parameters, "and the bits are the schedule's");
}

void a_loss_that_is_not_finite_stops_before_its_update() {
    Samples samples(40);
    samples.t[25] = std::numeric_limits<double>::infinity();
    const Line line;
    Trainer trainer(line.gradient, samples.data(), {1.0, 0.0}, {}, Schedule::of("constant", {0.1}), {.batch_size = 10});
    const Stop stop = trainer.run(5, kForever);
    check::expect(stop.reason == Reason::non_finite && !stop.parameter && std::isinf(stop.value), "the loss is told");
    check::expect(stop.first_lane == 20 && stop.last_lane == 29, "and where");
    check::expect(trainer.state().epoch == 0 && trainer.state().update == 2, "and when");
    check::expect(std::isfinite(trainer.state().parameters[0]), "the parameters are those before");
}

void tol_and_validation_stop_after_their_patience() {
    const Samples samples(50), others(20);
    const Line line;
    const Schedule schedule = Schedule::of("constant", {0.3});
    Trainer by_tol(line.gradient, samples.data(), {1.0, 0.0}, {}, schedule, {.tol = 1e-9, .patience = 3});
    check::expect(by_tol.run(1000, kForever).reason == Reason::tol, "tol");
    const Numbers& losses = by_tol.losses();
    std::size_t last_progress = 0;
    for (std::size_t k = 1; k < losses.size(); ++k) {
        if (losses[k] < *std::min_element(losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(k)) - 1e-9)
            last_progress = k;
    }
    check::expect(losses.size() == last_progress + 4 && losses.size() < 1000,
                  "three idle epochs after the last progress");

    // The learning rate makes the steps grow in the end.
    const Schedule growing = Schedule::of("exponential", {0.01, 1.2, 1});
    Trainer early(line.gradient, samples.data(), {1.0, 0.0}, {}, growing,
                  {.validation_min_delta = 0.0, .validation_patience = 2});
    early.validate_with(line.value, others.data());
    check::expect(early.run(1000, kForever).reason == Reason::validation, "early stopping");
    const Numbers& validation = early.validation_losses();
    const auto best = std::min_element(validation.begin(), validation.end()) - validation.begin();
    check::expect(static_cast<std::ptrdiff_t>(early.state().best_epoch) == best + 1, "the best epoch");
    check::expect(static_cast<std::ptrdiff_t>(validation.size()) == best + 3, "two idle epochs after it");
    const Numbers& p = early.state().best_parameters;
    double loss = 0;
    for (std::size_t i = 0; i < others.x.size(); ++i) loss += std::pow(p[0] * others.x[i] + p[1] - others.t[i], 2);
    check::expect(check::near(loss / 20.0, validation[static_cast<std::size_t>(best)], 1e-14), "its parameters");
}

void wrong_trainings_are_refused() {
    const Samples samples(5), none(0);
    const Line line;
    const Schedule schedule = Schedule::of("constant", {0.1});
    const auto refused = [&](const PathSet& loss, const Data& data, const Numbers& parameters,
                             const TrainerSettings& how, const char* claim) {
        check::expect_throws<LengthError>([&] { Trainer(loss, data, parameters, {}, schedule, how); }, claim);
    };
    refused(line.gradient, none.data(), {1, 0}, {}, "no data");
    refused(line.gradient, samples.data(), {}, {}, "no parameters");
    refused(line.gradient, samples.data(), {1, 0, 0}, {}, "parameters of another number");
    refused(line.value, samples.data(), {1, 0}, {}, "a loss without derivatives");
    refused(line.gradient, samples.data(), {1, 0}, {.batch_size = 6, .drop_last = true}, "nothing left by drop_last");
}

}  // namespace

int main() {
    return check::run(
        "test_train",
        {philox_gives_the_known_answers_of_its_authors, a_shuffle_is_a_permutation_of_its_own_for_each_seed_and_epoch,
         all_permutations_are_equally_likely, optimisers_follow_pytorchs_algorithms,
         an_optimiser_that_is_saved_and_restored_goes_on_with_the_same_bits, schedules_have_their_closed_forms,
         the_loop_does_what_a_loop_by_hand_does, a_run_that_pauses_or_restarts_gives_the_bits_of_one_that_does_not,
         a_table_of_rates_asks_for_more_when_it_ends, a_loss_that_is_not_finite_stops_before_its_update,
         tol_and_validation_stop_after_their_patience, wrong_trainings_are_refused});
}

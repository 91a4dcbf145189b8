#include "reelgrad/train/schedule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <string>
#include <utility>

#include "reelgrad/tape/errors.hpp"

namespace reelgrad::train {
namespace {

std::string text(double number) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%g", number);
    return buffer.data();
}

[[noreturn]] void refuse(const std::string& what, double number, const std::string& needed) {
    throw SettingError("the schedule's " + what + " is " + text(number) + ", but must be " + needed);
}

void check_rate(const std::string& what, double number) {
    if (!std::isfinite(number) || number < 0.0) refuse(what, number, "at least 0 and finite");
}

void check_count(const std::string& what, double number, double least) {
    if (!(number >= least) || number != std::floor(number) || !std::isfinite(number)) {
        refuse(what, number, "a whole number of updates, at least " + text(least));
    }
}

}  // namespace

Schedule Schedule::of(std::string_view kind, std::vector<double> numbers) {
    struct Entry {
        std::string_view name;
        Kind kind;
        std::size_t least, most;
    };
    constexpr auto any = static_cast<std::size_t>(-1);
    constexpr std::array<Entry, 7> entries{{{"constant", Kind::constant, 1, 1},
                                            {"linear", Kind::linear, 3, 3},
                                            {"exponential", Kind::exponential, 3, 3},
                                            {"cosine", Kind::cosine, 4, 4},
                                            {"step", Kind::step, 3, 3},
                                            {"piecewise", Kind::piecewise, 1, any},
                                            {"table", Kind::table, 1, any}}};
    const auto entry = std::ranges::find(entries, kind, &Entry::name);
    if (entry == entries.end()) {
        throw SettingError("there is no learning rate schedule called '" + std::string(kind) + "'");
    }
    if (numbers.size() < entry->least || numbers.size() > entry->most) {
        throw SettingError("the schedule '" + std::string(kind) + "' got " + std::to_string(numbers.size()) +
                           " numbers");
    }
    Schedule schedule(entry->kind, std::move(numbers));
    schedule.check();
    return schedule;
}

void Schedule::check() const {
    const std::vector<double>& n = numbers_;
    switch (kind_) {
        case Kind::constant:
            return check_rate("learning rate", n[0]);
        case Kind::linear:
            check_rate("first learning rate", n[0]);
            check_rate("last learning rate", n[1]);
            return check_count("steps", n[2], 1);
        case Kind::exponential:
        case Kind::step:
            check_rate("first learning rate", n[0]);
            check_rate("factor", n[1]);
            return check_count("every", n[2], 1);
        case Kind::cosine:
            check_rate("highest learning rate", n[0]);
            check_rate("last learning rate", n[1]);
            check_count("steps", n[2], 1);
            check_count("warmup", n[3], 0);
            if (n[3] >= n[2]) refuse("warmup", n[3], "less than its steps, " + text(n[2]));
            return;
        case Kind::piecewise:
            check_rate("first learning rate", n[0]);
            if (n.size() % 2 == 0)
                throw SettingError("the schedule 'piecewise' needs a learning rate after each count");
            for (std::size_t k = 1; k < n.size(); k += 2) {
                check_count("count " + std::to_string(k / 2), n[k], k == 1 ? 1 : n[k - 2] + 1);
                check_rate("learning rate after " + text(n[k]) + " updates", n[k + 1]);
            }
            return;
        case Kind::table:
            for (std::size_t k = 1; k < n.size(); ++k) {
                check_rate("learning rate of update " + text(n[0] + static_cast<double>(k - 1)), n[k]);
            }
    }
}

double Schedule::changing(double update) const {
    const std::vector<double>& n = numbers_;
    switch (kind_) {
        case Kind::constant:
            break;
        case Kind::linear:
            return update >= n[2] ? n[1] : n[0] + (n[1] - n[0]) * update / n[2];
        case Kind::exponential:
            return n[0] * std::pow(n[1], update / n[2]);
        case Kind::cosine: {
            if (update < n[3]) return n[0] * (update + 1.0) / n[3];
            if (update >= n[2]) return n[1];
            const double done = (update - n[3]) / (n[2] - n[3]);
            return n[1] + (n[0] - n[1]) * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
        }
        case Kind::step:
            return n[0] * std::pow(n[1], std::floor(update / n[2]));
        case Kind::piecewise: {
            double lr = n[0];
            for (std::size_t k = 1; k < n.size() && update >= n[k]; k += 2) lr = n[k + 1];
            return lr;
        }
        case Kind::table: {
            const double place = std::clamp(update - n[0], 0.0, static_cast<double>(n.size() - 2));
            return n[1 + static_cast<std::size_t>(place)];
        }
    }
    return n[0];
}

}  // namespace reelgrad::train

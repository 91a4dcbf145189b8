// train/schedule.hpp: learning rates that change from update to update.
//
// A schedule is a function of the number of updates made before, 0 for the first.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace reelgrad::train {

class Schedule {
  public:
    // By name, with the numbers that the kind takes, in this order. Throws SettingError.
    //   constant     lr
    //   linear       from, to, steps: `to` is reached after so many updates and kept
    //   exponential  from, factor, every: times factor with each `every` updates, evenly
    //   cosine       from, to, steps, warmup: rises linearly over `warmup` updates to `from`, then falls along half a
    //                cosine to `to`, reached after `steps` updates in all and kept
    //   step         from, factor, every: times factor at once after each `every` updates
    //   piecewise    lr, then pairs: after so many updates, this lr
    //   table        first, then the learning rates of the updates from number `first` on
    static Schedule of(std::string_view kind, std::vector<double> numbers);

    double at(std::uint64_t update) const {
        return kind_ == Kind::constant ? numbers_[0] : changing(static_cast<double>(update));
    }
    // Whether there is a learning rate for this update: only tables end.
    bool covers(std::uint64_t update) const {
        return kind_ != Kind::table ||
               static_cast<double>(update) - numbers_[0] < static_cast<double>(numbers_.size() - 1);
    }

  private:
    enum class Kind : std::uint8_t { constant, linear, exponential, cosine, step, piecewise, table };

    Schedule(Kind kind, std::vector<double> numbers) : kind_(kind), numbers_(std::move(numbers)) {}
    double changing(double update) const;
    void check() const;

    Kind kind_;
    std::vector<double> numbers_;
};

}  // namespace reelgrad::train

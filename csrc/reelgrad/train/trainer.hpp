// train/trainer.hpp: the training loop: batches, gradients, updates, epochs.
//
// The loss is a PathSet whose outputs are uniform: the sum of the losses over the lanes given, then its derivatives by
// the parameters, which are the first uniform inputs. run() goes on until there is something for the caller to do, and
// tells what; the next run() goes on from exactly there, so the bits do not depend on how often it returned. Its state
// can be saved and restored.
//
// What is done beside the loss per update is kept to some nanoseconds: epochs of tiny losses take 0.1 us.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reelgrad/exec/paths.hpp"
#include "reelgrad/train/optimizer.hpp"
#include "reelgrad/train/schedule.hpp"

namespace reelgrad::train {

// Data in memory that the caller keeps alive.
struct Data {
    std::size_t lanes = 0;
    std::vector<double> uniforms;  // uniform inputs after the parameters
    std::vector<exec::Column> columns;
};

struct TrainerSettings {
    std::size_t batch_size = 0;  // 0: all lanes
    bool drop_last = false;      // whether a last batch that is shorter is left out
    bool mean = true;            // the loss of a batch is the mean over its lanes, else the sum
    bool shuffle = false;
    std::uint64_t seed = 0;
    std::size_t threads = 1;
    // Stop after `patience` epochs in a row whose loss is not below the lowest before by more than `tol`.
    std::optional<double> tol{};
    std::uint64_t patience = 10;
    // The same for the loss on the validation data.
    std::optional<double> validation_min_delta{};
    std::uint64_t validation_patience = 10;
};

enum class Reason : std::uint8_t {
    epochs,                   // all epochs asked for are done
    paused,                   // the time is up
    rates,                    // the schedule is a table that ends here
    unknown_path,             // of a lane, in `unknown`
    unknown_validation_path,  // the same, on the validation data
    tol,
    validation,  // no more progress on the validation data
    non_finite,  // `Stop::where` tells what was not
};

struct Stop {
    Reason reason = Reason::epochs;
    exec::PathSet::Unknown unknown{};
    // If non_finite: the loss, or the derivative by a parameter.
    std::optional<std::size_t> parameter{};
    double value = 0.0;
    std::size_t first_lane = 0, last_lane = 0;  // of the batch
};

// Lowest loss so far, and for how many epochs there was no progress.
struct Progress {
    double lowest = std::numeric_limits<double>::infinity();
    std::uint64_t idle = 0;

    // Whether `patience` epochs have passed without progress, this one included.
    bool exhausted(double loss, double least, std::uint64_t patience) {
        idle = loss < lowest - least ? 0 : idle + 1;
        if (loss < lowest) lowest = loss;
        return idle >= patience;
    }
};

// What a run so far amounts to. All of it is needed to go on with the same bits.
struct TrainerState {
    std::vector<double> parameters{};
    std::uint64_t epoch = 0, update = 0;  // done
    std::uint64_t batch = 0, lanes = 0;   // done in the present epoch
    double loss = 0.0;                    // sum over those lanes
    Progress progress{}, validation{};
    std::uint64_t best_epoch = 0;           // with the lowest validation loss; 0: none yet
    std::vector<double> best_parameters{};  // after it
};

class Trainer {
  public:
    // The PathSets and the data outlive the Trainer. Throws LengthError and SettingError.
    Trainer(const exec::PathSet& loss, Data data, std::vector<double> parameters, const OptimizerSettings& optimizer,
            Schedule schedule, const TrainerSettings& settings);

    // A loss on other data, with the sum over lanes as its only output, computed after each epoch.
    void validate_with(const exec::PathSet& loss, Data data);

    // Goes on until `epoch` epochs are done, or `seconds` have passed, or there is another reason to return.
    // `interrupt` is for long runs of the loss, which then throw Interrupted; all is then as after the last update.
    Stop run(std::uint64_t epoch, double seconds, bool (*interrupt)() = nullptr);

    const TrainerState& state() const { return state_; }
    const Optimizer& optimizer() const { return optimizer_; }
    void restore(TrainerState state, std::uint64_t steps, std::array<std::vector<double>, 3> vectors);
    void set_schedule(Schedule schedule) { schedule_ = std::move(schedule); }

    // Of the epochs since this Trainer was made.
    const std::vector<double>& losses() const { return losses_; }
    const std::vector<double>& validation_losses() const { return validation_losses_; }

    std::uint64_t batches() const { return batches_; }  // per epoch

  private:
    using Lanes = std::pair<std::size_t, std::size_t>;  // the first, and how many

    Lanes lanes_of(std::uint64_t batch) const;
    void deal_lanes();
    exec::Batch next_batch();
    // Both: whether it was done; if not, or if it is to be the last, stop_ says why.
    bool update(bool (*interrupt)());
    bool finish_epoch(bool (*interrupt)());
    bool validate(bool (*interrupt)());
    bool check_progress(double loss);
    bool not_finite(std::optional<std::size_t> parameter, double value, const exec::Batch& batch);

    const exec::PathSet& loss_;
    Data data_;
    std::vector<double> staged_;  // where some of the columns point to
    OptimizerSettings settings_;
    Schedule schedule_;
    TrainerSettings how_;
    std::uint64_t batches_;
    Optimizer optimizer_;
    TrainerState state_;
    Stop stop_;
    // Scratch:
    std::vector<double> uniforms_;       // the parameters, then the data's
    std::vector<double> sums_;           // the loss, then its derivatives
    std::vector<std::uint32_t> places_;  // a random permutation
    std::vector<std::uint32_t> dealt_;   // the lanes of batch 0, of batch 1, ...
    std::vector<std::uint32_t> ends_;    // while they are dealt
    std::uint64_t dealt_epoch_ = static_cast<std::uint64_t>(-1);
    std::vector<exec::Column> columns_;                   // of a batch that is a stretch of the data
    exec::Batch batch_;                                   // the present one
    std::optional<exec::Executable::Repeated> repeated_;  // if it is always the same
    exec::PathSet::Work work_;

    const exec::PathSet* validation_loss_ = nullptr;
    Data validation_data_;
    std::vector<double> validation_staged_;
    std::vector<double> validation_uniforms_;
    exec::PathSet::Work validation_work_;

    std::vector<double> losses_, validation_losses_;
};

}  // namespace reelgrad::train

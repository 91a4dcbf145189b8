#include "reelgrad/train/trainer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

#include "reelgrad/tape/errors.hpp"
#include "reelgrad/train/shuffle.hpp"
#include "reelgrad/train/staging.hpp"

namespace reelgrad::train {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kWorkBetweenClocks = 200'000;  // instructions of a lane: some 0.1 ms

// Where the first number stands that is not finite; the length if all are. x * 0 is nan for those, and nan stays in a
// sum; four sums at once hide the latency of the additions.
std::size_t first_not_finite(std::span<const double> numbers) {
    std::array<double, 4> sums{};
    std::size_t k = 0;
    for (; k + 4 <= numbers.size(); k += 4) {
        for (std::size_t j = 0; j < 4; ++j) sums[j] += numbers[k + j] * 0.0;
    }
    for (; k < numbers.size(); ++k) sums[0] += numbers[k] * 0.0;
    if (sums[0] + sums[1] + sums[2] + sums[3] == 0.0) return numbers.size();
    const auto finite = [](double x) { return std::isfinite(x); };
    return static_cast<std::size_t>(std::ranges::find_if_not(numbers, finite) - numbers.begin());
}

std::vector<double> joined(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> both = a;
    both.insert(both.end(), b.begin(), b.end());
    return both;
}

}  // namespace

Trainer::Trainer(const exec::PathSet& loss, Data data, std::vector<double> parameters,
                 const OptimizerSettings& optimizer, Schedule schedule, const TrainerSettings& settings)
    : loss_(loss),
      data_(std::move(data)),
      settings_(optimizer),
      schedule_(std::move(schedule)),
      how_(settings),
      optimizer_(parameters.size()) {
    if (parameters.empty()) throw LengthError("there are no parameters: nothing can be trained");
    if (data_.lanes == 0) throw LengthError("the data is empty: there is no sample to train on");
    if (data_.lanes >= 0xffffffff) throw LengthError("the data has 2^32 samples or more");
    if (loss.uniform_outputs() != 1 + parameters.size() || loss.varying_outputs() != 0) {
        throw LengthError("the loss gives " + std::to_string(loss.uniform_outputs()) + " sums, but " +
                          std::to_string(1 + parameters.size()) + " are needed: its own and one for each parameter");
    }
    if (how_.batch_size == 0 || how_.batch_size > data_.lanes) {
        if (how_.drop_last && how_.batch_size > data_.lanes) {
            throw LengthError("drop_last leaves nothing of " + std::to_string(data_.lanes) +
                              " samples: a batch takes " + std::to_string(how_.batch_size));
        }
        how_.batch_size = data_.lanes;
    }
    batches_ = data_.lanes / how_.batch_size;
    if (!how_.drop_last && data_.lanes % how_.batch_size != 0) ++batches_;
    how_.shuffle = how_.shuffle && how_.batch_size < data_.lanes;  // sums over all lanes have an order of their own
    staged_ = stage(data_.columns, data_.lanes);
    uniforms_ = joined(parameters, data_.uniforms);
    sums_.resize(1 + parameters.size());
    columns_ = data_.columns;
    state_.parameters = std::move(parameters);
}

void Trainer::validate_with(const exec::PathSet& loss, Data data) {
    if (data.lanes == 0) throw LengthError("the validation data is empty: there is no sample to validate on");
    if (loss.uniform_outputs() != 1 || loss.varying_outputs() != 0) {
        throw LengthError("the validation loss has to have its sum as the only output");
    }
    validation_loss_ = &loss;
    validation_data_ = std::move(data);
    validation_staged_ = stage(validation_data_.columns, validation_data_.lanes);
    validation_uniforms_ = joined(state_.parameters, validation_data_.uniforms);
}

void Trainer::restore(TrainerState state, std::uint64_t steps, std::array<std::vector<double>, 3> vectors) {
    const std::size_t n = state_.parameters.size();
    if (state.parameters.size() != n || (!state.best_parameters.empty() && state.best_parameters.size() != n)) {
        throw LengthError("the saved state has " + std::to_string(state.parameters.size()) + " parameters, not " +
                          std::to_string(n));
    }
    if (state.batch > batches_) {
        throw SettingError("the saved state is at batch " + std::to_string(state.batch) + " of an epoch of " +
                           std::to_string(batches_) + ": the data or the batch size is another one");
    }
    optimizer_.restore(steps, std::move(vectors));
    state_ = std::move(state);
    std::ranges::copy(state_.parameters, uniforms_.begin());
}

Trainer::Lanes Trainer::lanes_of(std::uint64_t batch) const {
    const std::size_t first = static_cast<std::size_t>(batch) * how_.batch_size;
    return {first, std::min(how_.batch_size, data_.lanes - first)};
}

// Gives the lanes random places and deals them to the batches that have these places. Going through the lanes in their
// order leaves those of a batch ascending, without sorting.
void Trainer::deal_lanes() {
    const std::uint64_t epoch = state_.epoch + 1;
    if (dealt_epoch_ == epoch) return;
    shuffle(how_.seed, epoch, data_.lanes, places_);
    const auto batch_size = static_cast<std::uint32_t>(how_.batch_size);
    const std::size_t last = (data_.lanes - 1) / how_.batch_size;
    ends_.resize(last + 1);
    for (std::size_t batch = 0; batch <= last; ++batch) ends_[batch] = static_cast<std::uint32_t>(batch) * batch_size;
    dealt_.resize(data_.lanes);
    for (std::uint32_t lane = 0; lane < data_.lanes; ++lane) dealt_[ends_[places_[lane] / batch_size]++] = lane;
    dealt_epoch_ = epoch;
}

exec::Batch Trainer::next_batch() {
    const auto [first, lanes] = lanes_of(state_.batch);
    exec::Batch batch{.lanes = lanes, .uniforms = uniforms_, .columns = columns_};
    if (how_.shuffle) {
        deal_lanes();
        batch.chosen = std::span(dealt_).subspan(first, lanes);
    } else if (batches_ > 1) {
        for (std::size_t k = 0; k < columns_.size(); ++k) {
            const exec::Column& whole = data_.columns[k];
            columns_[k].base = whole.base + static_cast<std::ptrdiff_t>(first) * whole.stride;
        }
    }
    return batch;
}

bool Trainer::not_finite(std::optional<std::size_t> parameter, double value, const exec::Batch& batch) {
    const auto [first, lanes] = lanes_of(state_.batch);
    stop_ = {.reason = Reason::non_finite, .parameter = parameter, .value = value};
    stop_.first_lane = batch.chosen.empty() ? first : batch.chosen.front();
    stop_.last_lane = batch.chosen.empty() ? first + lanes - 1 : batch.chosen.back();
    return false;
}

bool Trainer::update(bool (*interrupt)()) {
    const bool is_new = batches_ > 1 || how_.shuffle || batch_.lanes == 0;
    if (is_new) batch_ = next_batch();
    const exec::Batch& batch = batch_;
    if (is_new && batches_ == 1 && !how_.shuffle) repeated_ = loss_.repeated(batch);
    const exec::RunOptions options{.threads = how_.threads, .interrupt = interrupt};
    if (repeated_) {
        repeated_->run(sums_, options);
    } else if (const auto unknown = loss_.run(batch, {.uniforms = sums_, .columns = {}}, options, work_)) {
        stop_ = {.reason = Reason::unknown_path, .unknown = *unknown};
        if (!how_.shuffle) stop_.unknown.lane += static_cast<std::uint32_t>(lanes_of(state_.batch).first);
        return false;
    }
    const double loss = sums_[0];
    const std::span<double> gradient = std::span(sums_).subspan(1);
    if (!std::isfinite(loss)) return not_finite(std::nullopt, loss, batch);
    if (const std::size_t k = first_not_finite(gradient); k < gradient.size()) return not_finite(k, gradient[k], batch);
    if (how_.mean) {
        const double share = 1.0 / static_cast<double>(batch.lanes);
        for (double& derivative : gradient) derivative *= share;
    }
    const std::span<double> parameters = std::span(uniforms_).first(gradient.size());
    optimizer_.step(settings_, schedule_.at(state_.update), parameters, gradient);
    ++state_.update;
    ++state_.batch;
    state_.lanes += batch.lanes;
    state_.loss += loss;
    return true;
}

bool Trainer::validate(bool (*interrupt)()) {
    std::copy_n(uniforms_.begin(), state_.parameters.size(), validation_uniforms_.begin());
    const exec::Batch batch{
        .lanes = validation_data_.lanes, .uniforms = validation_uniforms_, .columns = validation_data_.columns};
    const exec::RunOptions options{.threads = how_.threads, .interrupt = interrupt};
    double loss = 0.0;
    const exec::Results results{.uniforms = std::span(&loss, 1), .columns = {}};
    if (const auto unknown = validation_loss_->run(batch, results, options, validation_work_)) {
        stop_ = {.reason = Reason::unknown_validation_path, .unknown = *unknown};
        return false;
    }
    validation_losses_.push_back(how_.mean ? loss / static_cast<double>(batch.lanes) : loss);
    return true;
}

bool Trainer::check_progress(double loss) {
    bool goes_on = true;
    if (how_.tol && state_.progress.exhausted(loss, *how_.tol, how_.patience)) {
        stop_ = {.reason = Reason::tol};
        goes_on = false;
    }
    if (how_.validation_min_delta && validation_loss_ != nullptr) {
        const double validation = validation_losses_.back();
        if (validation < state_.validation.lowest) {
            state_.best_epoch = state_.epoch;
            const auto end = uniforms_.begin() + static_cast<std::ptrdiff_t>(state_.parameters.size());
            state_.best_parameters.assign(uniforms_.begin(), end);
        }
        if (state_.validation.exhausted(validation, *how_.validation_min_delta, how_.validation_patience)) {
            stop_ = {.reason = Reason::validation};
            goes_on = false;
        }
    }
    return goes_on;
}

bool Trainer::finish_epoch(bool (*interrupt)()) {
    if (validation_loss_ != nullptr && !validate(interrupt)) return false;
    const double loss = how_.mean ? state_.loss / static_cast<double>(state_.lanes) : state_.loss;
    losses_.push_back(loss);
    ++state_.epoch;
    state_.batch = state_.lanes = 0;
    state_.loss = 0.0;
    return !(how_.tol || how_.validation_min_delta) || check_progress(loss);
}

Stop Trainer::run(std::uint64_t epoch, double seconds, bool (*interrupt)()) {
    struct Publish {  // the parameters, whichever way run() is left
        Trainer& trainer;
        ~Publish() {
            std::copy_n(trainer.uniforms_.begin(), trainer.state_.parameters.size(), trainer.state_.parameters.begin());
        }
    } publish{*this};

    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    const std::uint64_t work_of_an_update = how_.batch_size * loss_.instructions() + 100;
    std::uint64_t work = 0;
    bool late = false;
    while (state_.epoch < epoch) {
        while (state_.batch < batches_) {
            if (late) return {.reason = Reason::paused};
            if (!schedule_.covers(state_.update)) return {.reason = Reason::rates};
            if (!update(interrupt)) return stop_;
            work += work_of_an_update;
            if (work > kWorkBetweenClocks) {
                work = 0;
                late = Clock::now() > end;
            }
        }
        if (!finish_epoch(interrupt)) return stop_;
    }
    return {.reason = Reason::epochs};
}

}  // namespace reelgrad::train

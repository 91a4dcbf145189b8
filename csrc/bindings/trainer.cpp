#include "bindings/trainer.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bindings/batch.hpp"
#include "bindings/executable.hpp"
#include "bindings/lock.hpp"
#include "reelgrad/tape/errors.hpp"
#include "reelgrad/train/shuffle.hpp"
#include "reelgrad/train/trainer.hpp"

namespace py = pybind11;

namespace reelgrad::python {
namespace {

using exec::PathSet;
using train::Optimizer;
using train::OptimizerSettings;
using train::Reason;
using train::Schedule;
using train::Trainer;
using train::TrainerSettings;
using train::TrainerState;
using Numbers = py::array_t<double, py::array::c_style | py::array::forcecast>;

constexpr std::array<const char*, 4> kRules{"SGD", "Adam", "AdamW", "RMSprop"};  // by train::Rule

const char* name_of(Reason reason) {
    constexpr std::array names{"epochs",          "paused", "rates",      "path",
                               "validation path", "tol",    "validation", "non-finite"};
    return names[static_cast<std::size_t>(reason)];
}

train::Rule rule_of(const std::string& name) {
    for (std::size_t k = 0; k < kRules.size(); ++k) {
        if (name == kRules[k]) return static_cast<train::Rule>(k);
    }
    throw SettingError("there is no optimiser '" + name + "'");
}

py::array_t<double> array_of(const std::vector<double>& numbers) {
    return py::array_t<double>(static_cast<py::ssize_t>(numbers.size()), numbers.data());
}

std::vector<double> vector_of(const py::handle& object) {
    const auto array = py::cast<py::array_t<double, py::array::c_style | py::array::forcecast>>(object);
    return {array.data(), array.data() + array.size()};
}

// --- The optimiser's state as a dict.

py::dict saved(const Optimizer& optimizer) {
    py::dict state;
    state["steps"] = optimizer.steps();
    for (std::size_t k = 0; k < Optimizer::kVectors.size(); ++k) {
        state[py::str(Optimizer::kVectors[k])] = array_of(optimizer.vectors()[k]);
    }
    return state;
}

std::pair<std::uint64_t, std::array<std::vector<double>, 3>> optimizer_state(const py::dict& state) {
    std::array<std::vector<double>, 3> vectors;
    for (std::size_t k = 0; k < vectors.size(); ++k) vectors[k] = vector_of(state[py::str(Optimizer::kVectors[k])]);
    return {state["steps"].cast<std::uint64_t>(), std::move(vectors)};
}

void add_optimizer(py::module_& module) {
    py::class_<OptimizerSettings>(module, "_OptimizerSettings", py::is_final())
        .def(py::init([](const std::string& rule, double momentum, double dampening, bool nesterov, double weight_decay,
                         std::pair<double, double> betas, double alpha, bool centered, double eps) {
                 return OptimizerSettings{.rule = rule_of(rule),
                                          .momentum = momentum,
                                          .dampening = dampening,
                                          .nesterov = nesterov,
                                          .weight_decay = weight_decay,
                                          .beta1 = betas.first,
                                          .beta2 = betas.second,
                                          .alpha = alpha,
                                          .centered = centered,
                                          .eps = eps};
             }),
             py::arg("rule"), py::kw_only(), py::arg("momentum") = 0.0, py::arg("dampening") = 0.0,
             py::arg("nesterov") = false, py::arg("weight_decay") = 0.0, py::arg("betas") = std::pair(0.9, 0.999),
             py::arg("alpha") = 0.99, py::arg("centered") = false, py::arg("eps") = 1e-8);

    py::class_<Optimizer>(module, "_Optimizer", py::is_final())
        .def(py::init<std::size_t>(), py::arg("parameters"))
        .def(
            "step",
            [](Optimizer& optimizer, const OptimizerSettings& settings, double lr, std::vector<double> parameters,
               std::vector<double> gradient) {
                optimizer.step(settings, lr, parameters, gradient);
                return parameters;
            },
            py::arg("settings"), py::arg("lr"), py::arg("parameters"), py::arg("gradient"),
            "Return the parameters moved by one step.")
        .def(
            "step_in_bulk",
            [](Optimizer& optimizer, const OptimizerSettings& settings, double lr, const Numbers& parameters,
               const Numbers& gradient) {
                Numbers moved(parameters.size());
                std::copy_n(parameters.data(), parameters.size(), moved.mutable_data());
                std::vector<double> scratch(gradient.data(), gradient.data() + gradient.size());
                optimizer.step(settings, lr, {moved.mutable_data(), static_cast<std::size_t>(moved.size())}, scratch);
                return moved;
            },
            py::arg("settings"), py::arg("lr"), py::arg("parameters"), py::arg("gradient"),
            "The same for arrays, which are not taken apart.")
        .def_property_readonly("steps", &Optimizer::steps)
        .def("state", saved)
        .def(
            "restore",
            [](Optimizer& optimizer, const py::dict& state) {
                auto [steps, vectors] = optimizer_state(state);
                optimizer.restore(steps, std::move(vectors));
            },
            py::arg("state"));

    py::class_<Schedule>(module, "_Schedule", py::is_final())
        .def(py::init(&Schedule::of), py::arg("kind"), py::arg("numbers"))
        .def("__call__", &Schedule::at, py::arg("update"));
}

// --- The trainer's state as a dict.

py::dict saved(const Trainer& trainer) {
    const TrainerState& state = trainer.state();
    py::dict result;
    result["parameters"] = array_of(state.parameters);
    result["epoch"] = state.epoch;
    result["update"] = state.update;
    result["batch"] = state.batch;
    result["lanes"] = state.lanes;
    result["loss"] = state.loss;
    result["progress"] = py::make_tuple(state.progress.lowest, state.progress.idle);
    result["validation"] = py::make_tuple(state.validation.lowest, state.validation.idle);
    result["best_epoch"] = state.best_epoch;
    result["best_parameters"] = array_of(state.best_parameters);
    result["optimizer"] = saved(trainer.optimizer());
    return result;
}

train::Progress progress_of(const py::handle& object) {
    const auto [lowest, idle] = object.cast<std::pair<double, std::uint64_t>>();
    return {.lowest = lowest, .idle = idle};
}

void restore(Trainer& trainer, const py::dict& saved_state) {
    TrainerState state;
    state.parameters = vector_of(saved_state["parameters"]);
    state.epoch = saved_state["epoch"].cast<std::uint64_t>();
    state.update = saved_state["update"].cast<std::uint64_t>();
    state.batch = saved_state["batch"].cast<std::uint64_t>();
    state.lanes = saved_state["lanes"].cast<std::uint64_t>();
    state.loss = saved_state["loss"].cast<double>();
    state.progress = progress_of(saved_state["progress"]);
    state.validation = progress_of(saved_state["validation"]);
    state.best_epoch = saved_state["best_epoch"].cast<std::uint64_t>();
    state.best_parameters = vector_of(saved_state["best_parameters"]);
    auto [steps, vectors] = optimizer_state(saved_state["optimizer"]);
    trainer.restore(std::move(state), steps, std::move(vectors));
}

// --- The trainer, with what it refers to.

struct Training {
    py::list keeps;  // PathSets and arrays
    std::unique_ptr<Trainer> trainer;
};

train::Data data_of(std::size_t lanes, const py::array& uniforms, const py::sequence& columns) {
    return {.lanes = lanes, .uniforms = vector_of(uniforms), .columns = columns_of(columns, lanes)};
}

void keep(Training& training, const py::object& paths, const py::sequence& columns) {
    training.keeps.append(paths);
    for (const py::handle array : columns) training.keeps.append(array);
}

std::unique_ptr<Training> make(const py::object& paths, const py::array& parameters, std::size_t lanes,
                               const py::array& uniforms, const py::sequence& columns,
                               const OptimizerSettings& optimizer, const Schedule& schedule, std::size_t batch_size,
                               bool drop_last, bool mean, bool shuffle, std::uint64_t seed, std::size_t threads,
                               std::optional<double> tol, std::uint64_t patience, std::optional<double> min_delta,
                               std::uint64_t validation_patience) {
    auto training = std::make_unique<Training>();
    const TrainerSettings settings{.batch_size = batch_size,
                                   .drop_last = drop_last,
                                   .mean = mean,
                                   .shuffle = shuffle,
                                   .seed = seed,
                                   .threads = threads,
                                   .tol = tol,
                                   .patience = patience,
                                   .validation_min_delta = min_delta,
                                   .validation_patience = validation_patience};
    training->trainer = std::make_unique<Trainer>(paths.cast<const PathSet&>(), data_of(lanes, uniforms, columns),
                                                  vector_of(parameters), optimizer, schedule, settings);
    keep(*training, paths, columns);
    return training;
}

py::tuple run(Training& training, std::uint64_t epoch, double seconds) {
    train::Stop stop;
    {
        const WithoutLock nogil;
        stop = training.trainer->run(epoch, seconds, python_interrupt);
    }
    py::object details = py::none();
    if (stop.reason == Reason::unknown_path || stop.reason == Reason::unknown_validation_path) {
        details = py::make_tuple(stop.unknown.path, stop.unknown.guard, stop.unknown.lane);
    } else if (stop.reason == Reason::non_finite) {
        details = py::make_tuple(stop.parameter, stop.value, stop.first_lane, stop.last_lane);
    }
    return py::make_tuple(name_of(stop.reason), details);
}

}  // namespace

void add_trainer(py::module_& module) {
    add_optimizer(module);
    module.def(
        "_shuffled",
        [](std::uint64_t seed, std::uint64_t epoch, std::size_t n) {
            std::vector<std::uint32_t> permutation;
            train::shuffle(seed, epoch, n, permutation);
            return py::array_t<std::uint32_t>(static_cast<py::ssize_t>(n), permutation.data());
        },
        py::arg("seed"), py::arg("epoch"), py::arg("n"), "Return the place of each sample in an epoch.");

    py::class_<Training>(module, "_Trainer", py::is_final(), R"(A training loop that goes on until its caller is needed.

The outputs of `paths` are the sum of the losses over the lanes of a batch, and its derivative by each parameter.
)")
        .def(py::init(&make), py::arg("paths"), py::arg("parameters"), py::arg("lanes"), py::arg("uniforms"),
             py::arg("columns"), py::kw_only(), py::arg("optimizer"), py::arg("schedule"), py::arg("batch_size"),
             py::arg("drop_last"), py::arg("mean"), py::arg("shuffle"), py::arg("seed"), py::arg("threads"),
             py::arg("tol").none(true), py::arg("patience"), py::arg("min_delta").none(true),
             py::arg("validation_patience"))
        .def(
            "validate_with",
            [](Training& training, const py::object& paths, std::size_t lanes, const py::array& uniforms,
               const py::sequence& columns) {
                training.trainer->validate_with(paths.cast<const PathSet&>(), data_of(lanes, uniforms, columns));
                keep(training, paths, columns);
            },
            py::arg("paths"), py::arg("lanes"), py::arg("uniforms"), py::arg("columns"))
        .def("run", run, py::arg("epoch"), py::arg("seconds"),
             "Go on until so many epochs are done; return the reason to stop and what belongs to it.")
        .def("state", [](const Training& training) { return saved(*training.trainer); })
        .def(
            "restore", [](Training& training, const py::dict& state) { restore(*training.trainer, state); },
            py::arg("state"))
        .def(
            "set_schedule",
            [](Training& training, const Schedule& schedule) { training.trainer->set_schedule(schedule); },
            py::arg("schedule"))
        .def_property_readonly("epoch", [](const Training& t) { return t.trainer->state().epoch; })
        .def_property_readonly("update", [](const Training& t) { return t.trainer->state().update; })
        .def_property_readonly("batches", [](const Training& t) { return t.trainer->batches(); })
        .def_property_readonly("parameters", [](const Training& t) { return array_of(t.trainer->state().parameters); })
        .def_property_readonly("losses", [](const Training& t) { return array_of(t.trainer->losses()); })
        .def_property_readonly("last_loss", [](const Training& t) { return t.trainer->losses().back(); })
        .def_property_readonly("validation_losses",
                               [](const Training& t) { return array_of(t.trainer->validation_losses()); });
}

}  // namespace reelgrad::python

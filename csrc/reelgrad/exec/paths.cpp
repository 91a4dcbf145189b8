#include "reelgrad/exec/paths.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "reelgrad/program/errors.hpp"

namespace reelgrad::exec {
namespace {

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// Calls visit(lane) for the lanes of a batch, ascending.
template <class Visitor>
void for_each_lane(const Batch& batch, Visitor&& visit) {
    if (batch.chosen.empty()) {
        for (std::uint32_t lane = 0; lane < batch.lanes; ++lane) visit(lane);
    } else {
        for (const std::uint32_t lane : batch.chosen) visit(lane);
    }
}

Batch batch_of(const Batch& batch, const std::vector<std::uint32_t>& lanes) {
    Batch part = batch;
    if (!lanes.empty()) {
        part.lanes = lanes.size();
        part.chosen = lanes;
    }
    return part;
}

void check_same_inputs(const program::Program& program, const program::Program& root) {
    const auto same = [](const program::Input& a, const program::Input& b) { return a.rate == b.rate; };
    if (!std::ranges::equal(program.inputs(), root.inputs(), same)) {
        throw ProgramError("the path's Program has " + std::to_string(program.inputs().size()) +
                           " inputs, which are not, by number and rate, the " + std::to_string(root.inputs().size()) +
                           " of the set's first path; all paths take the same inputs");
    }
}

}  // namespace

PathSet::Node::Node(std::optional<program::Program> decides, program::Program runs, std::uint32_t left_parent_at)
    : run(std::move(runs)),
      guards(run.program().guards().size()),
      left_at(left_parent_at),
      children(std::make_unique<std::atomic<const Node*>[]>(guards)) {
    if (decides) classifier.emplace(std::move(*decides));
    for (const program::Output& output : run.program().outputs()) {
        per_lane.push_back(run.program().rate(output.value) == program::Rate::varying);
    }
}

std::size_t PathSet::Work::fresh(const Node* node, std::uint32_t first_lane) {
    if (used_ == groups_.size()) groups_.emplace_back();
    Group& group = groups_[used_];
    group.node = node;
    group.first_lane = first_lane;
    group.lanes.clear();
    group.settled = false;
    return used_++;
}

PathSet::PathSet(std::vector<bool> per_lane)
    : per_lane_(std::move(per_lane)),
      uniform_outputs_(static_cast<std::size_t>(std::ranges::count(per_lane_, false))) {}

PathSet::~PathSet() = default;

void PathSet::check_fits(const Node& node) const {
    const program::Program& program = node.run.program();
    if (node.per_lane.size() != per_lane_.size()) {
        throw ProgramError("the path's Program has " + std::to_string(node.per_lane.size()) + " outputs, the set " +
                           std::to_string(per_lane_.size()));
    }
    for (std::size_t k = 0; k < per_lane_.size(); ++k) {
        if (node.per_lane[k] && !per_lane_[k]) {
            throw ProgramError("output " + std::to_string(k) + ", " + program.outputs()[k].name +
                               ", has a number per lane, but the set wants one in all: sum it over the lanes");
        }
    }
    if (node.classifier.has_value() != (node.guards > 0)) {
        throw ProgramError("the path has " + std::to_string(node.guards) +
                           " guards; a classifier is needed if there are any, and only then");
    }
    if (node.classifier) {
        const program::Program& classifier = node.classifier->program();
        const auto& first = classifier.inputs();
        const auto& all = program.inputs();
        const auto same = [](const program::Input& a, const program::Input& b) { return a.rate == b.rate; };
        if (first.size() > all.size() || !std::ranges::equal(first, std::span(all).first(first.size()), same)) {
            throw ProgramError("the classifier has " + std::to_string(first.size()) +
                               " inputs, which are not, by number and rate, the first of the path's Program");
        }
        if (classifier.outputs().size() != 1) {
            throw ProgramError("the classifier has " + std::to_string(classifier.outputs().size()) +
                               " outputs, but must have 1: the number of the first guard that disagrees");
        }
    }
}

std::uint32_t PathSet::add(std::uint32_t parent, std::uint32_t guard, std::optional<program::Program> classifier,
                           program::Program run) {
    const std::lock_guard lock(adding_);
    auto node = std::make_unique<Node>(std::move(classifier), std::move(run), guard);
    node->direct = node->per_lane == per_lane_;
    node->path = static_cast<std::uint32_t>(nodes_.size());
    check_fits(*node);
    if (nodes_.empty()) {
        root_.store(node.get(), std::memory_order_release);
    } else {
        check_same_inputs(node->run.program(), nodes_.front()->run.program());
        if (parent >= nodes_.size()) {
            throw ProgramError("there is no path " + std::to_string(parent) + ": the set has " +
                               std::to_string(nodes_.size()));
        }
        const Node& from = *nodes_[parent];
        const bool decided = parent != 0 && guard <= from.left_at;
        if (guard >= from.guards || decided) {
            throw ProgramError(
                "path " + std::to_string(parent) + " cannot be left at guard " + std::to_string(guard) + ": it has " +
                std::to_string(from.guards) + " guards" +
                (decided ? ", and those up to " + std::to_string(from.left_at) + " are decided on the way to it" : ""));
        }
        if (from.children[guard].load(std::memory_order_relaxed) != nullptr) {
            throw ProgramError("path " + std::to_string(parent) + " is left at guard " + std::to_string(guard) +
                               " by another path already");
        }
        from.children[guard].store(node.get(), std::memory_order_release);
    }
    nodes_.push_back(std::move(node));
    count_.store(nodes_.size(), std::memory_order_release);
    return static_cast<std::uint32_t>(nodes_.size() - 1);
}

void PathSet::no_paths() { throw ProgramError("the set has no paths yet: add one"); }

const PathSet::Node* PathSet::child_of(const Node& node, std::size_t number, std::uint32_t lane,
                                       std::optional<Unknown>& unknown) {
    const Node* child = node.children[number].load(std::memory_order_acquire);
    if (child == nullptr && (!unknown || lane < unknown->lane)) {
        unknown = Unknown{node.path, static_cast<std::uint32_t>(number), lane};
    }
    return child;
}

void PathSet::step(const Batch& batch, const RunOptions& options, std::size_t index, Work& work,
                   std::optional<Unknown>& unknown) {
    Group& group = work.groups_[index];
    const Node& node = *group.node;
    const Batch lanes = batch_of(batch, group.lanes);
    Batch decides = lanes;
    decides.uniforms = batch.uniforms.first(std::min(node.classifier->uniform_inputs(), batch.uniforms.size()));
    decides.columns = batch.columns.first(std::min(node.classifier->varying_inputs(), batch.columns.size()));
    std::size_t number;
    if (node.classifier->varying_outputs() == 0) {
        double result = 0;
        decides.lanes = 0;
        decides.chosen = {};
        node.classifier->run(decides, {.uniforms = std::span(&result, 1), .columns = {}}, options);
        number = static_cast<std::size_t>(result);
    } else {
        const Destination destination{work.numbers_.data(), 1};
        node.classifier->run(decides, {.uniforms = {}, .columns = std::span(&destination, 1)}, options);
        const double* numbers = work.numbers_.data();
        number = lanes.lanes == 0 ? node.guards : static_cast<std::size_t>(numbers[group.first_lane]);
        bool alike = true;
        for_each_lane(lanes, [&](std::uint32_t lane) { alike &= numbers[lane] == numbers[group.first_lane]; });
        if (!alike) return part(batch, index, work, unknown);
    }
    if (number >= node.guards) {
        group.settled = true;
    } else if (lanes.lanes == 0 && node.children[number].load(std::memory_order_acquire) == nullptr) {
        group.settled = true;  // sums over no lanes are 0 on any path
    } else {
        group.node = child_of(node, number, group.first_lane, unknown);
    }
}

void PathSet::part(const Batch& batch, std::size_t index, Work& work, std::optional<Unknown>& unknown) {
    const Node& node = *work.groups_[index].node;
    work.groups_[index].node = nullptr;  // all its lanes leave it
    std::vector<std::uint32_t> lanes;
    lanes.swap(work.groups_[index].lanes);
    work.group_by_guard_.assign(node.guards + 1, kNone);
    for_each_lane(batch_of(batch, lanes), [&](std::uint32_t lane) {
        const std::size_t number = std::min(static_cast<std::size_t>(work.numbers_[lane]), node.guards);
        std::size_t& group = work.group_by_guard_[number];
        if (group == kNone) {
            const bool stays = number == node.guards;
            group = work.fresh(stays ? &node : child_of(node, number, lane, unknown), lane);
            work.groups_[group].settled = stays;
        }
        work.groups_[group].lanes.push_back(lane);
    });
    lanes.swap(work.groups_[index].lanes);  // for its memory
}

std::optional<PathSet::Unknown> PathSet::classify(const Batch& batch, const RunOptions& options, Work& work) const {
    std::optional<Unknown> unknown;
    const auto moving = [&](const Group& group) {
        // Of the lanes without a path the first is wanted: later ones need not be followed.
        return group.node != nullptr && group.node->classifier && !group.settled &&
               !(unknown && group.first_lane > unknown->lane);
    };
    const std::size_t reach = batch.chosen.empty() ? batch.lanes : std::size_t{batch.chosen.back()} + 1;
    if (work.numbers_.size() < reach) work.numbers_.resize(reach);
    work.used_ = 0;
    work.fresh(&checked_root(), batch.chosen.empty() ? 0 : batch.chosen.front());
    for (std::size_t g = 0; g < work.used_; ++g) {
        while (moving(work.groups_[g])) step(batch, options, g, work, unknown);
    }
    const auto used = std::span(work.groups_).first(work.used_);
    const auto left = std::ranges::partition(used, [](const Group& group) { return group.node != nullptr; });
    work.used_ -= left.size();
    std::ranges::sort(used.first(work.used_), {}, &Group::first_lane);
    return unknown;
}

std::optional<PathSet::Unknown> PathSet::run_branching(const Batch& batch, const Results& results,
                                                       const RunOptions& options, Work& work) const {
    const Node& root = checked_root();
    if (!root.classifier) {
        run_on(root, batch, results, options, work, false);
        return std::nullopt;
    }
    if (const auto unknown = classify(batch, options, work)) return unknown;
    bool adds = false;
    for (const Group& group : work.groups()) {
        run_on(*group.node, batch_of(batch, group.lanes), results, options, work, adds);
        adds = true;
    }
    return std::nullopt;
}

void PathSet::run_on(const Node& node, const Batch& batch, const Results& results, const RunOptions& options,
                     Work& work, bool adds) const {
    if (node.direct && !adds) return node.run.run(batch, results, options);
    if (results.uniforms.size() != uniform_outputs_ || results.columns.size() != varying_outputs()) {
        throw LengthError("room for " + std::to_string(results.uniforms.size()) + " uniform and " +
                          std::to_string(results.columns.size()) + " varying outputs was given, but there are " +
                          std::to_string(uniform_outputs_) + " and " + std::to_string(varying_outputs()));
    }
    work.uniforms_.resize(node.run.uniform_outputs());
    work.columns_.clear();
    for (std::size_t k = 0, column = 0; k < per_lane_.size(); ++k) {
        if (node.per_lane[k]) work.columns_.push_back(results.columns[column]);
        column += per_lane_[k];
    }
    node.run.run(batch, {.uniforms = work.uniforms_, .columns = work.columns_}, options);

    const double* own = work.uniforms_.data();
    double* sum = results.uniforms.data();
    const Destination* column = results.columns.data();
    for (std::size_t k = 0; k < per_lane_.size(); ++k) {
        if (!per_lane_[k]) {
            *sum = adds ? *sum + *own : *own;
            ++sum, ++own;
            continue;
        }
        if (!node.per_lane[k]) {
            for_each_lane(batch, [&](std::uint32_t lane) {
                column->base[static_cast<std::ptrdiff_t>(lane) * column->stride] = *own;
            });
            ++own;
        }
        ++column;
    }
}

}  // namespace reelgrad::exec

// exec/paths.hpp: PathSet, the known paths of a branching function, and batches run over them.
//
// A path is a Program for those lanes whose decisions are its guards'. Its *classifier* tells for each lane the number
// of the first guard with which the lane disagrees, or the number of guards. At that guard another path may have left
// this one, so the paths form a tree that each lane walks from the root; it is computed wholly on the path where it
// ends. Lanes of one path run together, in ascending order.
//
// The bits depend on the lanes only: not on threads, and not on the order in which paths were found, as long as all
// paths compute the condition of a guard that they share by the same operations. Sums over the lanes of several paths
// are added in the order of the paths' first lanes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "reelgrad/exec/executable.hpp"

namespace reelgrad::exec {

class PathSet {
    struct Node;

  public:
    static constexpr std::uint32_t kNoPath = 0xffffffff;

    // A lane that leaves `path` at `guard`, where no path is known.
    struct Unknown {
        std::uint32_t path, guard, lane;
    };

    // The lanes that end on one path, ascending. Empty: all lanes of the batch.
    struct Group {
        const Node* node;
        std::uint32_t first_lane;
        std::vector<std::uint32_t> lanes;
        bool settled;
    };

    // Memory that runs need; keeping one saves callers who loop the allocations. One run at a time may use it.
    class Work {
      public:
        std::span<const Group> groups() const { return std::span(groups_).first(used_); }

      private:
        friend class PathSet;
        std::size_t fresh(const Node* node, std::uint32_t first_lane);

        std::vector<Group> groups_;  // the first `used_` are in use, the others keep their memory
        std::size_t used_ = 0;
        std::vector<double> numbers_;              // by lane: what a classifier gave
        std::vector<std::size_t> group_by_guard_;  // while lanes are sorted
        std::vector<double> uniforms_;             // outputs of one path
        std::vector<Destination> columns_;
    };

    // Says for each output whether a number per lane is wanted. A path whose own output is uniform there gives that
    // number to each of its lanes. Where none is wanted, outputs must be uniform: sums over lanes.
    explicit PathSet(std::vector<bool> per_lane);
    ~PathSet();
    PathSet(const PathSet&) = delete;
    PathSet& operator=(const PathSet&) = delete;

    // Adds the path that left `parent` at `guard`; the first path is the root and left none. Guards are numbered as in
    // `run.guards()`. The classifier has the first inputs of `run` (all but tangents, say) and one output, uniform or
    // varying; it needs to look at the guards after `guard` only, the ones up to there being decided. Without guards
    // there is none. Other threads may be running the set. Throws ProgramError.
    std::uint32_t add(std::uint32_t parent, std::uint32_t guard, std::optional<program::Program> classifier,
                      program::Program run);

    std::size_t instructions() const { return checked_root().run.program().size(); }  // of the first path
    std::size_t size() const { return count_.load(std::memory_order_acquire); }
    std::uint32_t path_of(const Group& group) const { return group.node->path; }
    std::size_t uniform_outputs() const { return uniform_outputs_; }
    std::size_t varying_outputs() const { return per_lane_.size() - uniform_outputs_; }

    // Runs each lane on its path. If a lane's path is unknown nothing is run and that lane is told, the first such one.
    // Throws as Executable::run does, and ProgramError for a set without paths.
    std::optional<Unknown> run(const Batch& batch, const Results& results, const RunOptions& options = {}) const {
        if (runs_at_once(batch, results, options)) return std::nullopt;
        Work work;
        return run_branching(batch, results, options, work);
    }
    std::optional<Unknown> run(const Batch& batch, const Results& results, const RunOptions& options,
                               Work& work) const {
        if (runs_at_once(batch, results, options)) return std::nullopt;
        return run_branching(batch, results, options, work);
    }

    // The same batch again and again, for a set whose lanes all take one path, whatever their numbers.
    std::optional<Executable::Repeated> repeated(const Batch& batch) const {
        const Node& root = checked_root();
        if (root.classifier || !root.direct || varying_outputs() > 0 || batch.lanes > kChunk) return std::nullopt;
        return Executable::Repeated(root.run, batch);
    }

    // Only sorts the lanes into work.groups(), in the order of their first lanes, if all their paths are known.
    std::optional<Unknown> classify(const Batch& batch, const RunOptions& options, Work& work) const;

  private:
    struct Node {
        Node(std::optional<program::Program> decides, program::Program runs, std::uint32_t left_parent_at);

        Executable run;
        std::optional<Executable> classifier;
        std::size_t guards;
        std::uint32_t left_at;                                 // the parent's guard
        std::uint32_t path = 0;                                // its number
        std::unique_ptr<std::atomic<const Node*>[]> children;  // by guard
        std::vector<bool> per_lane;                            // which outputs are varying
        bool direct = false;                                   // exactly those of which the set wants a number per lane
    };

    // A set of one path without guards costs nothing over Executable::run.
    bool runs_at_once(const Batch& batch, const Results& results, const RunOptions& options) const {
        const Node& root = checked_root();
        if (root.classifier || !root.direct) return false;
        root.run.run(batch, results, options);
        return true;
    }
    std::optional<Unknown> run_branching(const Batch& batch, const Results& results, const RunOptions& options,
                                         Work& work) const;
    const Node& checked_root() const {
        const Node* root = root_.load(std::memory_order_acquire);
        if (root == nullptr) no_paths();
        return *root;
    }
    [[noreturn]] static void no_paths();
    void check_fits(const Node& node) const;
    // Where lanes of `node` go next that have this number from its classifier: a child, or nullptr and `unknown` is
    // set.
    static const Node* child_of(const Node& node, std::size_t number, std::uint32_t lane,
                                std::optional<Unknown>& unknown);
    // One step down the tree for the lanes of a group; those that part from the others make groups of their own.
    static void step(const Batch& batch, const RunOptions& options, std::size_t group, Work& work,
                     std::optional<Unknown>& unknown);
    // The same, where the lanes' numbers differ.
    static void part(const Batch& batch, std::size_t group, Work& work, std::optional<Unknown>& unknown);
    void run_on(const Node& node, const Batch& batch, const Results& results, const RunOptions& options, Work& work,
                bool adds) const;

    std::vector<bool> per_lane_;
    std::size_t uniform_outputs_;
    std::mutex adding_;
    std::vector<std::unique_ptr<Node>> nodes_;  // guarded by adding_; runs reach nodes by the atomic pointers
    std::atomic<const Node*> root_ = nullptr;
    std::atomic<std::size_t> count_ = 0;
};

}  // namespace reelgrad::exec

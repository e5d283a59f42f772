// SPDX-License-Identifier: GPL-3.0-or-later
// The one owner of what runs and how it came to be: takes the decisions, calls the others. Knows
// neither sockets nor the event loop.
#pragma once

#include "ctl/daemon/apply.h"
#include "ctl/daemon/dynamic_lists.h"
#include "ctl/daemon/dynamic_sets.h"
#include "ctl/daemon/options.h"
#include "ctl/daemon/revisions.h"
#include "ctl/kern/datapath.h"
#include "ctl/kern/jiffies.h"

namespace pc::daemon {

// The rule set that packets meet.
struct Running {
    Revision revision; // number 0: the built-in one, which accepts everything and attaches nothing
    RuleSet rules;
    std::shared_ptr<const Plan> plan;
    Environment environment;
};

struct CommitRequest {
    std::vector<SourceFile> files;
    std::optional<uint64_t> base; // the revision that the candidate was made from
    std::string comment;
    std::string who;
    std::string via;
    Progress progress = {};
};

struct CommitAnswer {
    enum class Outcome : uint8_t { done, unchanged, config, refused, failed } outcome{};
    uint64_t revision = 0;
    std::string text; // diagnostics, or why not
    size_t warnings = 0;
    std::optional<ClassifierCost> cost = {}; // of what runs then
};

class Firewall {
public:
    [[nodiscard]] static Result<std::unique_ptr<Firewall>> open(Options options);

    // Takes over what the kernel runs, then reads the rule file. An Error: packets are not filtered
    // as they should be and there is nothing to fall back to.
    [[nodiscard]] Result<void> start();

    [[nodiscard]] CommitAnswer commit(const CommitRequest& request);

    // The rule file was changed by hand.
    [[nodiscard]] CommitAnswer reload();

    [[nodiscard]] Candidate check(const std::vector<SourceFile>& files,
                                  const Progress& progress = {}) const;

    // Interfaces, addresses or the day changed: the same rules are compiled and applied again.
    [[nodiscard]] Result<void> refresh();

    // Entries of dynamic sets that are over, rules that ended with the day.
    [[nodiscard]] Result<void> tick();

    // Their entries are live at once, without a commit.
    [[nodiscard]] DynamicSets& dynamic_sets() { return *dynamic_sets_; }

    [[nodiscard]] const DynamicSets& dynamic_sets() const { return *dynamic_sets_; }

    [[nodiscard]] const Options& options() const { return options_; }

    [[nodiscard]] const Features& features() const { return features_; }

    [[nodiscard]] const Running& running() const { return running_; }

    [[nodiscard]] const Revisions& revisions() const { return revisions_; }

    [[nodiscard]] const Datapath& datapath() const { return datapath_; }

    [[nodiscard]] const Applier& applier() const { return *applier_; }

    [[nodiscard]] const JiffiesClock& jiffies() const { return jiffies_; }

    [[nodiscard]] const std::string& config_error() const { return config_error_; }

    // What went wrong and is not an answer to anybody: for the log, once each.
    [[nodiscard]] std::vector<std::string> take_complaints();

    // The state of the kernel and the router around it, for explain.
    [[nodiscard]] Environment environment_now() const;
    [[nodiscard]] DynamicClock clock() const;

    [[nodiscard]] const InspectorWiring& wiring() const { return wiring_; }

    [[nodiscard]] const std::vector<Link>& links() const { return links_; }

    // Raised with each change of what the inspector has to know.
    [[nodiscard]] uint64_t changes() const { return changes_; }

private:
    Firewall(Options options, Features features, Datapath datapath, JiffiesClock jiffies,
             Revisions revisions);

    [[nodiscard]] Result<void> take_over();
    [[nodiscard]] Result<void> run_built_in();
    [[nodiscard]] Result<void> fall_back(std::string why);
    [[nodiscard]] Result<void> apply(Running next, OnAttachError on_error,
                                     const Progress& progress = {});
    [[nodiscard]] Result<void> rebuild();
    [[nodiscard]] Result<void> resize(const Datapath::Sizes& sizes);
    [[nodiscard]] static Result<Attachment> attach(Datapath& datapath,
                                                   const WantedInterface& wanted);
    [[nodiscard]] static Result<void> seed_flows(const Datapath& datapath);
    [[nodiscard]] Result<void> resize_flows(const Plan& plan);
    [[nodiscard]] Environment environment() const;
    [[nodiscard]] Candidate prepare_next(const std::vector<SourceFile>& files,
                                         const Progress& progress = {}) const;
    [[nodiscard]] GenerationMaps maps();
    [[nodiscard]] Result<InspectorWiring> wire_inspector(const Plan& plan,
                                                         const std::vector<Link>& links);
    [[nodiscard]] CommitAnswer put_in_force(Revision revision, Candidate candidate,
                                            OnAttachError on_error, const Progress& progress = {});
    [[nodiscard]] Result<void> write_config(const std::vector<SourceFile>& files);
    [[nodiscard]] Result<std::vector<SourceFile>> files_on_disk() const;
    [[nodiscard]] std::string why_not(const std::vector<SourceFile>& files) const;

    Options options_;
    Features features_;
    Datapath datapath_;
    JiffiesClock jiffies_;
    Revisions revisions_;
    std::unique_ptr<Applier> applier_;
    std::unique_ptr<DynamicLists> dynamic_lists_;
    std::unique_ptr<DynamicSets> dynamic_sets_;
    Running running_;
    std::vector<Link> links_;
    InspectorWiring wiring_;
    std::string config_error_;
    std::vector<std::string> complaints_;
    std::vector<std::string> problems_; // of interfaces, as they stand
    uint64_t changes_ = 0;
};

} // namespace pc::daemon

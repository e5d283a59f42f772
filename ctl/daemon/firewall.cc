// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/daemon/firewall.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <sys/stat.h>

#include "ctl/daemon/inspection.h"
#include "ctl/files/files.h"

namespace pc::daemon {
namespace {

constexpr std::string_view built_in_text = "schema = 1\n";

// What decides where a packet goes and whether an attachment is worth another try.
std::vector<Link> essence_of(std::vector<Link> links) {
    for (Link& link : links) {
        link.up = false;
        link.mac = {};
    }
    return links;
}

bool is_same_environment(const Environment& a, const Environment& b) {
    return a.self == b.self && a.local == b.local && a.today == b.today;
}

template <typename T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

// Equal texts may still differ in what the files of their sets hold.
bool is_same_plan(const Plan& a, const Plan& b) {
    return same_bytes(a.records, b.records) && same_bytes(a.number_sets, b.number_sets) &&
           same_bytes(a.byte_sets, b.byte_sets) && a.mac_lists == b.mac_lists &&
           a.lists == b.lists && same_bytes(a.limits, b.limits) && a.flows_max == b.flows_max &&
           a.flows_log == b.flows_log && a.guard == b.guard &&
           std::memcmp(&a.generation.flows, &b.generation.flows, sizeof(a.generation.flows)) == 0;
}

// What the inspector is told beside the maps; the same for what files of sets hold.
bool is_same_inspection(const Candidate& candidate, const Running& running) {
    const auto& a = candidate.plan->inspects;
    const auto& b = running.plan->inspects;
    const auto& now = candidate.rules.sets;
    const auto& before = running.rules.sets;
    return std::equal(
               a.begin(), a.end(), b.begin(), b.end(),
               [](const PlanInspect& x, const PlanInspect& y) { return x.clients == y.clients; }) &&
           std::equal(now.begin(), now.end(), before.begin(), before.end(),
                      [](const Set& x, const Set& y) { return x.file_names == y.file_names; });
}

uint32_t mark_of(const Plan& plan) {
    return plan.bypass_mark != 0 ? plan.bypass_mark : bypass_mark_default;
}

size_t warnings_in(const Diagnostics& diagnostics) {
    return static_cast<size_t>(
        std::count_if(diagnostics.list.begin(), diagnostics.list.end(),
                      [](const Diagnostic& d) { return d.severity == Severity::warning; }));
}

} // namespace

Firewall::Firewall(Options options, Features features, Datapath datapath, JiffiesClock jiffies,
                   Revisions revisions)
    : options_(std::move(options)), features_(std::move(features)), datapath_(std::move(datapath)),
      jiffies_(std::move(jiffies)), revisions_(std::move(revisions)) {
    applier_ = std::make_unique<Applier>(
        maps(),
        Attaching{[this](const WantedInterface& wanted) { return attach(datapath_, wanted); },
                  [this](uint32_t ifindex) { return datapath_.detach(ifindex); }});
    dynamic_lists_ = std::make_unique<DynamicLists>(
        applier_->generations(), datapath_.map("block_hits"), [this] { return rebuild(); });
    dynamic_sets_ = std::make_unique<DynamicSets>(*dynamic_lists_, options_.state_dir);
}

// The same rules, built anew: edits have used up the room there was.
Result<void> Firewall::rebuild() {
    applier_->generations().forget();
    return apply(running_, OnAttachError::go_on);
}

Result<std::unique_ptr<Firewall>> Firewall::open(Options options) {
    Features features = probe_features();
    Datapath datapath = TRY(Datapath::open(options.bpffs, features));
    TRY(seed_flows(datapath));
    JiffiesClock jiffies = TRY(JiffiesClock::open());
    Revisions revisions = TRY(Revisions::open(options.state_dir));
    return std::unique_ptr<Firewall>(new Firewall(std::move(options), std::move(features),
                                                  std::move(datapath), std::move(jiffies),
                                                  std::move(revisions)));
}

Result<void> Firewall::start() {
    TRY(dynamic_sets_->load(clock()));
    TRY(take_over());
    const auto files = files_on_disk();
    if (!files && files.error().err == ENOENT) {
        if (running_.revision.number != 0) {
            config_error_ = files.error().message;
        }
        return {};
    }
    if (!files) {
        return fall_back(files.error().message);
    }
    if (files.value() == running_.revision.files) {
        return {};
    }
    Candidate candidate = prepare_next(files.value());
    if (!candidate.ok()) {
        return fall_back(candidate.text);
    }
    // After a reboot the file is mostly what ran last: that keeps its number.
    const auto current = revisions_.current();
    const auto known = current ? revisions_.load(*current) : Result<Revision>(Error{});
    Revision revision{revisions_.next(), utc_now(), "", "start", "", candidate.rules.files};
    if (known && known.value().files == candidate.rules.files) {
        revision = known.value();
    }
    const CommitAnswer answer =
        put_in_force(std::move(revision), std::move(candidate), OnAttachError::go_on);
    if (answer.outcome == CommitAnswer::Outcome::done) {
        return {};
    }
    return fall_back(answer.text);
}

// The kernel may have been filtering all the time: its rules are written again for the interfaces
// and addresses of today, into the other slot, and nothing is detached meanwhile.
Result<void> Firewall::take_over() {
    Generations& generations = applier_->generations();
    TRY(generations.adopt());
    const uint64_t number = TRY(generations.active_number());
    if (!datapath_.took_over() || number == 0) {
        return run_built_in();
    }
    auto revision = revisions_.load(number);
    if (!revision) {
        complaints_.push_back("the kernel runs revision " + std::to_string(number) + ": " +
                              revision.error().message);
        return {};
    }
    Running next{revision.take(), {}, {}, environment()};
    Candidate candidate = prepare_next(next.revision.files);
    if (!candidate.ok()) {
        complaints_.push_back("revision " + std::to_string(number) +
                              " runs on, but can no longer be read: " + candidate.text);
        running_.revision = std::move(next.revision);
        return {};
    }
    next.rules = std::move(candidate.rules);
    next.plan = std::move(candidate.plan);
    return apply(std::move(next), OnAttachError::go_on);
}

Result<void> Firewall::run_built_in() {
    running_.revision.files = {SourceFile{options_.config, std::string(built_in_text)}};
    running_.environment = environment();
    Candidate candidate = prepare(running_.revision.files, running_.environment, {});
    if (!candidate.ok()) {
        return Error{EPROTO, "the built-in rules: " + candidate.text};
    }
    running_.rules = std::move(candidate.rules);
    running_.plan = std::move(candidate.plan);
    links_ = TRY(dump_links());
    ++changes_;
    return applier_->generations().accept_everything(running_.plan->generation);
}

// The rule file cannot be used at start. What the kernel runs stays; else the last good revision
// says by [safety] on_boot_error what to do.
Result<void> Firewall::fall_back(std::string why) {
    config_error_ = std::move(why);
    complaints_.push_back(config_error_);
    const auto number = revisions_.last_good();
    if (running_.revision.number != 0 || !number) {
        return {};
    }
    auto revision = revisions_.load(*number);
    if (!revision) {
        complaints_.push_back(revision.error().message);
        return {};
    }
    Running next{revision.take(), {}, {}, environment()};
    Candidate candidate = prepare(next.revision.files, next.environment, {});
    if (!candidate.ok()) {
        complaints_.push_back("revision " + std::to_string(*number) + ": " + candidate.text);
        return {};
    }
    if (candidate.rules.safety.on_boot_error == Safety::OnBootError::open) {
        return {};
    }
    next.rules = std::move(candidate.rules);
    next.plan = std::move(candidate.plan);
    if (next.rules.safety.on_boot_error == Safety::OnBootError::closed) {
        next.rules.rules.clear();
        next.rules.defaults.action = Action::drop;
        for (Zone& zone : next.rules.zones) {
            zone.default_action.reset();
        }
        next.plan = std::make_shared<const Plan>(TRY(compile(next.rules, next.environment, {})));
    }
    return apply(std::move(next), OnAttachError::go_on);
}

Result<void> Firewall::apply(Running next, OnAttachError on_error, const Progress& progress) {
    std::vector<Link> links = TRY(dump_links());
    TRY(resize_flows(*next.plan));
    auto wired = wire_inspector(*next.plan, links);
    if (!wired && on_error == OnAttachError::refuse) {
        return wired.error();
    }
    if (!wired) {
        complaints_.push_back(wired.error().message);
    }
    // Without a veth every flow to be inspected meets on_down.
    const InspectorWiring wiring =
        wired ? wired.value() : InspectorWiring{mark_of(*next.plan), 0, {}};
    for (const Set& set : next.rules.sets) {
        if (set.dynamic) {
            TRY(dynamic_lists_->expect(set.name, dynamic_sets_->timed(set.name, clock())));
        }
    }
    CostJudge judge; // what ran once is not refused, whatever the chance of hashing
    if (on_error == OnAttachError::refuse) {
        judge = [&](const ClassifierCost& cost) {
            return judge_cost(cost, next.rules, *next.plan);
        };
    }
    TRY(applier_->apply({next.plan, next.revision.number, links, wiring,
                         dynamic_lists_->ranges_for(*next.plan), on_error, progress, judge}));
    std::vector<std::string> problems = applier_->problems();
    for (const auto& [ifindex, state] : applier_->interfaces()) {
        if (!state.problem.empty()) {
            problems.push_back(state.problem);
        }
    }
    // Each is said once, however often the same rules are applied again.
    for (const std::string& problem : problems) {
        if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end()) {
            complaints_.push_back(problem);
        }
    }
    problems_ = std::move(problems);
    running_ = std::move(next);
    if (const auto used = dynamic_sets_->use(running_.rules.sets, clock()); !used) {
        complaints_.push_back(used.error().message);
    }
    links_ = std::move(links);
    wiring_ = wiring;
    ++changes_;
    return {};
}

// What once was set up stays, for the flows that are still in the inspector's hands.
Result<InspectorWiring> Firewall::wire_inspector(const Plan& plan, const std::vector<Link>& links) {
    if (plan.inspects.empty()) {
        return InspectorWiring{mark_of(plan), wiring_.veth, wiring_.mac};
    }
    return set_up_inspection(datapath_, options_.inspect_netns, links, mark_of(plan));
}

Candidate Firewall::check(const std::vector<SourceFile>& files, const Progress& progress) const {
    Candidate candidate = prepare_next(files, progress);
    judge_cost(candidate);
    return candidate;
}

std::string Firewall::why_not(const std::vector<SourceFile>& files) const {
    if (files.empty() || files.front().path != options_.config) {
        return "the first file has to be " + options_.config;
    }
    const std::string folder = options_.config.substr(0, options_.config.rfind('/') + 1);
    for (size_t i = 0; i < files.size(); ++i) {
        const std::string& path = files[i].path;
        const bool inside = path.compare(0, folder.size(), folder) == 0 &&
                            path.find("/../") == path.npos && path.size() > folder.size();
        const bool running =
            std::any_of(running_.revision.files.begin(), running_.revision.files.end(),
                        [&](const SourceFile& file) { return file.path == path; });
        if (!inside && !running && i > 0) {
            return path + " is neither part of the configuration nor in " + folder;
        }
        if (std::count_if(files.begin(), files.end(),
                          [&](const SourceFile& file) { return file.path == path; }) > 1) {
            return path + " occurs twice";
        }
    }
    return {};
}

Environment Firewall::environment() const {
    Environment environment = files::environment();
    environment.hz = static_cast<uint32_t>(jiffies_.per_second());
    return environment;
}

// What keeps its name keeps its ids.
Candidate Firewall::prepare_next(const std::vector<SourceFile>& files,
                                 const Progress& progress) const {
    return prepare(files, environment(), applier_->generations().ids(), progress,
                   applier_->generations().kept_ids());
}

CommitAnswer Firewall::commit(const CommitRequest& request) {
    using Outcome = CommitAnswer::Outcome;
    if (request.base && *request.base != running_.revision.number) {
        return {Outcome::refused, running_.revision.number,
                fmt::format("revision {} runs now, and the candidate was made from {}",
                            running_.revision.number, *request.base)};
    }
    // What comes over the socket may only be written where the configuration is.
    const std::string refusal = request.via == "file" ? "" : why_not(request.files);
    if (!refusal.empty()) {
        return {Outcome::refused, running_.revision.number, refusal};
    }
    // What it costs is asked of what is to run, not of another classifier.
    Candidate candidate = prepare_next(request.files, request.progress);
    const size_t warnings = warnings_in(candidate.diagnostics);
    if (!candidate.ok()) {
        return {Outcome::config, running_.revision.number, candidate.text, warnings};
    }
    if (running_.plan && running_.revision.number != 0 &&
        candidate.rules.files == running_.revision.files &&
        is_same_plan(*candidate.plan, *running_.plan) && is_same_inspection(candidate, running_)) {
        return {Outcome::unchanged, running_.revision.number, candidate.text, warnings};
    }
    Revision revision{revisions_.next(), utc_now(),       request.who,
                      request.via,       request.comment, candidate.rules.files};
    CommitAnswer answer = put_in_force(std::move(revision), std::move(candidate),
                                       OnAttachError::refuse, request.progress);
    answer.warnings = warnings;
    if (answer.outcome == Outcome::done) {
        const auto written = write_config(running_.revision.files);
        if (!written) {
            complaints_.push_back(written.error().message);
            answer.text += "warning: revision " + std::to_string(answer.revision) +
                           " is live, but not in the rule file: " + written.error().message + "\n";
        }
    }
    return answer;
}

CommitAnswer Firewall::put_in_force(Revision revision, Candidate candidate, OnAttachError on_error,
                                    const Progress& progress) {
    using Outcome = CommitAnswer::Outcome;
    const uint64_t number = revision.number;
    const uint64_t before = running_.revision.number;
    // The revision is on disk before packets meet it: whoever starts next finds what runs.
    const bool is_new = !revisions_.load(number).ok();
    if (const auto stored = is_new ? revisions_.store(revision) : Result<void>(); !stored) {
        return {Outcome::failed, before, stored.error().message};
    }
    Running next{std::move(revision), std::move(candidate.rules), std::move(candidate.plan),
                 environment()};
    const auto applied = apply(std::move(next), on_error, progress);
    if (!applied) {
        if (is_new) {
            revisions_.forget(number);
        }
        const bool costly = applied.error().err == err_over_budget;
        return {costly ? Outcome::config : Outcome::failed, before, applied.error().message};
    }
    config_error_.clear();
    for (const auto& kept : {revisions_.set_current(number), revisions_.set_last_good(number)}) {
        if (!kept) {
            complaints_.push_back(kept.error().message);
        }
    }
    return {Outcome::done, number, candidate.text, 0, applier_->generations().known_cost()};
}

CommitAnswer Firewall::reload() {
    const auto files = files_on_disk();
    CommitAnswer answer;
    if (!files) {
        answer = {CommitAnswer::Outcome::config, running_.revision.number, files.error().message};
    } else {
        answer = commit({files.value(), std::nullopt, "", "", "file"});
    }
    config_error_ = answer.outcome == CommitAnswer::Outcome::done ||
                            answer.outcome == CommitAnswer::Outcome::unchanged
                        ? ""
                        : answer.text;
    return answer;
}

Result<std::vector<SourceFile>> Firewall::files_on_disk() const {
    SourceFile main = TRY(files::read_file(options_.config));
    Parsed parsed = parse(std::move(main), files::reader());
    return std::move(parsed.rules.files);
}

Result<void> Firewall::write_config(const std::vector<SourceFile>& files) {
    for (const SourceFile& file : files) {
        const auto on_disk = read_text(file.path);
        if (on_disk && on_disk.value() == file.text) {
            continue;
        }

        struct stat st {};

        const int mode =
            stat(file.path.c_str(), &st) == 0 ? static_cast<int>(st.st_mode & 0777) : 0640;
        TRY(write_file(file.path, file.text, mode));
    }
    return {};
}

Result<void> Firewall::refresh() {
    if (!running_.plan) {
        return {};
    }
    Environment environment = this->environment();
    const std::vector<Link> links = TRY(dump_links());
    if (is_same_environment(environment, running_.environment) &&
        essence_of(links) == essence_of(links_)) {
        return {};
    }
    Running next = running_;
    next.plan = std::make_shared<const Plan>(
        TRY(compile(next.rules, environment, applier_->generations().ids(),
                    applier_->generations().kept_ids())));
    next.environment = std::move(environment);
    return apply(std::move(next), OnAttachError::go_on);
}

Result<void> Firewall::tick() {
    (void)TRY(dynamic_sets_->expire(clock()));
    TRY(applier_->generations().settle());
    return refresh();
}

std::vector<std::string> Firewall::take_complaints() {
    std::vector<std::string> all = std::exchange(complaints_, {});
    for (std::string& complaint : dynamic_sets_->take_complaints()) {
        all.push_back(std::move(complaint));
    }
    return all;
}

Environment Firewall::environment_now() const {
    Environment environment = this->environment();
    environment.dynamic = dynamic_sets_->ranges(clock());
    return environment;
}

DynamicClock Firewall::clock() const {
    const auto ticks = jiffies_.now();
    return {time(nullptr), ticks ? ticks.value() : 0, jiffies_.per_second()};
}

} // namespace pc::daemon

// SPDX-License-Identifier: GPL-3.0-or-later
// What one run of the shell keeps between commands: options, mode, candidate, output.
#pragma once

#include <optional>

#include "ctl/shell/client.h"
#include "ctl/shell/grammar.h"
#include "ctl/shell/names.h"
#include "ctl/shell/options.h"
#include "ctl/shell/output.h"
#include "rules/parse.h"

namespace pc::shell {

// The configuration that is being edited, as text.
struct Candidate {
    std::vector<SourceFile> files;
    std::vector<SourceFile> live; // what it started from
    uint64_t revision = 0;        // of `live`

    [[nodiscard]] bool is_changed() const { return files != live; }
};

// Where command lines come from, for carets.
struct Origin {
    enum class Kind : uint8_t { terminal, script, words } kind{};
    SourceFile source;       // a script's whole text; otherwise path "<cli>"
    uint32_t line = 1;       // of the script
    size_t prompt_width = 0; // on a terminal
};

// VyOS's words.
inline constexpr std::string_view cannot_exit =
    "Cannot exit: configuration modified. Use 'exit discard', 'commit' or 'compare'.";

enum ExitCode : int {
    exit_done = 0,
    exit_config = 1,
    exit_usage = 2,
    exit_unreachable = 4,
    exit_refused = 5,
};

class Session {
public:
    explicit Session(const Options& options, Output output)
        : options_(options), client_(options.run_dir), output_(std::move(output)) {}

    [[nodiscard]] const Options& options() const { return options_; }

    [[nodiscard]] const Client& client() const { return client_; }

    [[nodiscard]] Output& out() { return output_; }

    [[nodiscard]] uint8_t mode() const { return mode_; }

    [[nodiscard]] const std::optional<Candidate>& candidate() const { return candidate_; }

    [[nodiscard]] bool is_leaving() const { return is_leaving_; }

    [[nodiscard]] const Origin& origin() const { return origin_; }

    void set_origin(Origin origin) { origin_ = std::move(origin); }

    void leave() { is_leaving_ = true; }

    // Configuration mode, with the live configuration as candidate; keeps a candidate that is
    // there.
    [[nodiscard]] Answer enter_configuration();
    void leave_configuration(); // forgets the candidate

    void set_candidate(std::vector<SourceFile> files) { candidate_->files = std::move(files); }

    void set_live(uint64_t revision) {
        candidate_->live = candidate_->files;
        candidate_->revision = revision;
    }

    [[nodiscard]] bool has_changes() const { return candidate_ && candidate_->is_changed(); }

    // The live configuration, or an older one.
    struct Fetched {
        Answer answer;
        std::vector<SourceFile> files;
        uint64_t revision = 0;
    };

    [[nodiscard]] Fetched fetch(std::optional<uint64_t> revision) const;

    // For completion: of the candidate, or of the live configuration. Never fails, may be empty.
    [[nodiscard]] Names names(const CommandLine& line) const;

    // Say what went wrong; give the exit code.
    int fail(const Answer& answer);
    int fail(int exit_code, const std::string& message, const std::string& help = "");
    int fail_at(int exit_code, const CommandLine& line, const Mistake& mistake);

private:
    const Options& options_;
    Client client_;
    Output output_;
    uint8_t mode_ = operational;
    std::optional<Candidate> candidate_;
    Origin origin_{Origin::Kind::words, {"<cli>", ""}, 1, 0};
    bool is_leaving_ = false;
};

// Matches and runs one line; gives its exit code. Empty lines do nothing.
int run_line(Session& session, const CommandLine& line, Abbreviations abbreviations);

// Who is at the keyboard, and through what: "ana", "ssh".
[[nodiscard]] std::string who();
[[nodiscard]] std::string via();
// The address that this session comes from, by SSH_CONNECTION; empty: none.
[[nodiscard]] std::string session_address();

[[nodiscard]] Json to_json(const std::vector<SourceFile>& files);

} // namespace pc::shell

// SPDX-License-Identifier: GPL-3.0-or-later
// Progress from the work on a configuration, over the control socket, to the shell.
#include "rules/progress.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <thread>

#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "ctl/daemon/apply.h"
#include "ctl/daemon/methods.h"
#include "ctl/daemon/server.h"
#include "ctl/protocol/pace.h"
#include "ctl/shell/progress_line.h"

using namespace pc;
using namespace std::chrono_literals;
using daemon::Server;
using protocol::Json;

namespace {

struct Word {
    Phase phase{};
    size_t done = 0;
    size_t total = 0;
};

std::vector<Phase> phases_of(const std::vector<Word>& words) {
    std::vector<Phase> phases;
    for (const Word& word : words) {
        if (phases.empty() || phases.back() != word.phase) {
            phases.push_back(word.phase);
        }
    }
    return phases;
}

// A folder that goes with the test.
class Folder {
public:
    Folder() {
        std::string name = std::filesystem::temp_directory_path() / "pc-progress-XXXXXX";
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
    }

    ~Folder() { std::filesystem::remove_all(path_); }

    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    Folder(Folder&&) = delete;
    Folder& operator=(Folder&&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

// A daemon's socket in a thread of its own. The method "Stop" ends it, any other is `answer`'s.
class RunningServer {
public:
    using Answer = std::function<Json(const Server::Tell& tell)>;

    RunningServer(const std::string& folder, Answer answer) {
        REQUIRE(sd_event_new(&event_) >= 0);
        auto opened =
            Server::open(event_, folder + "/control.sock",
                         {.answer =
                              [this, answer = std::move(answer)](const protocol::Request& request,
                                                                 const Server::Caller& caller) {
                                  if (request.method == "Stop") {
                                      sd_event_exit(event_, 0);
                                  }
                                  return answer(caller.tell);
                              },
                          .watched = [] { return Json::object(); },
                          .heard = [](const Json&) {},
                          .inspector_came = [] {},
                          .inspector_gone = [] {},
                          .monitors_changed = [](size_t) {}});
        REQUIRE(opened.ok());
        server_ = opened.take();
        thread_ = std::thread([this] { sd_event_loop(event_); });
    }

    // After a call of "Stop".
    ~RunningServer() {
        thread_.join();
        server_.reset();
        sd_event_unref(event_);
    }

    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;
    RunningServer(RunningServer&&) = delete;
    RunningServer& operator=(RunningServer&&) = delete;

private:
    sd_event* event_ = nullptr;
    std::unique_ptr<Server> server_;
    std::thread thread_;
};

int connected_to(const std::string& folder) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder + "/control.sock";
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    return fd;
}

std::vector<Json> messages_from(int fd, size_t until_answers) {
    protocol::Framer framer;
    std::vector<Json> messages;
    std::array<char, 65536> bytes{};
    for (size_t answers = 0; answers < until_answers;) {
        const ssize_t got = read(fd, bytes.data(), bytes.size());
        REQUIRE(got > 0);
        REQUIRE(framer.add({bytes.data(), static_cast<size_t>(got)}));
        while (auto text = framer.next()) {
            messages.push_back(Json::parse(*text, nullptr, false));
            REQUIRE(messages.back().is_object());
            answers += messages.back().contains("continues") ? 0 : 1;
        }
    }
    return messages;
}

} // namespace

TEST_CASE("a large configuration tells its phases, and how far each has come") {
    const Folder folder;
    std::string lines;
    for (unsigned i = 0; i < 50000; ++i) {
        lines += "10." + std::to_string(i >> 8 & 255) + "." + std::to_string(i & 255) + ".7\n";
    }
    const SourceFile main{folder.path() + "/rules.toml",
                          "schema = 1\n[set.many]\nfile = \"many.txt\"\n[[rule]]\nname = \"r\"\n"
                          "src = \"@many\"\naction = \"drop\"\n"};
    const SourceFile set{folder.path() + "/many.txt", lines};
    std::vector<Word> words;
    const auto note = [&](Phase phase, size_t done, size_t total) {
        words.push_back({phase, done, total});
    };
    REQUIRE(daemon::prepare({main, set}, {}, {}, note).ok());
    CHECK(phases_of(words) ==
          std::vector<Phase>{Phase::reading, Phase::checking, Phase::compiling});
    std::vector<size_t> read;
    for (const Word& word : words) {
        if (word.phase == Phase::reading && word.total > 1) {
            CHECK(word.total == 50001);
            read.push_back(word.done);
        }
    }
    CHECK(read == std::vector<size_t>{16384, 32768, 49152});
}

TEST_CASE("the pace: phases of large work at once, the rest ten times a second") {
    using protocol::Pace;
    const Pace::Clock::time_point start{};
    Pace small(start);
    CHECK_FALSE(small.lets_pass(Phase::reading, 10, start));
    CHECK_FALSE(small.lets_pass(Phase::checking, 10, start + 299ms));
    CHECK(small.lets_pass(Phase::checking, 10, start + 300ms));
    CHECK_FALSE(small.lets_pass(Phase::compiling, 10, start + 399ms));
    CHECK(small.lets_pass(Phase::compiling, 10, start + 400ms));

    Pace large(start);
    CHECK(large.lets_pass(Phase::reading, 1000000, start));
    CHECK_FALSE(large.lets_pass(Phase::reading, 1000000, start + 99ms));
    CHECK(large.lets_pass(Phase::reading, 1000000, start + 100ms));
    CHECK(large.lets_pass(Phase::checking, 1, start + 101ms));
    CHECK(large.lets_pass(Phase::compiling, 1, start + 102ms));
    CHECK_FALSE(large.lets_pass(Phase::compiling, 1, start + 103ms));
}

TEST_CASE("who asks for more hears of the progress before the answer, others only the answer") {
    const Folder folder;
    const RunningServer server(folder.path(), [](const Server::Tell& tell) {
        const Progress progress = daemon::progress_to(tell);
        for (size_t done = 0; progress && done < 3; ++done) {
            progress(static_cast<Phase>(done), done, 20000);
        }
        return Json{{"parameters", {{"told", static_cast<bool>(tell)}}}};
    });
    const shell::Client client(folder.path());
    std::vector<std::string> words;
    const shell::Answer answer =
        client.call("Commit", Json::object(), 5s, [&](const Json& progress) {
            words.push_back(shell::progress_words(shell::text_at(progress, "phase"),
                                                  shell::number_at(progress, "done"),
                                                  shell::number_at(progress, "total")));
        });
    CHECK(words == std::vector<std::string>{"reading 20,000", "checking 1 of 20,000",
                                            "compiling 2 of 20,000"});
    CHECK(answer.ok());
    CHECK(shell::flag_at(answer.parameters, "told"));
    CHECK_FALSE(shell::flag_at(client.call("Commit").parameters, "told"));
    CHECK(client.call("Stop").ok());
}

TEST_CASE("a client that does not read holds nobody up, and misses only progress") {
    const Folder folder;
    constexpr int told = 3000; // of 4 kB: more than a socket takes
    const RunningServer server(folder.path(), [](const Server::Tell& tell) {
        for (int i = 0; tell && i < told; ++i) {
            tell({{"phase", "loading"}, {"done", i}, {"text", std::string(4096, 'x')}});
        }
        return Json{{"parameters", {{"done", true}}}};
    });
    const int slow = connected_to(folder.path());
    const std::string request = protocol::frame(
        Json{{"method", "org.portcullis.Commit"}, {"parameters", Json::object()}, {"more", true}});
    REQUIRE(write(slow, request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    pollfd first_word{slow, POLLIN, 0};
    REQUIRE(poll(&first_word, 1, -1) == 1); // its request is being worked on
    // Another client is answered although the first one reads nothing.
    const shell::Client client(folder.path());
    CHECK(shell::flag_at(client.call("Commit", Json::object(), 100s).parameters, "done"));
    const std::vector<Json> messages = messages_from(slow, 1);
    CHECK(messages.size() > 10);
    CHECK(messages.size() < told);
    CHECK(messages.back().at("parameters").at("done") == true);
    int last = -1;
    for (size_t i = 0; i + 1 < messages.size(); ++i) {
        const int done = messages[i].at("parameters").at("progress").at("done").get<int>();
        REQUIRE(done > last);
        last = done;
    }
    close(slow);
    // Nor does one that has gone.
    const int gone = connected_to(folder.path());
    REQUIRE(write(gone, request.data(), request.size()) == static_cast<ssize_t>(request.size()));
    close(gone);
    CHECK(client.call("Stop", Json::object(), 100s).ok());
}

TEST_CASE("nothing is shown with JSON, nor where stderr is no terminal") {
    const shell::Output text(shell::Output::Form::text, false, false);
    const shell::Output json(shell::Output::Form::json, false, false);
    shell::ProgressLine line(text);
    shell::ProgressLine of_json(json);
    CHECK_FALSE(of_json.of_daemon());
    CHECK_FALSE(of_json.of_this_program());
    CHECK(static_cast<bool>(line.of_daemon()) == (isatty(STDERR_FILENO) == 1));
    CHECK(shell::progress_words("loading", 0, 0) == "loading");
    CHECK(shell::progress_words("reading", 16384, 0) == "reading 16,384");
}

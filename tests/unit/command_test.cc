// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <catch2/catch.hpp>

#include "ctl/shell/arguments.h"
#include "ctl/shell/commands.h"
#include "ctl/shell/complete.h"
#include "ctl/shell/flow_words.h"
#include "ctl/shell/options.h"

using namespace pc;
using namespace pc::shell;

namespace {

constexpr auto exact = Abbreviations::refused;
constexpr auto brief = Abbreviations::allowed;

Call called(const std::string& line, uint8_t mode = operational, Abbreviations form = exact) {
    const Matched matched = match(grammar(), tokenize(line), mode, form);
    INFO(line << ": " << matched.mistake.message);
    REQUIRE(matched.call.has_value());
    return *matched.call;
}

Mistake mistake(const std::string& line, uint8_t mode = operational, Abbreviations form = exact) {
    const Matched matched = match(grammar(), tokenize(line), mode, form);
    INFO(line);
    REQUIRE_FALSE(matched.call.has_value());
    return matched.mistake;
}

std::string pattern(const std::string& line, uint8_t mode = operational,
                    Abbreviations form = exact) {
    return std::string(called(line, mode, form).command->pattern);
}

Names some_names() {
    Names names;
    names.rules = {"telnet", "vpn-in"};
    names.sets = {"office", "scrub", "web"};
    names.dynamic_sets = {"scrub"};
    names.prefix_sets = {"office"};
    names.port_sets = {"web"};
    names.zones = {"lan", "wan"};
    names.inspects = {"tls"};
    names.limits = {"ssh"};
    names.revisions = {"1", "2"};
    names.files = {{"rules.toml", "schema = 1\n[[rule]]\nname = \"telnet\"\ndport = [22, 23]\n"}};
    return names;
}

// What TAB offers at the end of the line, hints in angle brackets.
std::vector<std::string> offered(const std::string& line, uint8_t mode = operational) {
    const Names names = some_names();
    std::vector<std::string> words;
    for (const Choice& choice : choices({grammar(), names, mode, brief}, tokenize(line))) {
        words.push_back(choice.word);
    }
    return words;
}

using Words = std::vector<std::string>;

bool has(const Words& words, const std::string& word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

} // namespace

TEST_CASE("a line is words with their columns") {
    const CommandLine line =
        tokenize("block  10.0.0.1 comment \"two words\" x\\ y 'a\"b' # not this");
    CHECK(line.words() == Words{"block", "10.0.0.1", "comment", "two words", "x y", "a\"b"});
    CHECK(line.tokens[1].begin == 7);
    CHECK(line.tokens[1].end == 15);
    CHECK(tokenize("  # comment").tokens.empty());
    CHECK(tokenize("a \"b").has_open_quote);
    CHECK(tokenize("a ").at_new_word());
    CHECK_FALSE(tokenize("a").at_new_word());
    const Words words{"comment", "two words", "it's", "\"", ""};
    CHECK(tokenize(command_line(words).text).words() == words);
}

TEST_CASE("every pattern of the table is found by its own words") {
    for (const Command& command : command_table()) {
        std::string line;
        for (std::string word : tokenize(command.pattern).words()) {
            if (word.starts_with('[')) {
                break;
            }
            word = word.substr(0, word.find('|'));
            word = word == "<prefix>"              ? "10.0.0.1"
                   : word == "<time>"              ? "1h"
                   : word == "<revision>"          ? "3"
                   : word.starts_with("<endpoint") ? "10.0.0.1"
                                                   : word;
            line += (line.empty() ? "" : " ") + word;
        }
        for (const uint8_t mode : {operational, configuration}) {
            if ((command.modes & mode) != 0) {
                CHECK(pattern(line, mode) == command.pattern);
            }
        }
        CHECK_FALSE(command.help.empty());
        CHECK(command.run != nullptr);
    }
}

TEST_CASE("arguments are known by their names, options come in any order") {
    const Call call = called("block 10.0.0.0/8 for 90s force comment \"why not\"");
    CHECK(call.get("prefix") == "10.0.0.0/8");
    CHECK(call.get("time") == "90s");
    CHECK(call.get("text") == "why not");
    CHECK(call.has("force"));
    CHECK_FALSE(called("block ::1 for 1h").has("force"));
    const Call into = called("block ::1 in scrub comment x");
    CHECK(into.get("dynamic") == "scrub");
    CHECK(into.has("in"));
    CHECK_FALSE(into.has("for"));
    CHECK(called("block ::1 in scrub for 5m").get("time") == "5m");
    CHECK(called("unblock ::1 in scrub").get("dynamic") == "scrub");
    CHECK(pattern("show blocks") == "show blocks");
    CHECK(called("show set office match 10.0.0.1").get("address") == "10.0.0.1");
    const Call insert = called("insert rule a before b", configuration);
    CHECK(insert.get("rule") == "a");
    CHECK(insert.get("other") == "b");
    const Call set = called("set rule x dport [ 22 23 ]", configuration);
    CHECK(set.rest_words() == Words{"rule", "x", "dport", "[", "22", "23", "]"});
    CHECK(called("explain --rules f packet in lan tcp 1.1.1.1 2.2.2.2").get("file") == "f");
    // A name may be a word of the grammar.
    CHECK(called("show rule detail detail").get("rule") == "detail");
}

TEST_CASE("unique beginnings are enough where a person types, and nowhere else") {
    CHECK(pattern("sh ru", operational, brief) == "show rules");
    CHECK(pattern("sh ru x", operational, brief) == "show rule <rule> [detail]");
    CHECK(pattern("sh ru x d", operational, brief) == "show rule <rule> [detail]");
    CHECK(called("sh st", operational, brief).line.words() == Words{"show", "status"});
    CHECK(pattern("conf", operational, brief) == "configure");
    CHECK(mistake("sh ru").message == "unknown command 'sh'; did you mean 'show'?");
    CHECK(mistake("sh s", operational, brief).message ==
          "this may be 'show status' or 'show sets'");
    // The first word is clear by itself, or it is nothing.
    CHECK(mistake("d", configuration, brief).message == "'d' is ambiguous: delete, discard");
    // A quoted word is no word of the grammar.
    CHECK_FALSE(match(grammar(), tokenize("'show' status"), operational, brief).call.has_value());
}

TEST_CASE("what is wrong is said with its columns") {
    const Mistake command = mistake("shwo rules");
    CHECK(command.begin == 0);
    CHECK(command.end == 4);
    CHECK(command.message == "unknown command 'shwo'; did you mean 'show'?");
    const Mistake word = mistake("show rulse");
    CHECK(word.begin == 5);
    CHECK(word.message == "unknown word 'rulse'; did you mean 'rules' or 'rule'?");
    CHECK(mistake("show rules x").message == "nothing more is expected here");
    CHECK(mistake("block 10.0.0.999 for 1h").message == "'10.0.0.999' is no address or prefix");
    CHECK(mistake("block 10.0.0.1 for ever").begin == 19);
    CHECK(mistake("block 10.0.0.1 for").help == "expected: <time>");
    CHECK(mistake("block 10.0.0.1 for 1h comment a b").help ==
          "a text with spaces is put in quotes");
    CHECK(mistake("rollback x").message == "the number of a revision is expected here");
    CHECK(mistake("show \"x").message == "the quote is not closed");
    CHECK(mistake("set rule x dport 1").help ==
          "a command of configuration mode: `configure` first");
    CHECK(mistake("show rules", configuration).help == "from here it is `run show rules`");
}

TEST_CASE("TAB and ? offer what may stand there, with the names of the configuration") {
    CHECK(offered("sh") == Words{"show"});
    CHECK(has(offered("show "), "interfaces"));
    CHECK(offered("show rule ") == Words{"telnet", "vpn-in", "<rule>"});
    CHECK(offered("show rule t") == Words{"telnet"});
    CHECK(offered("show rule telnet ") == Words{"detail", "<Enter>"});
    CHECK(offered("show set o") == Words{"office"});
    CHECK(offered("block ") == Words{"<prefix>"});
    CHECK(offered("block 10.0.0.1 ") == Words{"for", "in", "comment", "force", "<Enter>"});
    CHECK(offered("block 10.0.0.1 for 1h ") == Words{"in", "comment", "force", "<Enter>"});
    CHECK(offered("block 10.0.0.1 for 1h force ") == Words{"in", "comment", "<Enter>"});
    CHECK(offered("block 10.0.0.1 in ") == Words{"scrub", "<dynamic>"});
    CHECK(offered("unblock 10.0.0.1 in s") == Words{"scrub"});
    CHECK(offered("clear ") == Words{"set", "flows"});
    CHECK(offered("clear set ") == Words{"scrub", "<dynamic>"});
    CHECK(offered("rollback ") == Words{"1", "2", "<revision>"});
    CHECK(offered("nonsense ").empty());
    CHECK(offered("run sh", configuration) == Words{"show"});
    CHECK(offered("run show rule ", configuration) == Words{"telnet", "vpn-in", "<rule>"});
}

TEST_CASE("TAB knows the rule language") {
    CHECK(offered("set r", configuration) == Words{"rule"});
    CHECK(offered("set rule ", configuration) == Words{"telnet", "vpn-in", "<name>"});
    CHECK(offered("set rule telnet dp", configuration) == Words{"dport"});
    CHECK(offered("set rule telnet in ", configuration) == Words{"lan", "wan", "<value>"});
    CHECK(offered("set rule telnet in l", configuration) == Words{"lan", "<value>"});
    CHECK(offered("set rule telnet in lan,w", configuration) == Words{"lan,wan", "<value>"});
    CHECK(offered("set rule telnet in [ lan w", configuration) == Words{"wan", "<value>"});
    CHECK(has(offered("set rule telnet in [ lan ", configuration), "]"));
    CHECK(has(offered("set rule telnet in [ lan ] ", configuration), "src"));
    CHECK_FALSE(has(offered("set rule telnet in [ lan ] ", configuration), "in"));
    CHECK(offered("set rule telnet src @o", configuration) == Words{"@office", "<value>"});
    CHECK(offered("set rule telnet src !@o", configuration) == Words{"!@office", "<value>"});
    CHECK(offered("set rule telnet dport @", configuration) == Words{"@web", "<value>"});
    CHECK(offered("set rule telnet action d", configuration) == Words{"drop", "<value>"});
    CHECK(offered("set rule telnet state e", configuration) == Words{"established", "<value>"});
    CHECK(offered("set rule telnet limit ", configuration) == Words{"ssh", "<value>"});
    CHECK(offered("set limit ", configuration) == Words{"ssh", "<name>"});
    CHECK(offered("set limit ssh over r", configuration) == Words{"reject", "<value>"});
    CHECK(offered("set guard sy", configuration) == Words{"syn_protect", "syn_trigger"});
    CHECK(has(offered("set flows ", configuration), "tcp_established"));
    CHECK(offered("delete rule ", configuration) == Words{"telnet", "vpn-in"});
    CHECK(offered("delete rule telnet ", configuration) == Words{"dport", "<Enter>"});
    CHECK(offered("delete rule telnet dport ", configuration) == Words{"22", "23", "<Enter>"});
    CHECK(has(offered("explain packet "), "in"));
    CHECK_FALSE(has(offered("explain packet "), "<Enter>"));
    CHECK(offered("explain packet in l") == Words{"lan"});
    CHECK(has(offered("explain packet in lan t"), "tcp"));
    CHECK(has(offered("explain packet in lan tcp 1.1.1.1 2.2.2.2 "), "flags"));
    CHECK(has(offered("explain packet in lan tcp 1.1.1.1 2.2.2.2 out "), "wan"));
}

TEST_CASE("every beginning of a line can be asked about") {
    for (const std::string line :
         {"set rule telnet src [ 10.0.0.0/8, @office ] action drop",
          "explain packet in lan tcp '[::1]:5' 2.2.2.2 flags syn,ack candidate",
          "block 10.0.0.1 for 1h comment \"x y\" force", "run explain --rules f packet x",
          "show flows src 10.0.0.0/8 state established limit 5", "clear flows all",
          "show flow [::1]:5 ::2", "top sources by packets total limit 5"}) {
        for (size_t length = 0; length <= line.size(); ++length) {
            for (const uint8_t mode : {operational, configuration}) {
                (void)offered(line.substr(0, length), mode);
                (void)match(grammar(), tokenize(line.substr(0, length)), mode, brief);
            }
        }
    }
}

TEST_CASE("which flows are meant is said by pairs of words") {
    const auto asked = [](const std::string& line, FlowCommand command) {
        const Call call = called(line);
        return flow_question(call.line, call.rest, command);
    };
    const auto list = [&](const std::string& words) {
        return asked("show flows " + words, FlowCommand::list);
    };
    const FlowQuestion question = list("src 10.0.0.0/8 port 443 proto tcp zone lan state "
                                       "established rule web sort packets limit 5");
    REQUIRE_FALSE(question.mistake.has_value());
    CHECK(question.filter == Json{{"src", "10.0.0.0/8"},
                                  {"port", 443},
                                  {"proto", "tcp"},
                                  {"zone", "lan"},
                                  {"state", "established"},
                                  {"rule", "web"}});
    CHECK(question.sort == "packets");
    CHECK(question.limit == 5U);
    CHECK(list("").filter == Json::object());
    CHECK(asked("clear flows all", FlowCommand::clear).all);
    CHECK(asked("clear flows host ::1", FlowCommand::clear).filter == Json{{"host", "::1"}});

    const auto wrong = [&](const std::string& words) { return list(words).mistake.value(); };
    CHECK(wrong("scr 10.0.0.1").message == "unknown word 'scr'; did you mean 'src'?");
    CHECK(wrong("scr 10.0.0.1").begin == 11);
    CHECK(wrong("src").message == "'src' needs a value");
    CHECK(wrong("src 10.0.0.1/8").message ==
          "10.0.0.1/8 has host bits set; the network is 10.0.0.0/8");
    CHECK(wrong("src x").message == "'x' is no address or prefix");
    CHECK(wrong("port 70000").message == "'70000' is no port: 0 to 65535");
    CHECK(wrong("state open").message.starts_with("'open' is none of syn-sent, "));
    CHECK(wrong("proto x-y").message == "'x-y' is no protocol");
    CHECK(wrong("port 1 port 2").message == "'port' stands here twice");
    CHECK(wrong("all").message.starts_with("unknown word 'all'"));
    const auto clear = [&](const std::string& words) {
        return asked("clear flows " + words, FlowCommand::clear).mistake.value().message;
    };
    CHECK(clear("sort age").starts_with("unknown word 'sort'"));
    CHECK(clear("all src ::1") == "either all flows, or those that fit");
    CHECK(mistake("clear flows").message == "the command is not complete");
}

TEST_CASE("flows of the inspector have words of their own") {
    const auto asked = [](const std::string& words) {
        const Call call = called("show inspect flows " + words);
        return flow_question(call.line, call.rest, FlowCommand::inspected);
    };
    const FlowQuestion question =
        asked("name a.example verdict deny inspect web way released sort age limit 5 dport 443");
    REQUIRE_FALSE(question.mistake.has_value());
    CHECK(question.filter == Json{{"name", "a.example"},
                                  {"verdict", "deny"},
                                  {"inspect", "web"},
                                  {"way", "released"},
                                  {"dport", 443}});
    CHECK(question.sort == "age");
    CHECK(asked("verdict drop").mistake.value().message ==
          "'drop' is none of allow, deny, undecided");
    CHECK(asked("way out").mistake.value().message ==
          "'out' is none of terminated, peeked, released, denied");
    CHECK(asked("sort packets").mistake.value().message == "'packets' is none of bytes, age");
    CHECK(asked("zone lan").mistake.value().message.starts_with("unknown word 'zone'"));
    CHECK(offered("show inspect flows verd") == Words{"verdict"});
    CHECK(offered("show inspect flows verdict d") == Words{"deny"});
    CHECK_FALSE(has(offered("show flows "), "verdict"));
    CHECK(called("top names 5 by bytes").get("number") == "5");
    CHECK(offered("monitor ") == Words{"inspect"});
}

TEST_CASE("TAB knows the words of flows") {
    CHECK(has(offered("show flows "), "src"));
    CHECK(has(offered("show flows "), "<Enter>"));
    CHECK(offered("show flows st") == Words{"state"});
    CHECK(offered("show flows state time") == Words{"time-wait"});
    CHECK(offered("show flows zone ") == Words{"lan", "wan"});
    CHECK(offered("show flows rule t") == Words{"telnet"});
    CHECK(offered("show flows src ") == Words{"<src>"});
    CHECK_FALSE(has(offered("show flows zone lan "), "zone"));
    CHECK(has(offered("show flows zone lan "), "<Enter>"));
    CHECK(has(offered("clear flows "), "all"));
    CHECK_FALSE(has(offered("clear flows "), "<Enter>"));
    CHECK_FALSE(has(offered("clear flows "), "sort"));
    CHECK(offered("clear flows all ") == Words{"<Enter>"});
    CHECK(offered("top ") == Words{"flows", "sources", "destinations", "names"});
    CHECK(offered("top flows by ") == Words{"bytes", "packets"});
}

TEST_CASE("the ends of a flow are addresses, with a port or without") {
    const auto parsed = [](const char* text) {
        const auto endpoint = parse_endpoint(text);
        return !endpoint        ? std::string("none")
               : endpoint->port ? endpoint->address + " " + std::to_string(*endpoint->port)
                                : endpoint->address;
    };
    CHECK(parsed("10.0.0.1") == "10.0.0.1");
    CHECK(parsed("10.0.0.1:443") == "10.0.0.1 443");
    CHECK(parsed("2001:db8::1") == "2001:db8::1");
    CHECK(parsed("[2001:db8::1]:443") == "2001:db8::1 443");
    for (const char* bad : {"", ":", "10.0.0.1:", "10.0.0.1:70000", "[10.0.0.1]:5", "x:5", "[::1]",
                            "10.0.0.1:5x", "[]:5", "10.0.0.0/8"}) {
        INFO(bad);
        CHECK(parsed(bad) == "none");
    }
    CHECK(called("show flow 10.0.0.1:5 ::1").get("dst") == "::1");
    CHECK(mistake("show flow 10.0.0.1 x").message == "'x' is no address, or ADDRESS:PORT");
    CHECK(mistake("top flows limit x").message == "a number is expected here");
}

TEST_CASE("times have units") {
    CHECK(parse_seconds("90s") == 90);
    CHECK(parse_seconds("5m") == 300);
    CHECK(parse_seconds("1h30m") == 5400);
    CHECK(parse_seconds("2d") == 172800);
    for (const char* bad : {"", "5", "m", "5x", "0s", "-1s", "1 h", "99999999999s", "9999d"}) {
        INFO(bad);
        CHECK(parse_seconds(bad) == 0);
    }
}

TEST_CASE("options of the program stand before the command, some behind it too") {
    const auto parsed = [](const Words& words) { return parse_options(words, nullptr); };
    CHECK(parsed({"check", "f", "--json"}).value().json);
    CHECK(parsed({"check", "f", "--json"}).value().words == Words{"check", "f"});
    CHECK(parsed({"--run-dir", "/x", "show"}).value().run_dir == "/x");
    CHECK(parsed({"--run-dir=/x", "show"}).value().run_dir == "/x");
    CHECK(parse_options(Words{}, "/env").value().run_dir == "/env");
    CHECK(parsed({"-c", "a", "-f", "b", "-c", "c"}).value().scripts.size() == 3);
    CHECK(parsed({"explain", "--rules", "f"}).value().words.size() == 3);
    CHECK(parsed({"set", "--", "--json"}).value().words == Words{"set", "--json"});
    CHECK_FALSE(parsed({"--jsno"}).ok());
    CHECK_FALSE(parsed({"-c"}).ok());
    CHECK_FALSE(parsed({"-c", "x", "show"}).ok());
    CHECK(parsed({"--help"}).value().help);
}

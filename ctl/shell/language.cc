// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/shell/language.h"

#include <algorithm>
#include <array>

#include "rules/edit_keys.h"
#include "rules/edit_text.h"
#include "rules/words.h"

namespace pc::shell {
namespace {

using edit::Table;
using edit::TableKey;
using edit::ValueKind;

void offer(std::vector<Choice>& list, const std::vector<std::string>& words,
           std::string_view before = "") {
    for (const std::string& word : words) {
        list.push_back({std::string(before) + word, "", false});
    }
}

std::vector<Choice> table_words() {
    return {{"rule", "an ordered condition with an action"},
            {"set", "prefixes, ports or protocols with a name"},
            {"zone", "interfaces that are treated alike"},
            {"inspect", "an inspector of TCP flows"},
            {"limit", "a rate and what becomes of packets over it"},
            {"host", "this router"},
            {"defaults", "what happens to packets that no rule decides"},
            {"safety", "what a commit must not do"},
            {"flows", "how flows are followed"},
            {"guard", "against floods"}};
}

const std::vector<std::string>& names_of(Table table, const Names& names) {
    static const std::vector<std::string> none;
    switch (table) {
    case Table::rule:
        return names.rules;
    case Table::set:
        return names.sets;
    case Table::zone:
        return names.zones;
    case Table::inspect:
        return names.inspects;
    case Table::limit:
        return names.limits;
    case Table::host:
    case Table::defaults:
    case Table::safety:
    case Table::flows:
    case Table::guard:
        return none;
    }
    return none;
}

std::vector<Choice> value_choices(const TableKey& key, const Names& names) {
    std::vector<Choice> list;
    offer(list, edit::words_of(key.kind));
    switch (key.kind) {
    case ValueKind::zone:
        offer(list, names.zones);
        break;
    case ValueKind::address:
        offer(list, names.prefix_sets, "@");
        offer(list, {"@self", "@local", "@bogons", "@any"});
        break;
    case ValueKind::port:
        offer(list, names.port_sets, "@");
        break;
    case ValueKind::proto:
        offer(list, names.proto_sets, "@");
        break;
    case ValueKind::inspect:
        offer(list, names.inspects);
        break;
    case ValueKind::limit:
        offer(list, names.limits);
        break;
    case ValueKind::interface:
        offer(list, names.interfaces);
        break;
    case ValueKind::any:
    case ValueKind::boolean:
    case ValueKind::action:
    case ValueKind::verdict:
    case ValueKind::log:
    case ValueKind::frag:
    case ValueKind::tcp_flags:
    case ValueKind::icmp_type:
    case ValueKind::set_type:
    case ValueKind::xdp_mode:
    case ValueKind::on_down:
    case ValueKind::inspect_mode:
    case ValueKind::allow_deny:
    case ValueKind::ech:
    case ValueKind::fragments:
    case ValueKind::family:
    case ValueKind::on_boot_error:
    case ValueKind::state:
    case ValueKind::per:
    case ValueKind::over:
    case ValueKind::syn_protect:
    case ValueKind::guard_mode:
        break;
    }
    list.push_back({"<value>", std::string(key.help), true});
    return list;
}

// What stands next in KEY VALUE [KEY VALUE]...: a value of this key, or none: a key.
const TableKey* open_key(Table table, std::span<const std::string> words,
                         std::vector<std::string>& used, bool& in_list) {
    const TableKey* key = nullptr;
    for (const std::string& word : words) {
        if (key == nullptr) {
            key = edit::key_named(table, word);
            used.push_back(word);
        } else if (in_list || (edit::is_list(key->form) && word.starts_with('['))) {
            in_list = !word.ends_with(']');
            key = in_list ? key : nullptr;
        } else {
            key = nullptr;
        }
    }
    return key;
}

std::vector<Choice> key_choices(Table table, const std::vector<std::string>& used) {
    std::vector<Choice> list;
    for (const TableKey& key : edit::keys_of(table)) {
        if (std::find(used.begin(), used.end(), key.name) == used.end()) {
            list.push_back({std::string(key.name), std::string(key.help), false});
        }
    }
    return list;
}

// The keys that a table of the configuration has, or the items of one of them.
std::vector<Choice> present(const edit::Target& target, const std::string& key,
                            const Names& names) {
    const Result<std::vector<edit::ScannedFile>> scanned = edit::scan_files(names.files);
    if (!scanned) {
        return {};
    }
    const std::optional<edit::Place> place = edit::find_table(scanned.value(), target);
    std::vector<Choice> list;
    for (const TableKey& each : edit::keys_of(target.table)) {
        const edit::TextEntry* entry =
            place ? edit::find_entry(scanned.value(), *place, each.name) : nullptr;
        if (entry == nullptr) {
            continue;
        }
        if (key.empty()) {
            std::vector<std::string> items;
            for (const edit::TextItem& item : entry->items) {
                items.push_back(item.text);
            }
            list.push_back({std::string(each.name), join(items, ", ", 6), false});
        } else if (key == each.name) {
            for (const edit::TextItem& item : entry->items) {
                list.push_back({item.text, "", false});
            }
        }
    }
    return list;
}

struct PacketWord {
    std::string_view word;
    std::string_view help;
};

constexpr std::array packet_words{
    PacketWord{"out", "zone it leaves by; looked up when not given"},
    PacketWord{"flags", "TCP flags, syn,ack; default syn"},
    PacketWord{"len", "L3 length"},
    PacketWord{"ttl", "TTL or hop limit"},
    PacketWord{"dscp", "0-63"},
    PacketWord{"vlan", "outermost VLAN id"},
    PacketWord{"frag", "none, first, non-first"},
    PacketWord{"type", "ICMP type"},
    PacketWord{"code", "ICMP code"},
    PacketWord{"mac", "source MAC address"},
    PacketWord{"state", "new, established, related, invalid; default new"},
    PacketWord{"candidate", "with the candidate instead of the live configuration"},
};

} // namespace

std::vector<Choice> table_choices(const std::vector<std::string>& words, const Names& names) {
    if (words.empty()) {
        return table_words();
    }
    const std::optional<Table> table = edit::table_named(words[0]);
    if (!table) {
        return {};
    }
    size_t at = 1;
    if (edit::has_name(*table)) {
        if (words.size() == at) {
            std::vector<Choice> list;
            offer(list, names_of(*table, names));
            list.push_back({"<name>", "a new one is made", true});
            return list;
        }
        ++at;
    }
    std::vector<std::string> used;
    bool in_list = false;
    const TableKey* key = open_key(*table, std::span(words).subspan(at), used, in_list);
    if (key == nullptr) {
        std::vector<Choice> list = key_choices(*table, used);
        list.push_back(enter_choice());
        return list;
    }
    std::vector<Choice> list = value_choices(*key, names);
    if (in_list) {
        list.push_back({"]", "end of the list", false});
    }
    return list;
}

std::vector<Choice> removal_choices(const std::vector<std::string>& words, const Names& names) {
    if (words.empty()) {
        return table_words();
    }
    const std::optional<Table> table = edit::table_named(words[0]);
    if (!table) {
        return {};
    }
    const size_t at = edit::has_name(*table) ? 2 : 1;
    std::vector<Choice> list;
    if (words.size() < at) {
        offer(list, names_of(*table, names));
        return list;
    }
    const edit::Target target{*table, at == 2 ? words[1] : ""};
    list = present(target, words.size() > at ? words[at] : "", names);
    list.push_back(enter_choice());
    return list;
}

std::vector<Choice> packet_choices(const std::vector<std::string>& words, const Names& names) {
    std::vector<Choice> list;
    // [in ZONE | from self] PROTO SRC DST, then pairs.
    const size_t at = !words.empty() && (words[0] == "in" || words[0] == "from") ? 2 : 0;
    if (words.empty()) {
        list.push_back({"in", "zone the packet enters by", false});
        list.push_back({"from", "a packet that the router sends: from self", false});
    }
    if (words.size() == 1 && words[0] == "from") {
        offer(list, {"self"});
        return list;
    }
    if (at == 2 && words.size() == 1) {
        offer(list, names.zones);
        return list;
    }
    if (words.size() == at) {
        offer(list, edit::words_of(ValueKind::proto));
        return list;
    }
    if (words.size() < at + 3) {
        list.push_back({words.size() == at + 1 ? "<src>" : "<dst>",
                        "ADDRESS, ADDRESS:PORT or [IPV6]:PORT", true});
        return list;
    }
    const bool wants_value = (words.size() - at - 3) % 2 == 1;
    for (const PacketWord& each : packet_words) {
        if (!wants_value) {
            list.push_back({std::string(each.word), std::string(each.help), false});
        } else if (each.word == words.back()) {
            list.push_back({"<" + std::string(each.word) + ">", std::string(each.help), true});
        }
    }
    if (!wants_value) {
        list.push_back(enter_choice());
    }
    if (wants_value && words.back() == "out") {
        offer(list, names.zones);
    } else if (wants_value && words.back() == "flags") {
        offer(list, tcp_flag_names());
    } else if (wants_value && words.back() == "frag") {
        offer(list, edit::words_of(ValueKind::frag));
    } else if (wants_value && words.back() == "state") {
        offer(list, edit::words_of(ValueKind::state));
    }
    return list;
}

} // namespace pc::shell

// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/protocol/top_names.h"

#include <algorithm>
#include <utility>

namespace pc::protocol {
namespace {

uint64_t number_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

NameTally tally_in(const Json& object) {
    return {number_in(object, "flows"), number_in(object, "denied"),
            number_in(object, "bytes_to_server"), number_in(object, "bytes_to_client")};
}

Json tally_object(const NameTally& tally) {
    return {{"flows", tally.flows},
            {"allowed", tally.flows - std::min(tally.flows, tally.denied)},
            {"denied", tally.denied},
            {"bytes_to_server", tally.bytes_to_server},
            {"bytes_to_client", tally.bytes_to_client}};
}

uint64_t weight(const NameTally& tally, NameOrder order) {
    switch (order) {
    case NameOrder::flows:
        return tally.flows;
    case NameOrder::bytes:
        return tally.bytes();
    }
    return 0;
}

} // namespace

void NameTally::add(const NameTally& other) {
    flows += other.flows;
    denied += other.denied;
    bytes_to_server += other.bytes_to_server;
    bytes_to_client += other.bytes_to_client;
}

uint64_t NameSummary::weight_of(const NameTally& tally) const {
    return weight(tally, order_);
}

void NameSummary::add(std::string_view name, const NameTally& tally) {
    total_.add(tally);
    const uint64_t more = weight_of(tally);
    const auto found = by_name_.find(std::string(name));
    size_t place = all_.size();
    if (found != by_name_.end()) {
        place = found->second;
    } else if (more == 0) {
        return; // what weighs nothing takes nobody's place
    } else if (all_.size() < places_) {
        all_.emplace_back();
        by_weight_.emplace(0, place);
        put(place, name);
    } else {
        place = by_weight_.begin()->second;
        by_name_.erase(all_[place].name);
        all_[place].tally = {};
        all_[place].missed = all_[place].weight;
        put(place, name);
    }
    Place& one = all_[place];
    one.tally.add(tally);
    if (more != 0) {
        by_weight_.erase({one.weight, place});
        one.weight += more;
        by_weight_.emplace(one.weight, place);
    }
}

void NameSummary::put(size_t place, std::string_view name) {
    all_[place].name = name;
    by_name_.emplace(name, place);
}

std::vector<NameRow> NameSummary::rows() const {
    std::vector<NameRow> rows;
    rows.reserve(all_.size());
    for (const Place& place : all_) {
        rows.push_back({place.name, place.tally, place.missed});
    }
    return rows;
}

void NameSummary::clear() {
    all_.clear();
    by_name_.clear();
    by_weight_.clear();
    total_ = {};
}

void NameCounts::add(const NameCounts& other) {
    total.add(other.total);
    std::unordered_map<std::string, size_t> places;
    for (size_t i = 0; i < rows.size(); ++i) {
        places.emplace(rows[i].name, i);
    }
    for (const NameRow& row : other.rows) {
        const auto [place, is_new] = places.emplace(row.name, rows.size());
        if (is_new) {
            rows.push_back(row);
        } else {
            rows[place->second].tally.add(row.tally);
            rows[place->second].missed += row.missed;
        }
    }
}

void NameCounts::keep(NameOrder order, size_t limit) {
    std::stable_sort(rows.begin(), rows.end(), [order](const NameRow& a, const NameRow& b) {
        const uint64_t of_a = weight(a.tally, order);
        const uint64_t of_b = weight(b.tally, order);
        return of_a != of_b ? of_a > of_b : a.name < b.name;
    });
    rows.resize(std::min(rows.size(), limit));
}

void TopNames::add(std::string_view name, const NameTally& tally) {
    now_.flows.add(name, tally);
    now_.bytes.add(name, tally);
}

void TopNames::tick(uint64_t now_ms) {
    if (turned_ms_ == 0) {
        turned_ms_ = now_ms;
    }
    if (now_ms - turned_ms_ >= turn_ms) {
        std::swap(now_, before_);
        now_.flows.clear();
        now_.bytes.clear();
        turned_ms_ = now_ms;
    }
}

NameCounts TopNames::counts(NameOrder order) const {
    const bool of_flows = order == NameOrder::flows;
    const NameSummary& before = of_flows ? before_.flows : before_.bytes;
    const NameSummary& now = of_flows ? now_.flows : now_.bytes;
    NameCounts counts{before.rows(), before.total()};
    counts.add({now.rows(), now.total()});
    return counts;
}

Json names_object(const NameCounts& counts) {
    Json rows = Json::array();
    for (const NameRow& row : counts.rows) {
        Json object = tally_object(row.tally);
        object["name"] = row.name;
        object["missed"] = row.missed;
        rows.push_back(std::move(object));
    }
    return {{"rows", std::move(rows)}, {"total", tally_object(counts.total)}};
}

NameCounts names_in(const Json& object) {
    NameCounts counts;
    if (const auto total = object.find("total"); total != object.end()) {
        counts.total = tally_in(*total);
    }
    const auto rows = object.find("rows");
    for (const Json& row : rows != object.end() && rows->is_array() ? *rows : Json::array()) {
        const auto name = row.find("name");
        if (name != row.end() && name->is_string()) {
            counts.rows.push_back(
                {name->get<std::string>(), tally_in(row), number_in(row, "missed")});
        }
    }
    return counts;
}

} // namespace pc::protocol

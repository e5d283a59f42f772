// SPDX-License-Identifier: GPL-3.0-or-later
// Where a command's words go: text through a pager on a terminal, JSON, complaints.
#pragma once

#include <string>
#include <string_view>

#include "ctl/shell/client.h"
#include "ctl/shell/format.h"

namespace pc::shell {

class Output {
public:
    enum class Form : uint8_t { text, json };

    Output(Form form, bool with_color, bool with_pager)
        : form_(form), with_color_(with_color), with_pager_(with_pager) {}

    [[nodiscard]] bool is_json() const { return form_ == Form::json; }

    [[nodiscard]] bool with_color() const { return with_color_; }

    // Ignored in JSON form, whose words are the answer's fields.
    void text(std::string_view text);
    void line(std::string_view text);

    void table(const TextTable& table) { text(table.print(with_color_)); }

    // The fields of one answer under the head {"portcullis":{"version","json_schema"}}; ignored in
    // text form.
    void json(const Json& fields);

    // At once, in either form and without a pager: a line of what goes on.
    void now(std::string_view line);

    // To stderr, at once. In JSON form the answer carries the error.
    void complain(std::string_view text);

    // Sends what has been collected, long text through a pager.
    void flush();

    [[nodiscard]] std::string paint(std::string_view text, Color color) const {
        return with_color_ ? colored(text, color) : std::string(text);
    }

private:
    Form form_{};
    bool with_color_ = false;
    bool with_pager_ = false;
    std::string collected_;
};

} // namespace pc::shell

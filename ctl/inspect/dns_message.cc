// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/dns_message.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace pc::inspect {

namespace {

constexpr size_t header_bytes = 12;
constexpr uint16_t class_in = 1;
constexpr uint16_t flag_response = 0x8000;
constexpr uint16_t flag_truncated = 0x0200;
constexpr uint16_t flag_zero = 0x0040;

void append_label(std::string& text, Bytes label) {
    constexpr std::string_view digits = "0123456789";
    for (const std::byte b : label) {
        const auto value = std::to_integer<unsigned char>(b);
        auto c = static_cast<char>(value);
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        }
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_') {
            text += c;
        } else {
            text += {'\\', digits[value / 100], digits[value / 10 % 10], digits[value % 10]};
        }
    }
}

// Reads a message in order; the first fault stays.
class Reader {
public:
    explicit Reader(Bytes message) : message_(message) {}

    [[nodiscard]] const char* fault() const { return fault_; }

    [[nodiscard]] bool at_end() const { return at_ == message_.size(); }

    [[nodiscard]] size_t position() const { return at_; }

    uint32_t number(size_t width) {
        Cursor cursor(message_.subspan(at_));
        const uint32_t value = cursor.number(width);
        advance(width, cursor.ok());
        return value;
    }

    Bytes take(size_t count) {
        Cursor cursor(message_.subspan(at_));
        const Bytes bytes = cursor.take(count);
        advance(count, cursor.ok());
        return bytes;
    }

    std::string name() {
        std::string text;
        size_t wire_bytes = 1; // of the empty label at the end
        size_t pointers = 0;
        size_t begin = at_; // of the part that is read: a pointer leads before it
        size_t at = at_;    // behind the first pointer it no longer is where the next field begins
        while (fault_ == nullptr) {
            const size_t size = at < message_.size() ? byte_at(message_, at) : 0x40;
            if (size == 0) {
                at_ = pointers == 0 ? at + 1 : at_;
                return text.empty() ? "." : text;
            }
            const bool is_pointer = size >= 0xc0;
            if (at + 1 + (is_pointer ? 1 : size) > message_.size() || (size > 63 && !is_pointer)) {
                fault_ = "a name is broken";
            } else if (is_pointer) {
                const size_t target = (size & 0x3f) << 8 | byte_at(message_, at + 1);
                at_ = pointers == 0 ? at + 2 : at_;
                if (target >= begin || ++pointers > dns_name_pointers_max) {
                    fault_ = "a name's pointers do not lead backwards";
                }
                begin = at = target;
            } else if ((wire_bytes += 1 + size) > dns_name_bytes_max) {
                fault_ = "a name is too long";
            } else {
                text += text.empty() ? "" : ".";
                append_label(text, message_.subspan(at + 1, size));
                at += 1 + size;
            }
        }
        return {};
    }

    void fail(const char* why) { fault_ = fault_ == nullptr ? why : fault_; }

private:
    void advance(size_t count, bool ok) {
        if (ok) {
            at_ += count;
        } else {
            fail("it ends too early");
        }
    }

    Bytes message_;
    size_t at_ = 0;
    const char* fault_ = nullptr;
};

Address address_from(Bytes bytes) {
    Address address;
    address.family = bytes.size() == 4 ? Family::v4 : Family::v6;
    std::transform(bytes.begin(), bytes.end(), address.bytes.begin(),
                   [](std::byte b) { return std::to_integer<uint8_t>(b); });
    return address;
}

struct Record {
    std::string name;
    uint16_t type = 0, class_ = 0;
    uint32_t ttl_s = 0;
    Bytes bytes;
    std::string target; // of CNAME
};

Record read_record(Reader& reader) {
    Record record;
    record.name = reader.name();
    record.type = static_cast<uint16_t>(reader.number(2));
    record.class_ = static_cast<uint16_t>(reader.number(2));
    record.ttl_s = reader.number(4);
    const size_t size = reader.number(2);
    if (record.type != dns_cname) {
        record.bytes = reader.take(size);
        return record;
    }
    const size_t begin = reader.position();
    record.target = reader.name(); // may point into the message, so it is read in place
    if (reader.position() - begin != size) {
        reader.fail("a record has a wrong length");
    }
    return record;
}

// The TTL of RFC 2181 8: with its top bit set it counts as 0.
uint32_t ttl_of(const Record& record) {
    return record.ttl_s > 0x7fffffff ? 0 : record.ttl_s;
}

void keep_answer(Record record, Reader& reader, DnsMessage& message) {
    const bool is_address = record.type == dns_a || record.type == dns_aaaa;
    const bool is_kept = is_address || record.type == dns_cname || record.type == dns_https;
    if (record.class_ != class_in || !is_kept) {
        return;
    }
    if (is_address && record.bytes.size() != (record.type == dns_a ? 4 : 16)) {
        reader.fail("a record has a wrong length");
    }
    if (reader.fault() != nullptr || message.answers.size() == dns_answers_max) {
        return;
    }
    DnsAnswer answer;
    answer.name = std::move(record.name);
    answer.type = record.type;
    answer.ttl_s = ttl_of(record);
    answer.target = std::move(record.target);
    if (is_address) {
        answer.address = address_from(record.bytes);
    }
    message.answers.push_back(std::move(answer));
}

void read_additional(const Record& record, Reader& reader, DnsMessage& message) {
    if (record.type != dns_opt) {
        return;
    }
    if (message.edns || record.name != ".") {
        reader.fail("EDNS stands twice, or has a name");
        return;
    }
    message.edns = true;
    message.rcode = static_cast<uint16_t>(message.rcode | record.ttl_s >> 24 << 4);
}

} // namespace

DnsResult parse_dns(Bytes bytes) {
    Reader reader(bytes);
    DnsMessage message;
    message.id = static_cast<uint16_t>(reader.number(2));
    const uint32_t flags = reader.number(2);
    const uint32_t questions = reader.number(2);
    const uint32_t answers = reader.number(2);
    const uint32_t authorities = reader.number(2);
    const uint32_t additionals = reader.number(2);
    message.response = (flags & flag_response) != 0;
    message.truncated = (flags & flag_truncated) != 0;
    message.opcode = static_cast<uint8_t>(flags >> 11 & 15);
    message.rcode = static_cast<uint16_t>(flags & 15);
    if (reader.fault() == nullptr && ((flags & flag_zero) != 0 || questions > 1)) {
        return DnsMalformed{"the header is broken", false};
    }
    uint32_t question_class = class_in;
    if (questions == 1) {
        message.name = reader.name();
        message.type = static_cast<uint16_t>(reader.number(2));
        question_class = reader.number(2);
    }
    const bool is_query = reader.fault() == nullptr && questions == 1 && answers == 0 &&
                          authorities == 0 && additionals <= 2 && question_class == class_in &&
                          !message.response && message.opcode == 0 && message.rcode == 0;
    for (uint32_t i = 0; i < answers && reader.fault() == nullptr; ++i) {
        keep_answer(read_record(reader), reader, message);
    }
    for (uint32_t i = 0; i < authorities && reader.fault() == nullptr; ++i) {
        (void)read_record(reader); // ignoring: it has only to be whole
    }
    for (uint32_t i = 0; i < additionals && reader.fault() == nullptr; ++i) {
        read_additional(read_record(reader), reader, message);
    }
    if (reader.fault() == nullptr && !reader.at_end()) {
        reader.fail("bytes are left over");
    }
    if (reader.fault() != nullptr) {
        return DnsMalformed{reader.fault(), is_query};
    }
    return message;
}

std::optional<size_t> dns_stream_message_bytes(Bytes start) {
    if (start.size() < 2) {
        return std::nullopt;
    }
    return 2 + Cursor(start).number(2);
}

DnsStreamResult parse_dns_stream(Bytes stream) {
    const std::optional<size_t> wanted = dns_stream_message_bytes(stream);
    if (!wanted) {
        return DnsNeedMore{2};
    }
    if (*wanted < 2 + header_bytes) {
        return DnsMalformed{"it ends too early", false};
    }
    if (stream.size() < *wanted) {
        return DnsNeedMore{*wanted};
    }
    DnsResult result = parse_dns(stream.first(*wanted).subspan(2));
    if (auto* message = std::get_if<DnsMessage>(&result)) {
        return std::move(*message);
    }
    return std::get<DnsMalformed>(result);
}

bool is_plain_query(const DnsMessage& message) {
    return !message.response && message.opcode == 0 && message.rcode == 0 && !message.truncated &&
           !message.name.empty() && message.answers.empty();
}

} // namespace pc::inspect

// SPDX-License-Identifier: GPL-3.0-or-later
// The ClientHello parser against hellos built byte by byte, and against OpenSSL: real hellos, cut
// everywhere, and damaged ones. The last is what the deny lists stand on: whatever name OpenSSL
// would serve, the parser has to see too, or has to call malformed.
#include "ctl/inspect/tls_hello.h"

#include <memory>
#include <random>
#include <string_view>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "ctl/inspect/host_name.h"
#include "tests/support/tls_bytes.h"

namespace {

using pc::client_hello_message;
using pc::extension;
using pc::number;
using pc::sni;
using pc::vec;
using pc::inspect::NotTls;
using pc::inspect::parse_tls_hello;
using pc::inspect::TlsHello;
using pc::inspect::TlsMalformed;
using pc::inspect::TlsNeedMore;
using pc::inspect::TlsResult;

TlsResult parse(std::string_view stream) {
    return parse_tls_hello(std::as_bytes(std::span(stream)));
}

template <typename T>
T expect(const TlsResult& result) {
    if (const auto* malformed = std::get_if<TlsMalformed>(&result)) {
        INFO("malformed: " << malformed->why);
        REQUIRE(std::holds_alternative<T>(result));
    }
    REQUIRE(std::holds_alternative<T>(result));
    return std::get<T>(result);
}

// --- Hellos built byte by byte.

std::string record(std::string_view fragment, char type = 22) {
    return std::string(1, type) + "\x03\x01" + vec(2, fragment);
}

std::string records(std::string_view message, size_t fragment_bytes) {
    std::string stream;
    for (size_t at = 0; at < message.size(); at += fragment_bytes) {
        stream += record(message.substr(at, fragment_bytes));
    }
    return stream;
}

TlsResult parse_with(std::string_view extensions) {
    return parse(record(client_hello_message(extensions)));
}

bool is_malformed(std::string_view extensions) {
    return std::holds_alternative<TlsMalformed>(parse_with(extensions));
}

} // namespace

TEST_CASE("the name of a hello is lower-cased and loses one trailing dot") {
    CHECK(expect<TlsHello>(parse_with(sni("a.example"))).server_name == "a.example");
    CHECK(expect<TlsHello>(parse_with(sni("WWW.Example"))).server_name == "www.example");
    CHECK(expect<TlsHello>(parse_with(sni("a.example."))).server_name == "a.example");
}

TEST_CASE("a hello without extensions, or without a name, has no name") {
    CHECK(expect<TlsHello>(parse_with("")).server_name.empty());
    const std::string body = "\x03\x03" + std::string(32, 'r') + vec(1, "") + vec(2, "\x13\x01") +
                             vec(1, std::string(1, '\0'));
    const auto hello = expect<TlsHello>(parse(record("\x01" + vec(3, body))));
    CHECK(hello.server_name.empty());
    CHECK(hello.version == 0x0303);
}

TEST_CASE("a name that is no host name is malformed") {
    using namespace std::string_view_literals;
    for (const std::string_view name :
         {""sv, "."sv, ".a"sv, "a..b"sv, "a.."sv, "a\0b"sv, "a b"sv, "a\nb"sv, "a/b"sv, "a@b"sv,
          "\xff.example"sv, "a\x7f"sv, "a\"b"sv}) {
        INFO("name " << name);
        CHECK(is_malformed(sni(name)));
    }
}

TEST_CASE("a name has at most 255 bytes") {
    CHECK(expect<TlsHello>(parse_with(sni(std::string(255, 'a')))).server_name.size() == 255);
    CHECK(is_malformed(sni(std::string(256, 'a'))));
}

TEST_CASE("lengths inside server_name must fit exactly") {
    const std::string host = std::string(1, '\0') + vec(2, "a.example");
    CHECK(is_malformed(extension(0, "")));
    CHECK(is_malformed(extension(0, vec(2, ""))));
    CHECK(is_malformed(extension(0, vec(2, host) + "x")));
    CHECK(is_malformed(extension(0, number(host.size() + 1, 2) + host)));
    CHECK(is_malformed(extension(0, vec(2, host + host))));
    CHECK(is_malformed(sni("a.example") + sni("b.example")));
    const std::string other = "\x07" + vec(2, "anything");
    CHECK(expect<TlsHello>(parse_with(extension(0, vec(2, other + host)))).server_name ==
          "a.example");
}

TEST_CASE("ALPN names are kept in order, GREASE and all, up to a cap") {
    const auto hello = expect<TlsHello>(
        parse_with(extension(16, vec(2, vec(1, "\x0a\x0a") + vec(1, "h2") + vec(1, "http/1.1")))));
    CHECK(hello.alpn == std::vector<std::string>{"\x0a\x0a", "h2", "http/1.1"});
    CHECK(is_malformed(extension(16, vec(2, ""))));
    CHECK(is_malformed(extension(16, vec(2, vec(1, "")))));
    CHECK(is_malformed(extension(16, vec(2, "\x05h2"))));
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += vec(1, "x");
    }
    CHECK(expect<TlsHello>(parse_with(extension(16, vec(2, many)))).alpn.size() ==
          pc::inspect::tls_alpn_names_max);
}

TEST_CASE("the version is the highest one offered that is not GREASE") {
    const auto version_of = [](std::string_view versions) {
        return expect<TlsHello>(parse_with(extension(43, vec(1, versions)))).version;
    };
    CHECK(version_of("\x7a\x7a\x03\x03\x03\x04") == 0x0304);
    CHECK(version_of("\x03\x02\x03\x01") == 0x0302);
    CHECK(version_of("\xfa\xfa") == 0x0303); // then the old field holds
    CHECK(is_malformed(extension(43, vec(1, "\x03"))));
    CHECK(is_malformed(extension(43, vec(1, ""))));
}

TEST_CASE("encrypted_client_hello is noticed and the outer name is read") {
    const auto hello = expect<TlsHello>(
        parse_with(extension(0xfe0d, std::string(200, 'e')) + sni("outer.example")));
    CHECK(hello.ech);
    CHECK(hello.server_name == "outer.example");
    CHECK_FALSE(expect<TlsHello>(parse_with(sni("a.example"))).ech);
}

TEST_CASE("GREASE and unknown extensions are skipped, one that stands twice is malformed") {
    const std::string grease = extension(0x1a1a, "") + extension(0xeaea, std::string(1, '\0'));
    CHECK(expect<TlsHello>(parse_with(grease + sni("a.example"))).server_name == "a.example");
    CHECK(is_malformed(grease + extension(0x1a1a, "")));
    std::string many;
    for (size_t i = 0; i < 300; ++i) {
        many += extension(0x4000 + i, "");
    }
    CHECK(is_malformed(many + sni("a.example")));
}

TEST_CASE("a hello over many records is put together") {
    const std::string message = client_hello_message(sni("split.example"));
    for (const size_t fragment : {1, 2, 3, 4, 5, 7, 64, 1000}) {
        INFO("fragments of " << fragment);
        const std::string stream = records(message, fragment);
        CHECK(expect<TlsHello>(parse(stream)).server_name == "split.example");
        CHECK(expect<TlsHello>(parse(stream + record("more"))).server_name == "split.example");
    }
}

TEST_CASE("a prefix of a hello asks for more, and never for more than there is") {
    const std::string message = client_hello_message(sni("prefix.example"));
    for (const size_t fragment : {1, 3, 50, 10000}) {
        const std::string stream = records(message, fragment);
        for (size_t size = 0; size < stream.size(); ++size) {
            INFO("fragments of " << fragment << ", " << size << " of " << stream.size());
            const auto more = expect<TlsNeedMore>(parse(std::string_view{stream}.substr(0, size)));
            CHECK(more.bytes > size);
            CHECK(more.bytes <= stream.size());
        }
    }
}

TEST_CASE("a warning alert in front of the hello does not hide it, as some servers skip it") {
    using namespace std::string_literals;
    const std::string alert = record("\x01\x70", 21);
    CHECK(expect<TlsHello>(parse(alert + record(client_hello_message(sni("a.example")))))
              .server_name == "a.example");
    (void)expect<TlsNeedMore>(parse(alert));
}

TEST_CASE("streams that are not TLS are told at the first byte that cannot be") {
    for (const std::string_view stream :
         {"G", "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\x80\x2e\x01", "\x16\x02", "\x16\xfe\xfd",
          "\x17\x03\x03"}) {
        INFO(stream);
        CHECK(std::holds_alternative<NotTls>(parse(stream)));
    }
    CHECK(expect<TlsNeedMore>(parse("")).bytes == 1);
    CHECK(expect<TlsNeedMore>(parse("\x16")).bytes > 1);
}

TEST_CASE("broken records and messages are malformed") {
    const std::string message = client_hello_message(sni("a.example"));
    using namespace std::string_literals;
    const auto malformed = [](const std::string& stream) {
        return std::holds_alternative<TlsMalformed>(parse(stream));
    };
    CHECK(malformed(record("")));                                          // an empty record
    CHECK(malformed("\x16\x03\x01\x40\x01"s));                             // over 2^14 bytes
    CHECK(malformed(record("\x02"s + message.substr(1))));                 // a ServerHello
    CHECK(malformed(record(message.substr(0, 9)) + "\x17\x03\x03\0\1x"s)); // another type between
    CHECK(malformed(record(message.substr(0, 9)) + "\x16\x02"s));          // another version
    CHECK(malformed(record("\x01\0\0\x01\x03"s)));                         // far too short
    CHECK(malformed(record("\x01" + vec(3, message.substr(4) + "x"))));    // bytes left over
    CHECK(malformed(record("\x01" + vec(3, message.substr(4, message.size() - 5)))));
}

TEST_CASE("the stream up to the end of the hello has at most 64 KiB") {
    const auto padded = [](size_t padding) {
        const std::string filler =
            extension(21, std::string(30000, '\0')) + extension(22, std::string(padding, '\0'));
        return records(client_hello_message(filler + sni("large.example")), 16384);
    };
    size_t padding = pc::inspect::tls_hello_bytes_max - padded(0).size();
    while (padded(padding).size() > pc::inspect::tls_hello_bytes_max) {
        --padding; // for the headers of further records
    }
    REQUIRE(padded(padding).size() == pc::inspect::tls_hello_bytes_max);
    CHECK(expect<TlsHello>(parse(padded(padding))).server_name == "large.example");
    CHECK(std::holds_alternative<TlsMalformed>(parse(padded(padding + 1))));
    using namespace std::string_literals;
    CHECK(std::holds_alternative<TlsMalformed>(parse("\x16\x03\x01\x40\x00\x01\xff\xff\xff"s)));
}

// --- OpenSSL as the judge.

namespace {

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

struct Offer {
    std::string name{};
    std::vector<std::string> alpn{};
    int version_max = TLS1_3_VERSION;
    size_t padding = 0; // bytes of extensions that nobody knows
    size_t fragment_bytes = 16384;
};

using Context = std::unique_ptr<SSL_CTX, Free>;
using Connection = std::unique_ptr<SSL, Free>;

int add_padding(SSL*, unsigned int, unsigned int, const unsigned char** out, size_t* size, X509*,
                size_t, int*, void* argument) noexcept {
    const auto* bytes = static_cast<const std::string*>(argument);
    *out = reinterpret_cast<const unsigned char*>(bytes->data());
    *size = bytes->size();
    return 1;
}

void free_nothing(SSL*, unsigned int, unsigned int, const unsigned char*, void*) noexcept {}

Connection with_memory_bios(SSL_CTX* context) {
    Connection ssl(SSL_new(context));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
}

// The bytes that OpenSSL's client sends first.
std::string client_hello(const Offer& offer) {
    const Context context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_max_proto_version(context.get(), offer.version_max);
    std::vector<std::string> paddings;
    for (size_t left = offer.padding; left > 0; left -= std::min<size_t>(left, 16000)) {
        paddings.emplace_back(std::min<size_t>(left, 16000), 'p');
    }
    for (size_t i = 0; i < paddings.size(); ++i) {
        SSL_CTX_add_custom_ext(context.get(), static_cast<unsigned int>(0x4242 + i),
                               SSL_EXT_CLIENT_HELLO, add_padding, free_nothing, &paddings[i],
                               nullptr, nullptr);
    }
    std::string protocols;
    for (const std::string& name : offer.alpn) {
        protocols += vec(1, name);
    }
    const Connection ssl = with_memory_bios(context.get());
    if (!offer.name.empty()) {
        SSL_set_tlsext_host_name(ssl.get(), offer.name.c_str());
    }
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned int>(protocols.size()));
    SSL_set_max_send_fragment(ssl.get(), static_cast<long>(offer.fragment_bytes));
    (void)SSL_connect(ssl.get()); // ignoring: it waits for a server
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl.get()), &bytes);
    std::string stream(bytes, static_cast<size_t>(size));
    ERR_clear_error();
    return stream;
}

// What OpenSSL's server sees in a hello. `served`: it went on to choose by the name.
struct View {
    bool seen = false;
    std::string name_extension, alpn_extension;
    bool served = false;
    std::string served_name;
};

int on_client_hello(SSL* ssl, int*, void* argument) noexcept {
    auto* view = static_cast<View*>(argument);
    view->seen = true;
    const unsigned char* bytes = nullptr;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1) {
        view->name_extension.assign(reinterpret_cast<const char*>(bytes), size);
    }
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &bytes,
                                  &size) == 1) {
        view->alpn_extension.assign(reinterpret_cast<const char*>(bytes), size);
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

int on_server_name(SSL* ssl, int*, void* argument) noexcept {
    auto* view = static_cast<View*>(argument);
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    view->served = true;
    view->served_name = name == nullptr ? "" : name;
    return SSL_TLSEXT_ERR_OK;
}

View openssl_view(std::string_view stream) {
    View view;
    const Context context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_client_hello_cb(context.get(), on_client_hello, &view);
    SSL_CTX_set_tlsext_servername_callback(context.get(), on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context.get(), &view);
    const Connection ssl = with_memory_bios(context.get());
    BIO_write(SSL_get_rbio(ssl.get()), stream.data(), static_cast<int>(stream.size()));
    (void)SSL_accept(ssl.get()); // ignoring: without a certificate it fails after the callbacks
    ERR_clear_error();
    return view;
}

std::vector<Offer> offers() {
    const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                std::string(63, 'c') + "." + std::string(63, 'd');
    return {
        {.name = ""},
        {.name = "a"},
        {.name = "www.example"},
        {.name = "UPPER.Example", .alpn = {"h2", "http/1.1"}},
        {.name = "under_score.example", .alpn = {std::string(255, 'z')}},
        {.name = "xn--bcher-kva.example", .alpn = {"\x0a\x0a", "h2"}},
        {.name = longest, .alpn = {"http/1.1"}},
        {.name = "old.example", .version_max = TLS1_VERSION},
        {.name = "mid.example", .version_max = TLS1_1_VERSION},
        {.name = "twelve.example", .alpn = {"h2"}, .version_max = TLS1_2_VERSION},
        {.name = "hybrid.example", .alpn = {"h2"}, .padding = 1300},
        {.name = "several.example", .padding = 20000},
        {.name = "huge.example", .alpn = {"h2"}, .padding = 60000},
        {.name = "fragments.example", .padding = 3000, .fragment_bytes = 512},
    };
}

} // namespace

TEST_CASE("real hellos read as OpenSSL's own server reads them") {
    for (const Offer& offer : offers()) {
        INFO("name " << offer.name << ", padding " << offer.padding);
        const std::string stream = client_hello(offer);
        const auto hello = expect<TlsHello>(parse(stream));
        const View view = openssl_view(stream);
        REQUIRE(view.seen);
        const std::string name = view.name_extension.empty() ? "" : view.name_extension.substr(5);
        CHECK(name == offer.name);
        CHECK(hello.server_name == pc::inspect::normal_host_name(name).value_or(""));
        CHECK(hello.alpn == offer.alpn);
        std::string protocols;
        for (const std::string& protocol : hello.alpn) {
            protocols += vec(1, protocol);
        }
        CHECK((protocols.empty() ? "" : vec(2, protocols)) == view.alpn_extension);
        CHECK(hello.version == offer.version_max);
        CHECK_FALSE(hello.ech);
    }
}

TEST_CASE("real hellos cut at every byte ask for more until they are whole") {
    for (const Offer& offer : offers()) {
        const std::string stream = client_hello(offer);
        const size_t step = stream.size() > 4000 ? 97 : 1;
        for (size_t size = 0; size < stream.size(); size += step) {
            INFO("name " << offer.name << ", " << size << " of " << stream.size());
            const auto more = expect<TlsNeedMore>(parse(std::string_view{stream}.substr(0, size)));
            CHECK(more.bytes > size);
            CHECK(more.bytes <= stream.size());
        }
    }
}

TEST_CASE("a name that OpenSSL would serve is never missed in a damaged hello") {
    const uint32_t seed = 20240607;
    std::mt19937 dice(seed);
    const auto below = [&dice](size_t end) { return static_cast<size_t>(dice() % end); };
    const std::vector<Offer> all = offers();
    std::vector<std::string> streams;
    for (const Offer& offer : all) {
        if (offer.padding < 4000) {
            streams.push_back(client_hello(offer));
        }
    }
    using namespace std::string_literals;
    const std::vector<std::string> inserts = {
        record("\x01\x70", 21), "\x14\x03\x01\0\1\1"s, record(""), "\0"s, "\x16"s, "\x80"s};
    size_t served = 0;
    for (int round = 0; round < 20000; ++round) {
        std::string stream = streams[below(streams.size())];
        switch (below(4)) {
        case 0:
            stream = records(std::string_view{stream}.substr(5), 1 + below(stream.size()));
            break;
        case 1:
            stream.insert(below(3) == 0 ? 0 : below(stream.size()), inserts[below(inserts.size())]);
            break;
        default:
            break;
        }
        for (size_t changes = below(3); changes > 0; --changes) {
            stream[below(stream.size())] = static_cast<char>(below(3) == 0 ? below(4) : below(256));
        }
        const View view = openssl_view(stream);
        if (!view.served || view.served_name.empty()) {
            continue;
        }
        ++served;
        INFO("seed " << seed << ", round " << round << ", served " << view.served_name);
        const TlsResult result = parse(stream);
        if (const auto* hello = std::get_if<TlsHello>(&result)) {
            CHECK(hello->server_name ==
                  pc::inspect::normal_host_name(view.served_name).value_or("not a host name"));
        } else {
            CHECK(std::holds_alternative<TlsMalformed>(result));
        }
    }
    CHECK(served > 2000); // else the test shows nothing
}

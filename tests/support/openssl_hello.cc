// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/openssl_hello.h"

#include <memory>

#include <openssl/err.h>

#include "tests/support/tls_bytes.h"

namespace pc {

namespace {

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

using Context = std::unique_ptr<SSL_CTX, Free>;
using Connection = std::unique_ptr<SSL, Free>;

Connection with_memory_bios(SSL_CTX* context) {
    Connection ssl(SSL_new(context));
    SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    return ssl;
}

std::string extension_of(SSL* ssl, unsigned int type) {
    const unsigned char* bytes = nullptr;
    size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, type, &bytes, &size) != 1) {
        return {};
    }
    return {reinterpret_cast<const char*>(bytes), size};
}

int on_client_hello(SSL* ssl, int*, void* argument) noexcept {
    auto* seen = static_cast<HelloSeen*>(argument);
    seen->seen = true;
    seen->legacy_version = static_cast<uint16_t>(SSL_client_hello_get0_legacy_version(ssl));
    const unsigned char* ciphers = nullptr;
    const size_t size = SSL_client_hello_get0_ciphers(ssl, &ciphers);
    for (size_t at = 0; at + 1 < size; at += 2) {
        seen->ciphers.push_back(static_cast<uint16_t>(ciphers[at] << 8 | ciphers[at + 1]));
    }
    int* types = nullptr;
    size_t count = 0;
    if (SSL_client_hello_get1_extensions_present(ssl, &types, &count) == 1) {
        seen->extensions.assign(types, types + count);
        OPENSSL_free(types);
    }
    seen->server_name = extension_of(ssl, TLSEXT_TYPE_server_name);
    seen->alpn = extension_of(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation);
    seen->supported_versions = extension_of(ssl, TLSEXT_TYPE_supported_versions);
    seen->signature_algorithms = extension_of(ssl, TLSEXT_TYPE_signature_algorithms);
    return SSL_CLIENT_HELLO_SUCCESS;
}

} // namespace

std::string openssl_hello(const HelloOptions& options) {
    const Context context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), options.version_min);
    SSL_CTX_set_max_proto_version(context.get(), options.version_max);
    if (!options.groups.empty()) {
        SSL_CTX_set1_groups_list(context.get(), options.groups.c_str());
    }
    if (!options.ciphers.empty()) {
        SSL_CTX_set_cipher_list(context.get(), options.ciphers.c_str());
    }
    if (!options.sigalgs.empty()) {
        SSL_CTX_set1_sigalgs_list(context.get(), options.sigalgs.c_str());
    }
    if (!options.tickets) {
        SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET);
    }
    const Connection ssl = with_memory_bios(context.get());
    if (!options.name.empty()) {
        SSL_set_tlsext_host_name(ssl.get(), options.name.c_str());
    }
    std::string protocols;
    for (const std::string& name : options.alpn) {
        protocols += vec(1, name);
    }
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned int>(protocols.size()));
    (void)SSL_connect(ssl.get()); // ignoring: it waits for a server
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl.get()), &bytes);
    std::string stream(bytes, static_cast<size_t>(size));
    ERR_clear_error();
    return stream;
}

std::string without_records(std::string_view stream) {
    std::string message;
    while (stream.size() >= 5) {
        const size_t size =
            static_cast<unsigned char>(stream[3]) << 8 | static_cast<unsigned char>(stream[4]);
        message += stream.substr(5, size);
        stream.remove_prefix(5 + size);
    }
    return message;
}

HelloSeen openssl_sees(std::string_view stream) {
    HelloSeen seen;
    const Context context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
    SSL_CTX_set_client_hello_cb(context.get(), on_client_hello, &seen);
    const Connection ssl = with_memory_bios(context.get());
    BIO_write(SSL_get_rbio(ssl.get()), stream.data(), static_cast<int>(stream.size()));
    (void)SSL_accept(ssl.get()); // ignoring: without a certificate it fails after the callback
    ERR_clear_error();
    return seen;
}

} // namespace pc

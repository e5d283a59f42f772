// SPDX-License-Identifier: GPL-3.0-or-later
// A QUIC client that says hello and no more, for tests with real packets:
//   quic_initial [NAME=VALUE...] [ADDRESS PORT]
// Sends the datagrams of one hello from one UDP socket, or prints them in hexadecimal when there is
// no address. With wait=MS it then prints the size of each datagram that comes back within that
// time.
//   version=1|2  name=HOST  alpn=h3  dcid=TEXT  datagrams=N  frames=N  overlap=N  shuffle=SEED
//   extra=BYTES of an unknown extension  wait=MS
#include <cstdio>
#include <cstdlib>
#include <map>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/support/quic_train.h"
#include "tests/support/tls_bytes.h"

namespace {

using Arguments = std::map<std::string, std::string>;

size_t count(const Arguments& arguments, const std::string& name, size_t otherwise) {
    const auto found = arguments.find(name);
    return found == arguments.end() ? otherwise : std::strtoul(found->second.c_str(), nullptr, 10);
}

std::string word(const Arguments& arguments, const std::string& name, const char* otherwise) {
    const auto found = arguments.find(name);
    return found == arguments.end() ? otherwise : found->second;
}

std::vector<std::string> train(const Arguments& arguments) {
    std::string extensions;
    if (const std::string name = word(arguments, "name", "quic.example"); !name.empty()) {
        extensions += pc::sni(name);
    }
    extensions += pc::extension(16, pc::vec(2, pc::vec(1, word(arguments, "alpn", "h3"))));
    extensions += pc::extension(43, pc::vec(1, "\x03\x04"));
    if (const size_t extra = count(arguments, "extra", 0); extra > 0) {
        extensions += pc::extension(0x4242, std::string(extra, 'x'));
    }
    pc::TrainOptions options;
    options.message = pc::client_hello_message(extensions);
    options.first.version = count(arguments, "version", 1) == 2 ? pc::train_v2 : pc::train_v1;
    options.first.dcid = word(arguments, "dcid", "quicdcid");
    options.datagrams = count(arguments, "datagrams", 1);
    options.frames = count(arguments, "frames", 1);
    options.overlap = count(arguments, "overlap", 0);
    options.shuffle = static_cast<uint32_t>(count(arguments, "shuffle", 0));
    return pc::initial_train(options);
}

int send_all(const std::vector<std::string>& datagrams, const char* address, const char* port,
             size_t wait_ms) {
    addrinfo wanted{}, *found = nullptr;
    wanted.ai_socktype = SOCK_DGRAM;
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (getaddrinfo(address, port, &wanted, &found) != 0) {
        fprintf(stderr, "quic_initial: no address %s port %s\n", address, port);
        return 2;
    }
    const int socket_fd = socket(found->ai_family, SOCK_DGRAM, 0);
    const bool connected = connect(socket_fd, found->ai_addr, found->ai_addrlen) == 0;
    freeaddrinfo(found);
    for (const std::string& datagram : datagrams) {
        if (!connected || send(socket_fd, datagram.data(), datagram.size(), 0) < 0) {
            perror("quic_initial: send");
            return 1;
        }
    }
    const timeval patience{static_cast<time_t>(wait_ms / 1000),
                           static_cast<suseconds_t>(wait_ms % 1000 * 1000)};
    setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    char answer[65536];
    while (wait_ms > 0) {
        const ssize_t size = recv(socket_fd, answer, sizeof(answer), 0);
        if (size < 0) {
            break;
        }
        printf("%zd\n", size);
    }
    close(socket_fd);
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    int at = 1;
    for (; at < argc; ++at) {
        const std::string argument = argv[at];
        const size_t sign = argument.find('=');
        if (sign == std::string::npos) {
            break;
        }
        arguments[argument.substr(0, sign)] = argument.substr(sign + 1);
    }
    const std::vector<std::string> datagrams = train(arguments);
    if (argc - at == 2) {
        return send_all(datagrams, argv[at], argv[at + 1], count(arguments, "wait", 0));
    }
    for (const std::string& datagram : datagrams) {
        for (const char c : datagram) {
            printf("%02x", static_cast<unsigned char>(c));
        }
        putchar('\n');
    }
    return 0;
}

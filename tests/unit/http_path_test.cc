// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/inspect/http_path.h"

#include <catch2/catch.hpp>

#include "ctl/inspect/http_request.h"

namespace {

using namespace std::string_view_literals;

std::string path_of(std::string_view url) {
    const auto [path, fault] = pc::inspect::normal_path(url);
    CHECK(fault == ""sv);
    return path;
}

std::string_view fault_of(std::string_view url) {
    const auto [path, fault] = pc::inspect::normal_path(url);
    CHECK(path.empty());
    return fault;
}

} // namespace

TEST_CASE("paths that mean the same have one spelling") {
    for (const std::string_view url :
         {"/admin/x"sv, "/admin/x?q=/y"sv, "//admin///x"sv, "/./admin/./x"sv, "/a/../admin/x"sv,
          "/%61dmin/%78"sv, "/a/b/../../admin/x"sv, "/a/%2e%2E/admin/x"sv}) {
        INFO(url);
        CHECK(path_of(url) == "/admin/x");
    }
    CHECK(path_of("/ADMIN") == "/ADMIN"); // case means something in paths
    CHECK(path_of("") == "/");
    CHECK(path_of("/") == "/");
    CHECK(path_of("?q") == "/");
    CHECK(path_of("*").empty());
    CHECK(path_of("/a/") == "/a/");
    CHECK(path_of("/a/.") == "/a/");
    CHECK(path_of("/a/b/..") == "/a/");
    CHECK(path_of("/a/..") == "/");
    CHECK(path_of("/...") == "/...");
    CHECK(path_of("/a;v=1/b") == "/a;v=1/b");
    CHECK(path_of("/%2561") == "/%61"); // decoded once
    CHECK(path_of("/\xc3\xa9/%c3%a9 x") == "/\xc3\xa9/\xc3\xa9 x");
}

TEST_CASE("paths that servers read in different ways have no spelling") {
    for (const std::string_view url : {"/%"sv, "/%6"sv, "/%6g"sv, "/%g6"sv, "/a%"sv}) {
        CHECK(fault_of(url) == "the path holds a percent sign that encodes nothing");
    }
    CHECK(fault_of("/a%2fb") == "the path holds an encoded slash");
    CHECK(fault_of("/a%2Fb") == "the path holds an encoded slash");
    CHECK(fault_of("/a\\b") == "the path holds a backslash");
    CHECK(fault_of("/a%5cb") == "the path holds a backslash");
    CHECK(fault_of("/a%00") == "the path holds a control character");
    CHECK(fault_of("/a\x7f") == "the path holds a control character");
    CHECK(fault_of("/..") == "the path leads above the root");
    CHECK(fault_of("/a/../../b") == "the path leads above the root");
    CHECK(fault_of("/a/..;/b") == "the path holds dots with parameters");
    CHECK(fault_of("/.;x/b") == "the path holds dots with parameters");
    CHECK(fault_of("/a#b") == "the path holds a fragment");
    CHECK(fault_of("/a?b#c") == "the path holds a fragment");
    CHECK(fault_of("a") == "the path does not begin with a slash");
}

TEST_CASE("a path has at most as many bytes as are kept of the url") {
    std::string url = "/" + std::string(pc::inspect::http_url_bytes_max - 1, 'a');
    CHECK(path_of(url) == url);
    CHECK(fault_of(url + "a") == "the path is too long");
}

// SPDX-License-Identifier: GPL-3.0-or-later
// Failure as a value. A daemon must survive a bad rule file and say what was tried on what, so an
// operation that can fail returns Result<T>; nothing here throws.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace pc {

// `err` is a positive errno or 0; callers test it, people read `message` ("attach XDP to eth0:
// ...": what was tried on what; lower case, no period).
struct Error {
    int err = 0;
    std::string message;
};

template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {} // NOLINT: implicit

    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {} // NOLINT: implicit

    [[nodiscard]] bool ok() const { return state_.index() == 0; }

    explicit operator bool() const { return ok(); }

    [[nodiscard]] T& value() {
        assert(ok());
        return *std::get_if<0>(&state_);
    }

    [[nodiscard]] const T& value() const {
        assert(ok());
        return *std::get_if<0>(&state_);
    }

    [[nodiscard]] T take() {
        assert(ok());
        return std::move(*std::get_if<0>(&state_));
    }

    [[nodiscard]] const Error& error() const {
        assert(!ok());
        return *std::get_if<1>(&state_);
    }

private:
    std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;

    Result(Error error) : error_(std::move(error)) {} // NOLINT: implicit

    [[nodiscard]] bool ok() const { return !error_.has_value(); }

    explicit operator bool() const { return ok(); }

    void take() const { assert(ok()); }

    [[nodiscard]] const Error& error() const {
        assert(error_.has_value());
        return *error_;
    }

private:
    std::optional<Error> error_;
};

// Evaluates to the value, or returns the error from the enclosing function (GNU statement
// expression: g++ and clang).
#define TRY(expression)                                                                            \
    ({                                                                                             \
        auto try_result_ = (expression);                                                           \
        if (!try_result_.ok()) {                                                                   \
            return ::pc::Error(try_result_.error());                                               \
        }                                                                                          \
        try_result_.take();                                                                        \
    })

} // namespace pc

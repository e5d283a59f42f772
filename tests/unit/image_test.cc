// SPDX-License-Identifier: GPL-3.0-or-later
#include "rules/image.h"

#include <cerrno>

#include <catch2/catch.hpp>

#include "rules/abi.h"

namespace pc {
namespace {

struct alignas(64) Memory {
    std::array<std::byte, 8192> bytes{};
};

TEST_CASE("places are zeroed, apart from each other and aligned for what is put there") {
    Image image;
    std::map<uint32_t, size_t> taken;
    for (size_t i = 0; i < 2000; i++) {
        const size_t size = i * 37 % 700 + 1;
        const auto place = image.allocate(size);
        REQUIRE(place.ok());
        REQUIRE(place.value() != 0); // stands for nothing
        REQUIRE(place.value() % (size >= 64 ? 64 : 16) == 0);
        for (size_t k = 0; k < size; k++) {
            REQUIRE(image.read<uint8_t>(place.value() + static_cast<uint32_t>(k)) == 0);
        }
        image.write(place.value(), uint8_t{0xff});
        image.write(place.value() + static_cast<uint32_t>(size) - 1, uint8_t{0xff});
        taken.emplace(place.value(), size);
    }
    uint32_t end = 0;
    for (const auto& [place, size] : taken) {
        REQUIRE(place >= end);
        end = place + static_cast<uint32_t>(size);
    }
    CHECK(image.used() >= end);
}

TEST_CASE("what is released is used again after settle() and not before") {
    Image image;
    const uint32_t first = image.allocate(200).take();
    image.write(first, uint64_t{7});
    image.release(first, 200);
    CHECK(image.released() >= 200);
    CHECK(image.allocate(200).value() != first);
    CHECK(image.read<uint64_t>(first) == 7); // packets may read it still
    image.settle();
    CHECK(image.released() == 0);
    CHECK(image.free() >= 200);
    const uint32_t again = image.allocate(200).take();
    CHECK(again == first);
    CHECK(image.read<uint64_t>(again) == 0);
    CHECK(image.free() == 0);
}

TEST_CASE("where it was moved to it does not grow, and uses what is left") {
    Image image;
    const uint32_t place = image.allocate(64).take();
    image.write(place, uint64_t{42});
    Memory memory;
    REQUIRE(image.move_to(memory.bytes).ok());
    CHECK(image.capacity() == memory.bytes.size());
    CHECK(image.read<uint64_t>(place) == 42);
    image.publish(place, uint64_t{43});
    CHECK(static_cast<uint8_t>(memory.bytes.at(place)) == 43);
    size_t count = 0;
    while (image.allocate(64).ok()) {
        count++;
    }
    CHECK(count == memory.bytes.size() / 64 - 2); // place 0 and the first one
    CHECK(image.allocate(16).error().err == ENOSPC);
    image.release(place, 64);
    image.settle();
    CHECK(image.allocate(64).value() == place);
    // The same bytes elsewhere.
    Memory other = memory;
    image.follow(other.bytes);
    image.publish(place, uint64_t{9});
    CHECK(static_cast<uint8_t>(other.bytes.at(place)) == 9);
    CHECK(static_cast<uint8_t>(memory.bytes.at(place)) == 0);
}

TEST_CASE("memory that is too small is refused, to the byte") {
    Image image;
    (void)image.allocate(1000).take(); // ignoring: only that it is used counts
    Memory memory;
    CHECK_FALSE(image.move_to(std::span(memory.bytes).first(image.used() - 1)).ok());
    CHECK(image.move_to(std::span(memory.bytes).first(image.used())).ok());
    CHECK_FALSE(image.allocate(1).ok());
}

TEST_CASE("an image grows to the largest arena and no further") {
    Image image;
    REQUIRE(image.allocate(PC_ARENA_MAX - 4096).ok());
    CHECK(image.allocate(1024).ok());
    const auto more = image.allocate(8192);
    REQUIRE_FALSE(more.ok());
    CHECK(more.error().err == ENOSPC);
}

} // namespace
} // namespace pc

#include "reelgrad/tape/handle.hpp"

#include <algorithm>
#include <new>

namespace reelgrad {
namespace {
bool g_fail_next_slab = false;
}

HandleSlabs::~HandleSlabs() {
    for (const Slab& slab : slabs_) destroy_headers(slab.get());
}

void HandleSlabs::add_slab() {
    if (g_fail_next_slab) {
        g_fail_next_slab = false;
        throw std::bad_alloc();
    }
    if (slabs_.size() == slabs_.capacity()) slabs_.reserve(2 * slabs_.size() + 1);  // so that push_back cannot throw
    Slab slab(new std::byte[slab_bytes()]);
    for (std::size_t k = 0; k < kSlots; ++k) {
        if (header_.construct != nullptr) header_.construct(slab.get() + k * stride());
        new (at(slab.get(), k)) Handle{{nullptr}, 0, kFreeSlot};
    }
    chain_free_slots(slab.get());
    slabs_.push_back(std::move(slab));
}

void HandleSlabs::release_unused() {
    bool kept_one = false;
    const auto unused = [&](const Slab& slab) {
        for (std::size_t k = 0; k < kSlots; ++k) {
            if (at(slab.get(), k)->serial != kFreeSlot) return false;
        }
        if (!kept_one) {
            kept_one = true;
            return false;
        }
        destroy_headers(slab.get());
        return true;
    };
    std::erase_if(slabs_, unused);
    free_ = nullptr;
    for (auto slab = slabs_.rbegin(); slab != slabs_.rend(); ++slab) chain_free_slots(slab->get());
}

void HandleSlabs::fail_next_slab() { g_fail_next_slab = true; }

void HandleSlabs::destroy_headers(std::byte* slab) const {
    if (header_.destroy == nullptr) return;
    for (std::size_t k = 0; k < kSlots; ++k) header_.destroy(slab + k * stride());
}

// In front of the chain, the lowest address first: new handles then fill memory in order.
void HandleSlabs::chain_free_slots(std::byte* slab) {
    for (std::size_t k = kSlots; k-- > 0;) {
        Handle* handle = at(slab, k);
        if (handle->serial == kFreeSlot) chain(handle);
    }
}

}  // namespace reelgrad

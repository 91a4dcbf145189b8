// tape/handle.hpp: handles, and the slabs they live in.
//
// A handle is what the outside world holds on to: a tape, an index and the serial number of the tape at which the index
// was last known to be valid. The tape owns the memory of its handles, in slabs of equal slots, so that a collection
// finds every live handle by walking the slabs: it needs no list and no reference counting, and can move what they
// refer to.
//
// A slot is a header of the owner's (a Python object's; nothing in C++) followed by the Handle. Free slots form a
// chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "reelgrad/tape/index.hpp"
#include "reelgrad/tape/serial.hpp"

namespace reelgrad {

inline constexpr Serial kFreeSlot = kNoSerial;  // no handle lives here

struct Handle {
    union {
        Tape* tape;    // while in use
        Handle* next;  // while free
    };
    Index index;
    Serial serial;
};

class HandleSlabs {
  public:
    // What an owner's header needs: its size, and what to do with one when its slab comes and goes.
    struct Header {
        std::size_t bytes = 0;
        void (*construct)(void* header) = nullptr;
        void (*destroy)(void* header) = nullptr;
    };

    explicit HandleSlabs(Header header) : header_(header) {}
    ~HandleSlabs();
    HandleSlabs(const HandleSlabs&) = delete;
    HandleSlabs& operator=(const HandleSlabs&) = delete;

    Handle* take() {  // nullptr if the chain is empty: then call add_slab()
        Handle* handle = free_;
        if (handle != nullptr) {
            free_ = handle->next;
            ++live_;
        }
        return handle;
    }
    void give_back(Handle* handle) {
        chain(handle);
        --live_;
    }
    bool has_free() const { return free_ != nullptr; }

    void add_slab();        // throws std::bad_alloc, leaving all as it was
    void release_unused();  // gives slabs without a live handle back, all but one
    std::size_t live() const { return live_; }
    std::size_t bytes() const { return slabs_.size() * slab_bytes(); }

    template <class Visitor>
    void for_each_live(Visitor&& visit) const {
        for (const auto& slab : slabs_) {
            for (std::size_t k = 0; k < kSlots; ++k) {
                Handle& handle = *at(slab.get(), k);
                if (handle.serial != kFreeSlot) visit(handle);
            }
        }
    }

    // For tests: the next add_slab() throws, once.
    static void fail_next_slab();

  private:
    static constexpr std::size_t kSlots = 1024;
    using Slab = std::unique_ptr<std::byte[]>;

    std::size_t stride() const { return header_.bytes + sizeof(Handle); }
    std::size_t slab_bytes() const { return kSlots * stride(); }
    Handle* at(std::byte* slab, std::size_t k) const {
        return reinterpret_cast<Handle*>(slab + k * stride() + header_.bytes);
    }
    void chain(Handle* handle) {
        handle->next = free_;
        handle->serial = kFreeSlot;
        free_ = handle;
    }
    void destroy_headers(std::byte* slab) const;
    void chain_free_slots(std::byte* slab);

    Handle* free_ = nullptr;
    std::size_t live_ = 0;
    Header header_;
    std::vector<Slab> slabs_;
};

}  // namespace reelgrad

#include "reelgrad/tape/serial.hpp"

#include <algorithm>

namespace reelgrad {

constinit thread_local Active active_tape;

struct SerialRegistry::Enlisted {
    Enlisted() {
        SerialRegistry& registry = instance();
        const std::scoped_lock lock(registry.mutex_);
        registry.threads_.push_back(&active_tape);
    }
    ~Enlisted() {
        SerialRegistry& registry = instance();
        const std::scoped_lock lock(registry.mutex_);
        std::erase(registry.threads_, &active_tape);
    }
    Enlisted(const Enlisted&) = delete;
    Enlisted& operator=(const Enlisted&) = delete;
};

SerialRegistry& SerialRegistry::instance() {
    static SerialRegistry& registry = *new SerialRegistry;
    return registry;
}

SerialBlock SerialRegistry::take(const Entry& entry) {
    const std::scoped_lock lock(mutex_);
    if (held_ == kBlocks) return 0;
    while (next_ == 0 || (next_ < blocks_.size() && blocks_[next_].tape != nullptr)) next_ = (next_ + 1) % kBlocks;
    if (next_ >= blocks_.size()) blocks_.resize(next_ + 1);
    blocks_[next_] = entry;
    ++held_;
    const SerialBlock block = next_;
    next_ = (next_ + 1) % kBlocks;
    return block;
}

void SerialRegistry::release(std::span<const SerialBlock> blocks) {
    const std::scoped_lock lock(mutex_);
    for (const SerialBlock block : blocks) blocks_[block] = {};
    held_ -= blocks.size();
}

SerialRegistry::Entry SerialRegistry::find(Serial serial) const {
    const std::scoped_lock lock(mutex_);
    const std::size_t block = serial / kSerialBlock;
    return block < blocks_.size() ? blocks_[block] : Entry{};
}

void SerialRegistry::activate(Tape& tape, Serial serial) {
    static thread_local const Enlisted enlisted;  // deactivate() must find it from other threads
    const std::scoped_lock lock(mutex_);          // which may look at it just now
    active_tape = {&tape, serial};
}

void SerialRegistry::deactivate(const Tape& tape) {
    if (active_tape.tape == &tape) active_tape = {};
    const std::scoped_lock lock(mutex_);
    for (Active* const active : threads_) {
        if (active->tape == &tape) *active = {};
    }
}

void SerialRegistry::set_next(SerialBlock block) {
    const std::scoped_lock lock(mutex_);
    next_ = block;
}

}  // namespace reelgrad

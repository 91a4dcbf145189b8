#include "reelgrad/tape/column.hpp"

#include <atomic>
#include <cstdint>
#include <new>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace reelgrad {
namespace {

constexpr std::size_t kHugePage = std::size_t{1} << 21;
std::atomic<int> g_commits_until_failure{0};
std::atomic<int> g_failures_to_come{0};

bool fails_on_demand() {
    if (g_failures_to_come.load(std::memory_order_relaxed) <= 0) return false;
    if (g_commits_until_failure.fetch_sub(1, std::memory_order_relaxed) > 0) return false;
    g_failures_to_come.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

#ifdef _WIN32
std::byte* reserve(std::size_t bytes) {
    return static_cast<std::byte*>(VirtualAlloc(nullptr, bytes, MEM_RESERVE, PAGE_NOACCESS));
}
void release(std::byte* base, std::size_t) { VirtualFree(base, 0, MEM_RELEASE); }
bool make_usable(std::byte* begin, std::size_t bytes) {
    return VirtualAlloc(begin, bytes, MEM_COMMIT, PAGE_READWRITE) != nullptr;
}
void advise_huge_pages(std::byte*, std::size_t) {}
#else
// Over-allocates by one huge page and gives the ends back, so that the base is aligned to a huge page.
std::byte* reserve(std::size_t bytes) {
    const std::size_t padded = bytes + kHugePage;
    void* raw = mmap(nullptr, padded, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(raw);
    const std::uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
    if (aligned > address) munmap(raw, aligned - address);
    const std::size_t tail = address + padded - (aligned + bytes);
    if (tail > 0) munmap(reinterpret_cast<void*>(aligned + bytes), tail);
    return reinterpret_cast<std::byte*>(aligned);
}
void release(std::byte* base, std::size_t bytes) { munmap(base, bytes); }
bool make_usable(std::byte* begin, std::size_t bytes) { return mprotect(begin, bytes, PROT_READ | PROT_WRITE) == 0; }
void advise_huge_pages([[maybe_unused]] std::byte* begin, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
    madvise(begin, bytes, MADV_HUGEPAGE);  // advice: a refusal changes nothing but speed
#endif
}
#endif

}  // namespace

AddressSpace::AddressSpace(std::size_t bytes) : base_(reserve(bytes)), size_(bytes) {
    if (base_ == nullptr) throw std::bad_alloc();
}

AddressSpace::~AddressSpace() {
    if (base_ != nullptr) release(base_, size_);
}

bool AddressSpace::commit(std::size_t begin, std::size_t end) {
    if (fails_on_demand()) return false;
    const std::size_t page = page_size();
    begin = begin / page * page;
    end = (end + page - 1) / page * page;
    if (end > size_) return false;
    if (!make_usable(base_ + begin, end - begin)) return false;
    // Below some megabytes a huge page would waste more memory than it saves time.
    if (end - begin >= 2 * kHugePage) advise_huge_pages(base_ + begin, end - begin);
    return true;
}

std::size_t AddressSpace::page_size() {
#ifdef _WIN32
    static const std::size_t size = [] {
        SYSTEM_INFO info;
        GetSystemInfo(&info);
        return static_cast<std::size_t>(info.dwPageSize);
    }();
#else
    static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
    return size;
}

void AddressSpace::fail_commit(int nth, int times) {
    g_commits_until_failure.store(nth, std::memory_order_relaxed);
    g_failures_to_come.store(times, std::memory_order_relaxed);
}

}  // namespace reelgrad

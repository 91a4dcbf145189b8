#include "reelgrad/train/shuffle.hpp"

#include <numeric>
#include <utility>

namespace reelgrad::train {
namespace {

// The words of a stream of blocks: the key is the seed, the counter (block, epoch).
class Words {
  public:
    Words(std::uint64_t seed, std::uint64_t epoch)
        : key_{low(seed), high(seed)}, counter_{0, 0, low(epoch), high(epoch)} {}

    std::uint32_t next() {
        if (used_ == 4) {
            block_ = philox(counter_, key_);
            if (++counter_[0] == 0) ++counter_[1];
            used_ = 0;
        }
        return block_[used_++];
    }

    // Uniform below `bound`: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019). The high
    // half of word * bound, but for words that would make some results more likely than others.
    std::uint32_t below(std::uint32_t bound) {
        std::uint64_t product = std::uint64_t{next()} * bound;
        if (low(product) < bound) {
            const std::uint32_t too_many = (0u - bound) % bound;  // 2^32 mod bound
            while (low(product) < too_many) product = std::uint64_t{next()} * bound;
        }
        return high(product);
    }

  private:
    static std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
    static std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

    std::array<std::uint32_t, 2> key_;
    std::array<std::uint32_t, 4> counter_, block_{};
    std::size_t used_ = 4;
};

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> key) {
    constexpr std::uint64_t multiplier0 = 0xD2511F53, multiplier1 = 0xCD9E8D57;
    constexpr std::uint32_t weyl0 = 0x9E3779B9, weyl1 = 0xBB67AE85;  // golden ratio, sqrt(3) - 1
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = multiplier0 * c[0], b = multiplier1 * c[2];
        c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ key[0], static_cast<std::uint32_t>(b),
             static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ key[1], static_cast<std::uint32_t>(a)};
        key[0] += weyl0;
        key[1] += weyl1;
    }
    return c;
}

void shuffle(std::uint64_t seed, std::uint64_t epoch, std::size_t n, std::vector<std::uint32_t>& permutation) {
    permutation.resize(n);
    std::iota(permutation.begin(), permutation.end(), 0u);
    Words words(seed, epoch);
    for (std::size_t k = n; k > 1; --k) {  // Fisher and Yates
        std::swap(permutation[k - 1], permutation[words.below(static_cast<std::uint32_t>(k))]);
    }
}

}  // namespace reelgrad::train

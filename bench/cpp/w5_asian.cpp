// W5, the limit: an arithmetic Asian call by Monte Carlo with its gradient, derivative by hand, a path in each lane
// of a vector and four vectors at once. The normal numbers are time-major: those of one step lie side by side.
#include <cmath>

#include "lanes.hpp"

namespace {

using namespace limits;

constexpr int kSteps = 50;

// What the paths share: S_k = S_(k-1) exp(drift + volatility z_k), discount max(mean of S - strike, 0).
struct Shared {
    double spot, drift, volatility, discount, strike;
};

// The price and its derivatives for what the paths share, summed over paths.
struct Sums {
    Lanes price = {}, spot = {}, drift = {}, volatility = {}, discount = {}, strike = {};
};

template <int kVectors>
void add_paths(long n, const double* z, const Shared& given, Sums& sums) {
    Lanes path[kSteps][kVectors], s[kVectors], mean[kVectors], weight[kVectors], adjoint[kVectors] = {};
    for (int v = 0; v < kVectors; ++v) s[v] = all(given.spot), mean[v] = Lanes{};
    for (int k = 0; k < kSteps; ++k) {
        for (int v = 0; v < kVectors; ++v) {
            s[v] *= exp(given.drift + given.volatility * load(z + k * n + v * kLanes));
            path[k][v] = s[v];
            mean[v] += s[v];
        }
    }
    for (int v = 0; v < kVectors; ++v) {
        const Lanes gain = mean[v] / double(kSteps) - given.strike;
        const Lanes paid = gain > 0.0 ? all(1.0) : Lanes{};
        sums.price += given.discount * gain * paid;
        sums.discount += gain * paid;
        sums.strike -= given.discount * paid;
        weight[v] = paid * (given.discount / kSteps);
    }
    for (int k = kSteps - 1; k >= 0; --k) {
        for (int v = 0; v < kVectors; ++v) {
            adjoint[v] += weight[v] * path[k][v];  // of log S_k
            sums.drift += adjoint[v];
            sums.volatility += adjoint[v] * load(z + k * n + v * kLanes);
        }
    }
    for (int v = 0; v < kVectors; ++v) sums.spot += adjoint[v] / given.spot;
}

}  // namespace

// Writes the mean discounted payoff of n paths and its derivatives for `inputs`: spot, rate, volatility, maturity,
// strike. `z` holds 50 rows of n normal numbers; n is a multiple of 16.
extern "C" void w5_asian(long n, const double* z, const double* inputs, double* price, double* gradient) {
    const double spot = inputs[0], rate = inputs[1], sigma = inputs[2], maturity = inputs[3], strike = inputs[4];
    const double dt = maturity / kSteps, root = std::sqrt(dt), trend = rate - 0.5 * sigma * sigma;
    const Shared given{spot, trend * dt, sigma * root, std::exp(-rate * maturity), strike};
    constexpr int kBlock = 4, kRest = 2;
    Sums sums;
    long path = 0;
    for (; path + kBlock * kLanes <= n; path += kBlock * kLanes) add_paths<kBlock>(n, z + path, given, sums);
    for (; path < n; path += kRest * kLanes) add_paths<kRest>(n, z + path, given, sums);

    const double share = 1.0 / static_cast<double>(n);
    const double drift = share * sum(sums.drift), volatility = share * sum(sums.volatility);
    const double discount = share * sum(sums.discount);
    *price = share * sum(sums.price);
    gradient[0] = share * sum(sums.spot);
    gradient[1] = drift * dt - discount * maturity * given.discount;
    gradient[2] = volatility * root - drift * sigma * dt;
    gradient[3] = (drift * trend + 0.5 * volatility * sigma / root) / kSteps - discount * rate * given.discount;
    gradient[4] = share * sum(sums.strike);
}

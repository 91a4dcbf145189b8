// An American put by a binomial tree, in C++, for Nodes and numbers alike: the Greeks are the sweep over the tree.
//
//     import american_option, reelgrad as rg
//     spot, rate, volatility = rg.variables(100.0, 0.03, 0.2)
//     price = american_option.put(spot, 105.0, rate, volatility, 1.0, steps=500)
//     price.backward()
#include <pybind11/stl.h>

#include <cstddef>
#include <reelgrad/pybind11.hpp>  // first: it tells the headers that this is an extension module
#include <stdexcept>
#include <utility>
#include <vector>

namespace py = pybind11;
using reelgrad::Var;

namespace {

// Cox, Ross and Rubinstein's tree: up by exp(volatility * sqrt(dt)), down by its reciprocal.
Var put(const Var& spot, const Var& strike, const Var& rate, const Var& volatility, const Var& maturity,
        std::size_t steps) {
    if (steps == 0) throw std::invalid_argument("put(steps): a tree has at least 1 step, not 0");
    const Var dt = maturity / static_cast<double>(steps);
    const Var up = exp(volatility * sqrt(dt)), growth = exp(rate * dt), discount = 1.0 / growth;
    const Var chance = (growth - 1.0 / up) / (up - 1.0 / up);  // of going up, in a world without risk
    const Var weight_up = discount * chance, weight_down = discount - weight_up;

    std::vector<Var> price;  // of the asset, from the lowest leaf to the highest
    const Var up_twice = up * up;
    price.push_back(spot * exp(-static_cast<double>(steps) * volatility * sqrt(dt)));
    for (std::size_t k = 0; k < steps; ++k) price.push_back(price.back() * up_twice);

    std::vector<Var> value;
    for (const Var& leaf : price) value.push_back(relu(strike - leaf));
    for (std::size_t step = steps; step-- > 0;) {
        for (std::size_t k = 0; k <= step; ++k) {
            price[k] = price[k] * up;  // the node that leaf k has come from, seen from below
            const Var waiting = weight_up * value[k + 1] + weight_down * value[k], now = strike - price[k];
            value[k] = now > waiting ? now : waiting;
        }
    }
    return value[0];
}

}  // namespace

PYBIND11_MODULE(american_option, module) {
    reelgrad::import_into(module);
    module.def("put", put, py::arg("spot"), py::arg("strike"), py::arg("rate"), py::arg("volatility"),
               py::arg("maturity"), py::arg("steps") = 500,
               "The price of an American put. Nodes and numbers in any mix; a Node comes back if there was one.");
    module.def(
        "puts",
        [](const Var& spot, const std::vector<Var>& strikes, const Var& rate, const Var& volatility,
           const Var& maturity, std::size_t steps) {
            std::vector<Var> prices;
            for (const Var& strike : strikes) prices.push_back(put(spot, strike, rate, volatility, maturity, steps));
            return prices;
        },
        py::arg("spot"), py::arg("strikes"), py::arg("rate"), py::arg("volatility"), py::arg("maturity"),
        py::arg("steps") = 500, "The prices for several strikes.");
}

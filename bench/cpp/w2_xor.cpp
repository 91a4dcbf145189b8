// W2, the limit: XOR with one sigmoid layer, derivative by hand, one number at a time.
//
// The four samples are unrolled; what remains is the latency of exp and of the update.
#include <cmath>

// Trains `parameters` (two weights and a bias) in place and returns the loss before the last update; `predictions` are
// those that it comes from.
extern "C" double w2_xor(int epochs, double rate, double* parameters, double* predictions) {
    constexpr double inputs[4][2] = {{0.0, 0.0}, {0.0, 1.0}, {1.0, 0.0}, {1.0, 1.0}};
    constexpr double targets[4] = {0.0, 1.0, 1.0, 0.0};
    double w0 = parameters[0], w1 = parameters[1], b = parameters[2], loss = 0.0;
    for (int epoch = 0; epoch < epochs; ++epoch) {
        double g0 = 0.0, g1 = 0.0, gb = 0.0;
        loss = 0.0;
        for (int i = 0; i < 4; ++i) {
            const double z = w0 * inputs[i][0] + w1 * inputs[i][1] + b;
            const double p = 1.0 / (1.0 + std::exp(-z));
            const double d = p - targets[i];
            loss += 0.25 * d * d;
            const double dz = 0.5 * d * p * (1.0 - p);
            g0 += dz * inputs[i][0];
            g1 += dz * inputs[i][1];
            gb += dz;
            predictions[i] = p;
        }
        w0 -= rate * g0;
        w1 -= rate * g1;
        b -= rate * gb;
    }
    parameters[0] = w0, parameters[1] = w1, parameters[2] = b;
    return loss;
}

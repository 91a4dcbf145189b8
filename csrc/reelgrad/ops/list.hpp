// ops/list.hpp: the list of operators, X(type, C++ function), and the only macro of the library.
//
// The position among the primitives (unary, then binary, then ternary) is the opcode. From these lists come opcodes,
// the functions of every number type, Node methods, module functions, stubs, the docs table and the test table.
#pragma once

#define REELGRAD_UNARY(X)      \
    X(Neg, neg)                \
    X(Abs, abs)                \
    X(Square, square)          \
    X(Reciprocal, reciprocal)  \
    X(Sqrt, sqrt)              \
    X(Rsqrt, rsqrt)            \
    X(Cbrt, cbrt)              \
    X(Exp, exp)                \
    X(Exp2, exp2)              \
    X(Expm1, expm1)            \
    X(Log, log)                \
    X(Log2, log2)              \
    X(Log10, log10)            \
    X(Log1p, log1p)            \
    X(Sin, sin)                \
    X(Cos, cos)                \
    X(Tan, tan)                \
    X(Asin, asin)              \
    X(Acos, acos)              \
    X(Atan, atan)              \
    X(Sinh, sinh)              \
    X(Cosh, cosh)              \
    X(Tanh, tanh)              \
    X(Asinh, asinh)            \
    X(Acosh, acosh)            \
    X(Atanh, atanh)            \
    X(Erf, erf)                \
    X(Erfc, erfc)              \
    X(Erfcx, erfcx)            \
    X(Erfinv, erfinv)          \
    X(Ndtr, ndtr)              \
    X(NormalPdf, normal_pdf)   \
    X(Lgamma, lgamma)          \
    X(Digamma, digamma)        \
    X(Floor, floor)            \
    X(Ceil, ceil)              \
    X(Round, round)            \
    X(Trunc, trunc)            \
    X(Sign, sign)              \
    X(Sigmoid, sigmoid)        \
    X(Logit, logit)            \
    X(LogSigmoid, log_sigmoid) \
    X(Softplus, softplus)      \
    X(Relu, relu)              \
    X(StopGradient, stop_gradient)

#define REELGRAD_BINARY(X)   \
    X(Add, add)              \
    X(Sub, sub)              \
    X(Mul, mul)              \
    X(Div, div)              \
    X(Pow, pow)              \
    X(LogAddExp, logaddexp)  \
    X(XLogY, xlogy)          \
    X(XLog1pY, xlog1py)      \
    X(Atan2, atan2)          \
    X(Hypot, hypot)          \
    X(Polygamma, polygamma)  \
    X(Mod, mod)              \
    X(FloorDiv, floordiv)    \
    X(Fmod, fmod)            \
    X(Copysign, copysign)    \
    X(Maximum, maximum)      \
    X(Minimum, minimum)      \
    X(LeakyRelu, leaky_relu) \
    X(Elu, elu)

#define REELGRAD_TERNARY(X) \
    X(Fma, fma)             \
    X(Clip, clip)           \
    X(Where, where)

#define REELGRAD_REDUCTION(X) \
    X(Sum, sum)               \
    X(Dot, dot)               \
    X(Prod, prod)             \
    X(LogSumExp, logsumexp)   \
    X(Norm, norm)

// Operators of conditions, which traces and Programs record; no functions of the module (conditions.hpp).
#define REELGRAD_CONDITION(X)  \
    X(Less, less)              \
    X(LessEqual, less_equal)   \
    X(Equal, equal)            \
    X(NotEqual, not_equal)     \
    X(LogicalAnd, logical_and) \
    X(LogicalOr, logical_or)   \
    X(LogicalNot, logical_not)

#define REELGRAD_COMPOSITE(X)         \
    X(Mean, mean)                     \
    X(Softmax, softmax)               \
    X(Silu, silu)                     \
    X(Gelu, gelu)                     \
    X(Mse, mse)                       \
    X(HalfMse, half_mse)              \
    X(Mae, mae)                       \
    X(Huber, huber)                   \
    X(Hinge, hinge)                   \
    X(Bce, bce)                       \
    X(BceWithLogits, bce_with_logits) \
    X(CrossEntropy, cross_entropy)

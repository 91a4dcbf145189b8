# Declarations for Cython. What stands between `generated` and `end of generated` is written by tools/generate.py from
# the table of operators, the rest by hand.
#
#     from reelgrad cimport Var, exp, import_reelgrad, to_node, to_var
#     import_reelgrad()
#
# What works on Vars needs no interpreter lock. The Python package's names, reelgrad.Node among them, come from
# `import reelgrad`, as usual.

from libcpp cimport bool
from libcpp.vector cimport vector

cdef extern from "reelgrad/cython.hpp" namespace "reelgrad":
    # Once, at the top of the module: an ImportError, if it was compiled with the headers of another version.
    int import_reelgrad() except -1
    # The exception handler of all declarations below, and of your own functions of C++.
    void set_python_error()

    bint is_node(object)
    # A Node as a Var, a number as a constant; the Node must live for as long as the Var is used.
    Var to_var(object) except +set_python_error
    # A Node for the Var, a float for a constant.
    object to_node(Var) except +set_python_error
    # The tape of a reelgrad.Tape.
    Tape& to_tape(object) except +set_python_error

cdef extern from "reelgrad/cython.hpp" namespace "reelgrad" nogil:
    # The tape that Python code has made current on this thread.
    Tape& current_tape() except +set_python_error
    Var variable "reelgrad::Var::variable"(Tape&, double) except +set_python_error

    cppclass Mark:
        Mark()

    cppclass Tape:
        size_t size()
        size_t variables()
        size_t bytes_used() except +set_python_error
        bool is_mine() except +set_python_error
        void make_room(bool may_collect, size_t operators) except +set_python_error
        void zero_grad() except +set_python_error
        Mark mark() except +set_python_error
        void release(Mark) except +set_python_error
        void rewind(Mark) except +set_python_error
        void reset() except +set_python_error
        size_t collect() except +set_python_error
        void pin()
        void unpin()
        bool pinned()

    # Keeps a tape from collecting: `cdef Pin pin = Pin(tape)`, until the function ends.
    cppclass Pin:
        Pin()
        Pin(Tape&)

    # A tape of this thread's own: `tape.get()[0]`.
    cppclass OwnTape:
        OwnTape() except +set_python_error
        OwnTape(size_t limit) except +set_python_error
        Tape* get()

    cppclass Var:
        Var()
        Var(double)
        double value() except +set_python_error
        double grad() except +set_python_error
        void backward() except +set_python_error
        void backward(double seed) except +set_python_error
        bool is_constant()
        Tape* tape() except +set_python_error
        # generated: operators of Var
        Var operator-(Var, Var) except +set_python_error
        Var operator-(Var, double) except +set_python_error
        Var operator-(double, Var) except +set_python_error
        Var operator+(Var, Var) except +set_python_error
        Var operator+(Var, double) except +set_python_error
        Var operator+(double, Var) except +set_python_error
        Var operator*(Var, Var) except +set_python_error
        Var operator*(Var, double) except +set_python_error
        Var operator*(double, Var) except +set_python_error
        Var operator/(Var, Var) except +set_python_error
        Var operator/(Var, double) except +set_python_error
        Var operator/(double, Var) except +set_python_error
        Var operator-() except +set_python_error
        bool operator<(Var, Var) except +set_python_error
        bool operator<(Var, double) except +set_python_error
        bool operator<(double, Var) except +set_python_error
        bool operator<=(Var, Var) except +set_python_error
        bool operator<=(Var, double) except +set_python_error
        bool operator<=(double, Var) except +set_python_error
        bool operator>(Var, Var) except +set_python_error
        bool operator>(Var, double) except +set_python_error
        bool operator>(double, Var) except +set_python_error
        bool operator>=(Var, Var) except +set_python_error
        bool operator>=(Var, double) except +set_python_error
        bool operator>=(double, Var) except +set_python_error
        bool operator==(Var, Var) except +set_python_error
        bool operator==(Var, double) except +set_python_error
        bool operator==(double, Var) except +set_python_error
        bool operator!=(Var, Var) except +set_python_error
        bool operator!=(Var, double) except +set_python_error
        bool operator!=(double, Var) except +set_python_error
        # end of generated

cdef extern from "reelgrad/cython.hpp" namespace "reelgrad::cython" nogil:
    # generated: functions
    Var neg(Var x) except +set_python_error
    double neg(double x)
    Var abs(Var x) except +set_python_error
    double abs(double x)
    Var square(Var x) except +set_python_error
    double square(double x)
    Var reciprocal(Var x) except +set_python_error
    double reciprocal(double x)
    Var sqrt(Var x) except +set_python_error
    double sqrt(double x)
    Var rsqrt(Var x) except +set_python_error
    double rsqrt(double x)
    Var cbrt(Var x) except +set_python_error
    double cbrt(double x)
    Var exp(Var x) except +set_python_error
    double exp(double x)
    Var exp2(Var x) except +set_python_error
    double exp2(double x)
    Var expm1(Var x) except +set_python_error
    double expm1(double x)
    Var log(Var x) except +set_python_error
    double log(double x)
    Var log2(Var x) except +set_python_error
    double log2(double x)
    Var log10(Var x) except +set_python_error
    double log10(double x)
    Var log1p(Var x) except +set_python_error
    double log1p(double x)
    Var sin(Var x) except +set_python_error
    double sin(double x)
    Var cos(Var x) except +set_python_error
    double cos(double x)
    Var tan(Var x) except +set_python_error
    double tan(double x)
    Var asin(Var x) except +set_python_error
    double asin(double x)
    Var acos(Var x) except +set_python_error
    double acos(double x)
    Var atan(Var x) except +set_python_error
    double atan(double x)
    Var sinh(Var x) except +set_python_error
    double sinh(double x)
    Var cosh(Var x) except +set_python_error
    double cosh(double x)
    Var tanh(Var x) except +set_python_error
    double tanh(double x)
    Var asinh(Var x) except +set_python_error
    double asinh(double x)
    Var acosh(Var x) except +set_python_error
    double acosh(double x)
    Var atanh(Var x) except +set_python_error
    double atanh(double x)
    Var erf(Var x) except +set_python_error
    double erf(double x)
    Var erfc(Var x) except +set_python_error
    double erfc(double x)
    Var erfcx(Var x) except +set_python_error
    double erfcx(double x)
    Var erfinv(Var x) except +set_python_error
    double erfinv(double x)
    Var ndtr(Var x) except +set_python_error
    double ndtr(double x)
    Var normal_pdf(Var x) except +set_python_error
    double normal_pdf(double x)
    Var lgamma(Var x) except +set_python_error
    double lgamma(double x)
    Var digamma(Var x) except +set_python_error
    double digamma(double x)
    Var floor(Var x) except +set_python_error
    double floor(double x)
    Var ceil(Var x) except +set_python_error
    double ceil(double x)
    Var round(Var x) except +set_python_error
    double round(double x)
    Var trunc(Var x) except +set_python_error
    double trunc(double x)
    Var sign(Var x) except +set_python_error
    double sign(double x)
    Var sigmoid(Var x) except +set_python_error
    double sigmoid(double x)
    Var logit(Var x) except +set_python_error
    double logit(double x)
    Var log_sigmoid(Var x) except +set_python_error
    double log_sigmoid(double x)
    Var softplus(Var x) except +set_python_error
    double softplus(double x)
    Var relu(Var x) except +set_python_error
    double relu(double x)
    Var stop_gradient(Var x) except +set_python_error
    double stop_gradient(double x)
    Var add(Var a, Var b) except +set_python_error
    Var add(Var a, double b) except +set_python_error
    Var add(double a, Var b) except +set_python_error
    double add(double a, double b)
    Var sub(Var a, Var b) except +set_python_error
    Var sub(Var a, double b) except +set_python_error
    Var sub(double a, Var b) except +set_python_error
    double sub(double a, double b)
    Var mul(Var a, Var b) except +set_python_error
    Var mul(Var a, double b) except +set_python_error
    Var mul(double a, Var b) except +set_python_error
    double mul(double a, double b)
    Var div(Var a, Var b) except +set_python_error
    Var div(Var a, double b) except +set_python_error
    Var div(double a, Var b) except +set_python_error
    double div(double a, double b)
    Var pow(Var a, Var b) except +set_python_error
    Var pow(Var a, double b) except +set_python_error
    Var pow(double a, Var b) except +set_python_error
    double pow(double a, double b)
    Var logaddexp(Var a, Var b) except +set_python_error
    Var logaddexp(Var a, double b) except +set_python_error
    Var logaddexp(double a, Var b) except +set_python_error
    double logaddexp(double a, double b)
    Var xlogy(Var a, Var b) except +set_python_error
    Var xlogy(Var a, double b) except +set_python_error
    Var xlogy(double a, Var b) except +set_python_error
    double xlogy(double a, double b)
    Var xlog1py(Var a, Var b) except +set_python_error
    Var xlog1py(Var a, double b) except +set_python_error
    Var xlog1py(double a, Var b) except +set_python_error
    double xlog1py(double a, double b)
    Var atan2(Var a, Var b) except +set_python_error
    Var atan2(Var a, double b) except +set_python_error
    Var atan2(double a, Var b) except +set_python_error
    double atan2(double a, double b)
    Var hypot(Var a, Var b) except +set_python_error
    Var hypot(Var a, double b) except +set_python_error
    Var hypot(double a, Var b) except +set_python_error
    double hypot(double a, double b)
    Var polygamma(double n, Var x) except +set_python_error
    double polygamma(double n, double x)
    Var mod(Var a, Var b) except +set_python_error
    Var mod(Var a, double b) except +set_python_error
    Var mod(double a, Var b) except +set_python_error
    double mod(double a, double b)
    Var floordiv(Var a, Var b) except +set_python_error
    Var floordiv(Var a, double b) except +set_python_error
    Var floordiv(double a, Var b) except +set_python_error
    double floordiv(double a, double b)
    Var fmod(Var a, Var b) except +set_python_error
    Var fmod(Var a, double b) except +set_python_error
    Var fmod(double a, Var b) except +set_python_error
    double fmod(double a, double b)
    Var copysign(Var a, Var b) except +set_python_error
    Var copysign(Var a, double b) except +set_python_error
    Var copysign(double a, Var b) except +set_python_error
    double copysign(double a, double b)
    Var maximum(Var a, Var b) except +set_python_error
    Var maximum(Var a, double b) except +set_python_error
    Var maximum(double a, Var b) except +set_python_error
    double maximum(double a, double b)
    Var minimum(Var a, Var b) except +set_python_error
    Var minimum(Var a, double b) except +set_python_error
    Var minimum(double a, Var b) except +set_python_error
    double minimum(double a, double b)
    Var leaky_relu(Var x, Var slope) except +set_python_error
    Var leaky_relu(Var x, double slope) except +set_python_error
    Var leaky_relu(double x, Var slope) except +set_python_error
    double leaky_relu(double x, double slope)
    Var elu(Var x, Var alpha) except +set_python_error
    Var elu(Var x, double alpha) except +set_python_error
    Var elu(double x, Var alpha) except +set_python_error
    double elu(double x, double alpha)
    Var fma(Var a, Var b, Var c) except +set_python_error
    Var fma(Var a, Var b, double c) except +set_python_error
    Var fma(Var a, double b, Var c) except +set_python_error
    Var fma(Var a, double b, double c) except +set_python_error
    Var fma(double a, Var b, Var c) except +set_python_error
    Var fma(double a, Var b, double c) except +set_python_error
    Var fma(double a, double b, Var c) except +set_python_error
    double fma(double a, double b, double c)
    Var clip(Var x, Var lo, Var hi) except +set_python_error
    Var clip(Var x, Var lo, double hi) except +set_python_error
    Var clip(Var x, double lo, Var hi) except +set_python_error
    Var clip(Var x, double lo, double hi) except +set_python_error
    Var clip(double x, Var lo, Var hi) except +set_python_error
    Var clip(double x, Var lo, double hi) except +set_python_error
    Var clip(double x, double lo, Var hi) except +set_python_error
    double clip(double x, double lo, double hi)
    Var where(double condition, Var a, Var b) except +set_python_error
    Var where(double condition, Var a, double b) except +set_python_error
    Var where(double condition, double a, Var b) except +set_python_error
    double where(double condition, double a, double b)
    Var sum(const Var* x, size_t n) except +set_python_error
    double sum(const double* x, size_t n)
    Var sum(const vector[Var]& x) except +set_python_error
    Var dot(const Var* a, const Var* b, size_t n) except +set_python_error
    double dot(const double* a, const double* b, size_t n)
    Var dot(const vector[Var]& a, const vector[Var]& b) except +set_python_error
    Var prod(const Var* x, size_t n) except +set_python_error
    double prod(const double* x, size_t n)
    Var prod(const vector[Var]& x) except +set_python_error
    Var logsumexp(const Var* x, size_t n) except +set_python_error
    double logsumexp(const double* x, size_t n)
    Var logsumexp(const vector[Var]& x) except +set_python_error
    Var norm(const Var* x, size_t n) except +set_python_error
    double norm(const double* x, size_t n)
    Var norm(const vector[Var]& x) except +set_python_error
    Var mean(const Var* x, size_t n) except +set_python_error
    vector[Var] softmax(const Var* x, size_t n) except +set_python_error
    Var silu(Var x) except +set_python_error
    double silu(double x)
    Var gelu(Var x) except +set_python_error
    double gelu(double x)
    Var mse(const Var* prediction, const Var* target, size_t n) except +set_python_error
    Var half_mse(const Var* prediction, const Var* target, size_t n) except +set_python_error
    Var mae(const Var* prediction, const Var* target, size_t n) except +set_python_error
    Var huber(const Var* prediction, const Var* target, size_t n) except +set_python_error
    Var huber(const Var* prediction, const Var* target, size_t n, double delta) except +set_python_error
    Var hinge(const Var* score, const Var* target, size_t n) except +set_python_error
    Var bce(const Var* probability, const Var* target, size_t n) except +set_python_error
    Var bce_with_logits(const Var* logit, const Var* target, size_t n) except +set_python_error
    Var cross_entropy(const Var* logits, const Var* target, size_t n) except +set_python_error
    Var cross_entropy(const Var* logits, size_t n, size_t target) except +set_python_error
    # end of generated

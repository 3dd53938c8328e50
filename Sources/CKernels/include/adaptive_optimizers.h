// Adagrad, Adadelta and RMSprop: one step over one parameter in a single fused, vectorised, parallel pass, in place.
//
// The formulas are PyTorch's (torch.optim, single-tensor path), in its order of operations. d = g + weight_decay·p.
#ifndef AVIARY_ADAPTIVE_OPTIMIZERS_H
#define AVIARY_ADAPTIVE_OPTIMIZERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  float rate;  // learning_rate / (1 + (step − 1)·decay of the rate)
  float weight_decay;
  float epsilon;
} ak_adagrad_scalars;

/// The scalars of step `step`, counted from 1.
ak_adagrad_scalars ak_adagrad_at(
    double learning_rate, double rate_decay, double weight_decay, double epsilon, int64_t step);

/// s += d²;  p -= rate · d / (sqrt(s) + epsilon).
void ak_adagrad(float *restrict p, const float *restrict g, float *restrict s, size_t count, ak_adagrad_scalars c);

typedef struct {
  float learning_rate;
  float weight_decay;
  float rho;
  float one_minus_rho;  // in double before rounding
  float epsilon;
} ak_adadelta_scalars;

/// v = rho·v + (1 − rho)·d²;  x = d · sqrt(u + epsilon) / sqrt(v + epsilon);  u = rho·u + (1 − rho)·x²;
/// p -= learning_rate · x.
void ak_adadelta(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict u, size_t count,
    ak_adadelta_scalars c);

typedef struct {
  float learning_rate;
  float weight_decay;
  float alpha;
  float one_minus_alpha;  // in double before rounding
  float epsilon;
  float momentum;  // 0: no buffer
} ak_rmsprop_scalars;

/// v = alpha·v + (1 − alpha)·d²;  where `a` is given (centred): a = lerp(a, d, 1 − alpha), and a² is taken off v in the
/// root;  x = d / (sqrt(v − a²) + epsilon);  where `m` is given: m = momentum·m + x, and x = m;
/// p -= learning_rate · x.
void ak_rmsprop(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict a, float *restrict m,
    size_t count, ak_rmsprop_scalars c);

#endif

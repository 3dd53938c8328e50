// One optimizer step over one parameter: a single fused, vectorised, parallel pass, in place.
//
// The formulas are PyTorch's (torch.optim, single-tensor path), in its order of operations. State buffers start at zero.
// What does not depend on the element is computed once a step in double precision, by the functions that return scalars.
#ifndef AVIARY_OPTIMIZERS_H
#define AVIARY_OPTIMIZERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  float learning_rate;
  float weight_decay;  // added to the gradient, times the parameter
  float momentum;      // 0: plain descent, no buffer
  int nesterov;        // look ahead along the new momentum
} ak_sgd_scalars;

/// d = g + weight_decay·p;  m = momentum·m + d;  p -= learning_rate · (nesterov ? d + momentum·m : m).
/// With a buffer of zeros the first step's momentum is the gradient itself, as in PyTorch (dampening 0).
/// `m` may be NULL where momentum is 0.
void ak_sgd(float *restrict p, const float *restrict g, float *restrict m, size_t count, ak_sgd_scalars s);

typedef struct {
  float step_size;          // learning_rate / (1 − beta1^step)
  float keep;               // 1 − learning_rate·weight_decay for AdamW, 1 for Adam
  float weight_decay;       // added to the gradient by Adam, 0 for AdamW
  float one_minus_beta1;    // in double before rounding: 1 − 0.999 keeps its digits
  float beta2;
  float one_minus_beta2;
  float root_correction;    // 1 / sqrt(1 − beta2^step)
  float epsilon;
} ak_adam_scalars;

/// The scalars of step `step`, counted from 1. `decoupled` chooses AdamW (decay shrinks the parameter) over Adam
/// (decay is part of the gradient).
ak_adam_scalars ak_adam_at(
    double learning_rate, double weight_decay, double beta1, double beta2, double epsilon, int64_t step,
    int decoupled);

/// p *= keep;  d = g + weight_decay·p;  m = lerp(m, d, 1 − beta1);  v = beta2·v + (1 − beta2)·d²;
/// p -= step_size · m / (sqrt(v)·root_correction + epsilon).
void ak_adam(
    float *restrict p, const float *restrict g, float *restrict m, float *restrict v, size_t count,
    ak_adam_scalars s);

#endif

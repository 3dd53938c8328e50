#include "adaptive_optimizers.h"

#include "lerp.h"
#include "multiversion.h"
#include "parallel.h"

// sqrtf() would set errno and keep the loops from being vectorised.
#define ROOT(x) __builtin_elementwise_sqrt(x)

/// Below this many elements waking the team costs more than it saves.
static const size_t grain = 1 << 14;

typedef struct {
  float *p;
  const float *g;
  float *first, *second, *third;
  const void *scalars;
} parameter_work;

ak_adagrad_scalars ak_adagrad_at(
    double learning_rate, double rate_decay, double weight_decay, double epsilon, int64_t step) {
  return (ak_adagrad_scalars){
      .rate = (float)(learning_rate / (1 + (double)(step - 1) * rate_decay)),
      .weight_decay = (float)weight_decay,
      .epsilon = (float)epsilon,
  };
}

AVIARY_MULTIVERSION
static void adagrad_range(
    float *restrict p, const float *restrict g, float *restrict s, size_t count, ak_adagrad_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float sum = s[i] + d * d;
    s[i] = sum;
    p[i] -= c.rate * d / (ROOT(sum) + c.epsilon);
  }
}

static void adagrad_body(void *context, size_t start, size_t end) {
  const parameter_work *work = context;
  const ak_adagrad_scalars *c = work->scalars;
  adagrad_range(work->p + start, work->g + start, work->first + start, end - start, *c);
}

void ak_adagrad(float *restrict p, const float *restrict g, float *restrict s, size_t count, ak_adagrad_scalars c) {
  parameter_work work = {.p = p, .g = g, .first = s, .scalars = &c};
  ak_parallel_ranges(count, grain, adagrad_body, &work);
}

AVIARY_MULTIVERSION
static void adadelta_range(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict u, size_t count,
    ak_adadelta_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float square = c.rho * v[i] + c.one_minus_rho * d * d;
    const float change = ROOT(u[i] + c.epsilon) / ROOT(square + c.epsilon) * d;
    v[i] = square;
    u[i] = c.rho * u[i] + c.one_minus_rho * change * change;
    p[i] -= c.learning_rate * change;
  }
}

static void adadelta_body(void *context, size_t start, size_t end) {
  const parameter_work *work = context;
  const ak_adadelta_scalars *c = work->scalars;
  adadelta_range(work->p + start, work->g + start, work->first + start, work->second + start, end - start, *c);
}

void ak_adadelta(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict u, size_t count,
    ak_adadelta_scalars c) {
  parameter_work work = {.p = p, .g = g, .first = v, .second = u, .scalars = &c};
  ak_parallel_ranges(count, grain, adadelta_body, &work);
}

AVIARY_MULTIVERSION
static void rmsprop_range(
    float *restrict p, const float *restrict g, float *restrict v, size_t count, ak_rmsprop_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float square = c.alpha * v[i] + c.one_minus_alpha * d * d;
    v[i] = square;
    p[i] -= c.learning_rate * d / (ROOT(square) + c.epsilon);
  }
}

AVIARY_MULTIVERSION
static void rmsprop_momentum_range(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict m, size_t count,
    ak_rmsprop_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float square = c.alpha * v[i] + c.one_minus_alpha * d * d;
    const float velocity = c.momentum * m[i] + d / (ROOT(square) + c.epsilon);
    v[i] = square;
    m[i] = velocity;
    p[i] -= c.learning_rate * velocity;
  }
}

/// The variance that a centred step divides by the root of. Rounding takes it below zero where gradients hardly change,
/// of which the root would not be a number.
static inline float variance(float square, float mean) {
  const float difference = square - mean * mean;
  return difference > 0 ? difference : 0;
}

AVIARY_MULTIVERSION
static void rmsprop_centered_range(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict a, size_t count,
    ak_rmsprop_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float square = c.alpha * v[i] + c.one_minus_alpha * d * d;
    const float mean = lerp(a[i], d, c.one_minus_alpha);
    v[i] = square;
    a[i] = mean;
    p[i] -= c.learning_rate * d / (ROOT(variance(square, mean)) + c.epsilon);
  }
}

AVIARY_MULTIVERSION
static void rmsprop_centered_momentum_range(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict a, float *restrict m,
    size_t count, ak_rmsprop_scalars c) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + c.weight_decay * p[i];
    const float square = c.alpha * v[i] + c.one_minus_alpha * d * d;
    const float mean = lerp(a[i], d, c.one_minus_alpha);
    const float velocity = c.momentum * m[i] + d / (ROOT(variance(square, mean)) + c.epsilon);
    v[i] = square;
    a[i] = mean;
    m[i] = velocity;
    p[i] -= c.learning_rate * velocity;
  }
}

static void rmsprop_body(void *context, size_t start, size_t end) {
  const parameter_work *work = context;
  const ak_rmsprop_scalars *c = work->scalars;
  float *p = work->p + start, *v = work->first + start;
  const float *g = work->g + start;
  const size_t count = end - start;
  if (work->second && work->third) {
    rmsprop_centered_momentum_range(p, g, v, work->second + start, work->third + start, count, *c);
  } else if (work->second) {
    rmsprop_centered_range(p, g, v, work->second + start, count, *c);
  } else if (work->third) {
    rmsprop_momentum_range(p, g, v, work->third + start, count, *c);
  } else {
    rmsprop_range(p, g, v, count, *c);
  }
}

void ak_rmsprop(
    float *restrict p, const float *restrict g, float *restrict v, float *restrict a, float *restrict m,
    size_t count, ak_rmsprop_scalars c) {
  parameter_work work = {.p = p, .g = g, .first = v, .second = a, .third = m, .scalars = &c};
  ak_parallel_ranges(count, grain, rmsprop_body, &work);
}

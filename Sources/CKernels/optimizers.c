#include "optimizers.h"

#include <math.h>

#include "lerp.h"
#include "multiversion.h"
#include "parallel.h"

/// Below this many elements waking the team costs more than it saves.
static const size_t grain = 1 << 14;

typedef struct {
  float *p;
  const float *g;
  float *m, *v;
  const void *scalars;
} parameter_work;

AVIARY_MULTIVERSION
static void plain_range(
    float *restrict p, const float *restrict g, size_t count, float learning_rate, float weight_decay) {
  for (size_t i = 0; i < count; i++) p[i] -= learning_rate * (g[i] + weight_decay * p[i]);
}

AVIARY_MULTIVERSION
static void momentum_range(
    float *restrict p, const float *restrict g, float *restrict m, size_t count, float learning_rate,
    float weight_decay, float momentum) {
  for (size_t i = 0; i < count; i++) {
    m[i] = momentum * m[i] + (g[i] + weight_decay * p[i]);
    p[i] -= learning_rate * m[i];
  }
}

AVIARY_MULTIVERSION
static void nesterov_range(
    float *restrict p, const float *restrict g, float *restrict m, size_t count, float learning_rate,
    float weight_decay, float momentum) {
  for (size_t i = 0; i < count; i++) {
    const float d = g[i] + weight_decay * p[i];
    m[i] = momentum * m[i] + d;
    p[i] -= learning_rate * (d + momentum * m[i]);
  }
}

static void sgd_body(void *context, size_t start, size_t end) {
  const parameter_work *work = context;
  const ak_sgd_scalars *s = work->scalars;
  float *p = work->p + start;
  const float *g = work->g + start;
  if (!work->m || s->momentum == 0) {
    plain_range(p, g, end - start, s->learning_rate, s->weight_decay);
  } else if (s->nesterov) {
    nesterov_range(p, g, work->m + start, end - start, s->learning_rate, s->weight_decay, s->momentum);
  } else {
    momentum_range(p, g, work->m + start, end - start, s->learning_rate, s->weight_decay, s->momentum);
  }
}

void ak_sgd(float *restrict p, const float *restrict g, float *restrict m, size_t count, ak_sgd_scalars s) {
  parameter_work work = {p, g, m, NULL, &s};
  ak_parallel_ranges(count, grain, sgd_body, &work);
}

ak_adam_scalars ak_adam_at(
    double learning_rate, double weight_decay, double beta1, double beta2, double epsilon, int64_t step,
    int decoupled) {
  return (ak_adam_scalars){
      .step_size = (float)(learning_rate / (1 - pow(beta1, (double)step))),
      .keep = decoupled ? (float)(1 - learning_rate * weight_decay) : 1,
      .weight_decay = decoupled ? 0 : (float)weight_decay,
      .one_minus_beta1 = (float)(1 - beta1),
      .beta2 = (float)beta2,
      .one_minus_beta2 = (float)(1 - beta2),
      .root_correction = (float)(1 / sqrt(1 - pow(beta2, (double)step))),
      .epsilon = (float)epsilon,
  };
}

AVIARY_MULTIVERSION
static void adam_range(
    float *restrict p, const float *restrict g, float *restrict m, float *restrict v, size_t count,
    ak_adam_scalars s) {
  for (size_t i = 0; i < count; i++) {
    const float kept = p[i] * s.keep;
    const float d = g[i] + s.weight_decay * kept;
    const float mean = lerp(m[i], d, s.one_minus_beta1);
    const float square = s.beta2 * v[i] + s.one_minus_beta2 * d * d;
    m[i] = mean;
    v[i] = square;
    // sqrtf() would set errno and keep the loop from being vectorised.
    p[i] = kept - s.step_size * mean / (__builtin_elementwise_sqrt(square) * s.root_correction + s.epsilon);
  }
}

static void adam_body(void *context, size_t start, size_t end) {
  const parameter_work *work = context;
  const ak_adam_scalars *s = work->scalars;
  adam_range(work->p + start, work->g + start, work->m + start, work->v + start, end - start, *s);
}

void ak_adam(
    float *restrict p, const float *restrict g, float *restrict m, float *restrict v, size_t count,
    ak_adam_scalars s) {
  parameter_work work = {p, g, m, v, &s};
  ak_parallel_ranges(count, grain, adam_body, &work);
}

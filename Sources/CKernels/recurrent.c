#include "recurrent.h"

#include "multiversion.h"
#include "parallel.h"

#include <math.h>
#include <string.h>

// Below this many elements a second thread costs more than it saves.
#define GRAIN 2048

#define INLINE static inline __attribute__((always_inline))

// MARK: - Exponentials without branches, so that loops over them become vectors

/// eˣ = scale · (1 + rest) for x in −87 … 88: scale is a power of two, and rest is eʳ − 1 for the |r| ≤ ln 2 / 2 that is
/// left. The polynomial was fitted to the least largest error relative to eʳ − 1: 1.4e-8.
INLINE void split_exponential(float x, float *scale, float *rest) {
  const float magic = 12582912; // 1.5 · 2²³: what is added to it is rounded to a whole number
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  // ln 2 in two parts, of which the first has few enough digits for an exact product.
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  uint32_t bits;
  memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + (127u << 23);
  memcpy(scale, &bits, sizeof bits);
  const float q =
      0.5000000062266644f +
      r * (0.16666542544199583f + r * (0.041666280663661424f + r * (0.00836664408056692f + r * 0.0013946551891559974f)));
  *rest = r + r * r * q;
}

// Comparisons are written so that what is not a number stays so.

INLINE float sigmoid(float x) {
  float y = -x, scale, rest;
  y = y > 87 ? 87 : y;
  y = y < -87 ? -87 : y;
  split_exponential(y, &scale, &rest);
  return 1 / (1 + (scale + scale * rest));
}

/// By e^(−2|x|) − 1, which loses nothing near zero.
INLINE float hyperbolic_tangent(float x) {
  float y = -2 * __builtin_fabsf(x), scale, rest;
  y = y < -40 ? -40 : y;
  split_exponential(y, &scale, &rest);
  const float e = scale * rest + (scale - 1);
  return __builtin_copysignf(e / (2 + e), x);
}

// MARK: - Rows: `count` neighbouring elements of one row, of which each gate has its own array

AVIARY_MULTIVERSION static void sigmoid_row(const float *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = sigmoid(x[i]);
}

AVIARY_MULTIVERSION static void tanh_row(const float *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] = hyperbolic_tangent(x[i]);
}

AVIARY_MULTIVERSION
static void rnn_tanh_row(
    float *restrict a, const float *restrict p, float *restrict next, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float h = hyperbolic_tangent(a[i] + p[i]);
    a[i] = h, next[i] = h, y[i] = h;
  }
}

AVIARY_MULTIVERSION
static void rnn_relu_row(
    float *restrict a, const float *restrict p, float *restrict next, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float sum = a[i] + p[i];
    const float h = sum < 0 ? 0 : sum;
    a[i] = h, next[i] = h, y[i] = h;
  }
}

AVIARY_MULTIVERSION
static void lstm_row(
    float *restrict i, float *restrict f, float *restrict g, float *restrict o, const float *restrict pi,
    const float *restrict pf, const float *restrict pg, const float *restrict po, const float *restrict cell,
    float *restrict next_cell, float *restrict next, float *restrict y, size_t count) {
  for (size_t k = 0; k < count; k++) {
    i[k] = sigmoid(i[k] + pi[k]);
    f[k] = sigmoid(f[k] + pf[k]);
    g[k] = hyperbolic_tangent(g[k] + pg[k]);
    o[k] = sigmoid(o[k] + po[k]);
    const float c = f[k] * cell[k] + i[k] * g[k];
    const float h = o[k] * hyperbolic_tangent(c);
    next_cell[k] = c, next[k] = h, y[k] = h;
  }
}

AVIARY_MULTIVERSION
static void gru_row(
    float *restrict r, float *restrict z, float *restrict n, const float *restrict pr, const float *restrict pz,
    const float *restrict pn, const float *restrict hidden, float *restrict next, float *restrict y, size_t count) {
  for (size_t k = 0; k < count; k++) {
    r[k] = sigmoid(r[k] + pr[k]);
    z[k] = sigmoid(z[k] + pz[k]);
    n[k] = hyperbolic_tangent(n[k] + r[k] * pn[k]);
    const float h = n[k] + z[k] * (hidden[k] - n[k]);
    next[k] = h, y[k] = h;
  }
}

AVIARY_MULTIVERSION
static void rnn_tanh_backward_row(
    float *restrict a, const float *restrict dy, const float *restrict dh, float *restrict direct, size_t count) {
  for (size_t i = 0; i < count; i++) {
    a[i] = (dy[i] + dh[i] + direct[i]) * (1 - a[i] * a[i]);
    direct[i] = 0;
  }
}

AVIARY_MULTIVERSION
static void rnn_relu_backward_row(
    float *restrict a, const float *restrict dy, const float *restrict dh, float *restrict direct, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float gradient = dy[i] + dh[i] + direct[i];
    a[i] = a[i] <= 0 ? 0 : gradient;
    direct[i] = 0;
  }
}

AVIARY_MULTIVERSION
static void lstm_backward_row(
    float *restrict i, float *restrict f, float *restrict g, float *restrict o, const float *restrict cell,
    const float *restrict next_cell, const float *restrict dy, const float *restrict dh, float *restrict direct,
    float *restrict dc, size_t count) {
  for (size_t k = 0; k < count; k++) {
    const float gradient = dy[k] + dh[k] + direct[k];
    const float t = hyperbolic_tangent(next_cell[k]);
    const float vi = i[k], vf = f[k], vg = g[k], vo = o[k];
    const float d = dc[k] + gradient * vo * (1 - t * t);
    i[k] = d * vg * vi * (1 - vi);
    f[k] = d * cell[k] * vf * (1 - vf);
    g[k] = d * vi * (1 - vg * vg);
    o[k] = gradient * t * vo * (1 - vo);
    dc[k] = d * vf;
    direct[k] = 0;
  }
}

AVIARY_MULTIVERSION
static void gru_backward_row(
    float *restrict r, float *restrict z, float *restrict n, float *restrict pr, float *restrict pz,
    float *restrict pn, const float *restrict candidate, const float *restrict hidden, const float *restrict dy,
    const float *restrict dh, float *restrict direct, size_t count) {
  for (size_t k = 0; k < count; k++) {
    const float gradient = dy[k] + dh[k] + direct[k];
    const float vr = r[k], vz = z[k], vn = n[k];
    const float dn = gradient * (1 - vz) * (1 - vn * vn);
    const float dz = gradient * (hidden[k] - vn) * vz * (1 - vz);
    const float dr = dn * candidate[k] * vr * (1 - vr);
    r[k] = dr, z[k] = dz, n[k] = dn;
    pr[k] = dr, pz[k] = dz, pn[k] = dn * vr;
    direct[k] = gradient * vz;
  }
}

AVIARY_MULTIVERSION static void add_row(const float *restrict x, float *restrict y, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

// MARK: - Steps

static size_t gate_count(ak_recurrent_kind kind) { return kind == AK_LSTM ? 4 : kind == AK_GRU ? 3 : 1; }

static int has_ended(const ak_recurrent_rows *at, size_t row) { return at->lengths && at->step >= at->lengths[row]; }

static void forward_part(const ak_recurrent_forward_step *s, size_t row, size_t column, size_t count) {
  const size_t width = s->at.width, wide = row * gate_count(s->at.kind) * width + column, k = row * width + column;
  float *a = s->gates + wide, *next = s->next_hidden + k, *y = s->output + k;
  const float *p = s->product + wide;
  if (has_ended(&s->at, row)) {
    memcpy(next, s->hidden + k, count * sizeof(float));
    if (s->at.kind == AK_LSTM) memcpy(s->next_cell + k, s->cell + k, count * sizeof(float));
    memset(y, 0, count * sizeof(float));
    return;
  }
  switch (s->at.kind) {
  case AK_RNN_TANH: rnn_tanh_row(a, p, next, y, count); break;
  case AK_RNN_RELU: rnn_relu_row(a, p, next, y, count); break;
  case AK_LSTM:
    lstm_row(
        a, a + width, a + 2 * width, a + 3 * width, p, p + width, p + 2 * width, p + 3 * width, s->cell + k,
        s->next_cell + k, next, y, count);
    break;
  case AK_GRU:
    gru_row(a, a + width, a + 2 * width, p, p + width, p + 2 * width, s->hidden + k, next, y, count);
    if (s->candidate) memcpy(s->candidate + k, p + 2 * width, count * sizeof(float));
    break;
  }
}

static void backward_part(const ak_recurrent_backward_step *s, size_t row, size_t column, size_t count) {
  const size_t gates = gate_count(s->at.kind), width = s->at.width;
  const size_t wide = row * gates * width + column, k = row * width + column;
  float *a = s->gates + wide, *direct = s->direct_gradient + k;
  const float *dy = s->output_gradient + k, *dh = s->hidden_gradient + k;
  float *p = s->at.kind == AK_GRU ? s->product_gradient + wide : 0;
  if (has_ended(&s->at, row)) {
    for (size_t gate = 0; gate < gates; gate++) {
      memset(a + gate * width, 0, count * sizeof(float));
      if (p) memset(p + gate * width, 0, count * sizeof(float));
    }
    add_row(dh, direct, count);
    return;
  }
  switch (s->at.kind) {
  case AK_RNN_TANH: rnn_tanh_backward_row(a, dy, dh, direct, count); break;
  case AK_RNN_RELU: rnn_relu_backward_row(a, dy, dh, direct, count); break;
  case AK_LSTM:
    lstm_backward_row(
        a, a + width, a + 2 * width, a + 3 * width, s->cell + k, s->next_cell + k, dy, dh, direct,
        s->cell_gradient + k, count);
    break;
  case AK_GRU:
    gru_backward_row(
        a, a + width, a + 2 * width, p, p + width, p + 2 * width, s->candidate + k, s->hidden + k, dy, dh, direct,
        count);
    break;
  }
}

/// A range of all elements of a step, cut where rows end.
#define PARTS(name, type, part)                                                                                       \
  static void name(void *context, size_t start, size_t end) {                                                         \
    const type *step = context;                                                                                       \
    const size_t width = step->at.width;                                                                              \
    while (start < end) {                                                                                             \
      const size_t row = start / width, column = start % width;                                                       \
      const size_t count = end - start < width - column ? end - start : width - column;                               \
      part(step, row, column, count);                                                                                 \
      start += count;                                                                                                 \
    }                                                                                                                 \
  }

PARTS(forward_range, ak_recurrent_forward_step, forward_part)
PARTS(backward_range, ak_recurrent_backward_step, backward_part)

void ak_recurrent_forward(const ak_recurrent_forward_step *step) {
  ak_parallel_ranges(step->at.rows * step->at.width, GRAIN, forward_range, (void *)step);
}

void ak_recurrent_backward(const ak_recurrent_backward_step *step) {
  ak_parallel_ranges(step->at.rows * step->at.width, GRAIN, backward_range, (void *)step);
}

void ak_recurrent_sigmoid(const float *x, float *y, size_t count) { sigmoid_row(x, y, count); }

void ak_recurrent_tanh(const float *x, float *y, size_t count) { tanh_row(x, y, count); }

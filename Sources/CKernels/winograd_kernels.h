// The vector kernels of Winograd's F(4×4, 3×3), for one instruction set. Who includes this has included
// winograd_internal.h and defines WIDTH (floats in a vector, and channels in a block), ROWS (rows of a product that
// registers hold) and NAME(x), the names of its functions.
//
// An image tile d of 6×6, a kernel g of 3×3 and their convolution y of 4×4, after A. Lavin and S. Gray, "Fast
// algorithms for convolutional neural networks", arXiv 1509.09308:
//
//     y = Aᵗ [(G g Gᵗ) ⊙ (Bᵗ d B)] A
//
// with polynomials evaluated at 0, ±P, ±Q and infinity. Of all multiples of 1/16, P and Q near these round best: the
// error of random numbers is 1.7 times that of sums one by one, and with the usual 1 and 2 four times.

typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4 * WIDTH)));
typedef float loose_vector __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef int32_t mask __attribute__((vector_size(4 * WIDTH)));
#define INLINE static inline __attribute__((always_inline))
#define UNROLLED _Pragma("clang loop unroll(full)")

INLINE vector load(const float *p) { return *(const loose_vector *)p; }
INLINE void store(float *p, vector v) { *(loose_vector *)p = v; }
INLINE vector all(float x) { return x - (vector){0}; }
INLINE bool is_finite(vector v) {
  const mask odd = v - v != 0;  // not a number in the place of what is not finite
  return __builtin_reduce_or(odd) == 0;
}

#define P 0.625f
#define Q 1.4375f
#define P2 (P * P)
#define Q2 (Q * Q)

/// Bᵗ d
INLINE void input_line(const vector d[6], vector t[6]) {
  t[0] = d[4] - (P2 + Q2) * d[2] + P2 * Q2 * d[0];
  t[5] = d[5] - (P2 + Q2) * d[3] + P2 * Q2 * d[1];
  const vector even_p = d[4] - Q2 * d[2], odd_p = P * (d[3] - Q2 * d[1]);
  const vector even_q = d[4] - P2 * d[2], odd_q = Q * (d[3] - P2 * d[1]);
  t[1] = even_p + odd_p;
  t[2] = even_p - odd_p;
  t[3] = even_q + odd_q;
  t[4] = even_q - odd_q;
}

/// Aᵗ m
INLINE void output_line(const vector m[6], vector y[4]) {
  const vector sum_p = m[1] + m[2], difference_p = m[1] - m[2], sum_q = m[3] + m[4], difference_q = m[3] - m[4];
  y[0] = m[0] + sum_p + sum_q;
  y[1] = P * difference_p + Q * difference_q;
  y[2] = P2 * sum_p + Q2 * sum_q;
  y[3] = P2 * P * difference_p + Q2 * Q * difference_q + m[5];
}

/// A y
INLINE void gradient_line(const vector y[4], vector m[6]) {
  const vector even_p = y[0] + P2 * y[2], odd_p = P * (y[1] + P2 * y[3]);
  const vector even_q = y[0] + Q2 * y[2], odd_q = Q * (y[1] + Q2 * y[3]);
  m[0] = y[0];
  m[1] = even_p + odd_p;
  m[2] = even_p - odd_p;
  m[3] = even_q + odd_q;
  m[4] = even_q - odd_q;
  m[5] = y[3];
}

#define G_ZERO (1.0f / (P2 * Q2))
#define G_P (1.0f / (2 * P2 * (P2 - Q2)))
#define G_Q (1.0f / (2 * Q2 * (Q2 - P2)))

/// G g
INLINE void weight_line(const vector g[3], vector u[6]) {
  const vector even_p = G_P * g[0] + G_P * P2 * g[2], odd_p = G_P * P * g[1];
  const vector even_q = G_Q * g[0] + G_Q * Q2 * g[2], odd_q = G_Q * Q * g[1];
  u[0] = G_ZERO * g[0];
  u[1] = even_p + odd_p;
  u[2] = even_p - odd_p;
  u[3] = even_q + odd_q;
  u[4] = even_q - odd_q;
  u[5] = g[2];
}

/// g of G g
INLINE void plain_line(const vector u[6], vector g[3]) {
  g[0] = u[0] * (P2 * Q2);
  g[1] = (u[1] - u[2]) * (1 / (2 * G_P * P));
  g[2] = u[5];
}

/// Gᵗ u
INLINE void weight_gradient_line(const vector u[6], vector g[3]) {
  const vector sum_p = G_P * (u[1] + u[2]), difference_p = G_P * P * (u[1] - u[2]);
  const vector sum_q = G_Q * (u[3] + u[4]), difference_q = G_Q * Q * (u[3] - u[4]);
  g[0] = G_ZERO * u[0] + sum_p + sum_q;
  g[1] = difference_p + difference_q;
  g[2] = P2 * sum_p + Q2 * sum_q + u[5];
}

static void NAME(input)(const float *x, ptrdiff_t row, winograd_part part, float *v, size_t plane) {
  vector t[6][6];
  if (part.top == 0 && part.left == 0 && part.bottom == 6 && part.right == 6) {
    for (int i = 0; i < 6; i++) {
      vector d[6];
      UNROLLED for (int j = 0; j < 6; j++) d[j] = load(x + i * row + j * WIDTH);
      input_line(d, t[i]);
    }
  } else {
    for (int i = 0; i < 6; i++) {
      const bool inside = i >= part.top && i < part.bottom;
      vector d[6];
      UNROLLED for (int j = 0; j < 6; j++)
        d[j] = inside && j >= part.left && j < part.right ? load(x + i * row + j * WIDTH) : all(0);
      input_line(d, t[i]);
    }
  }
  UNROLLED for (int j = 0; j < 6; j++) {
    const vector d[6] = {t[0][j], t[1][j], t[2][j], t[3][j], t[4][j], t[5][j]};
    vector w[6];
    input_line(d, w);
    UNROLLED for (int i = 0; i < 6; i++) store(v + (size_t)(i * 6 + j) * plane, w[i]);
  }
}

/// Writes a row of results.
INLINE void finish_row(const vector s[4], vector bias, bool add, bool relu, float *y, int columns) {
  UNROLLED for (int j = 0; j < 4; j++) {
    if (j >= columns) break;
    vector result = s[j] + bias;
    if (add) result += load(y + j * WIDTH);
    if (relu) result = (vector)((mask)result & ~(result < 0));  // what is not a number stays
    store(y + j * WIDTH, result);
  }
}

static bool NAME(output)(
    const float *m, size_t plane, const float *bias, bool add, bool relu, float *y, ptrdiff_t row, int rows,
    int columns) {
  vector t[4][6];
  UNROLLED for (int j = 0; j < 6; j++) {
    vector d[6], s[4];
    UNROLLED for (int i = 0; i < 6; i++) d[i] = load(m + (size_t)(i * 6 + j) * plane);
    output_line(d, s);
    UNROLLED for (int i = 0; i < 4; i++) t[i][j] = s[i];
  }
  // Between them, the first and the last line have every product.
  vector sum = t[0][0] + t[3][0];
  UNROLLED for (int j = 1; j < 6; j++) sum += t[0][j] + t[3][j];
  if (!is_finite(sum)) return false;
  const vector b = bias ? load(bias) : all(0);
  for (int i = 0; i < rows; i++) {
    vector s[4];
    output_line(t[i], s);
    finish_row(s, b, add, relu, y + i * row, columns);
  }
  return true;
}

static void NAME(direct)(
    const float *x, ptrdiff_t row, winograd_part part, const float *w, int rows, int columns, float *sums) {
  for (int i = 0; i < rows; i++) {
    vector s[4];
    UNROLLED for (int j = 0; j < 4; j++) s[j] = load(sums + (i * 4 + j) * WIDTH);
    for (int p = 0; p < 3; p++) {
      if (i + p < part.top || i + p >= part.bottom) continue;
      for (int q = 0; q < 3; q++)
        for (int c = 0; c < WIDTH; c++) {
          const vector g = load(w + ((p * 3 + q) * WIDTH + c) * WIDTH);
          for (int j = 0; j < columns; j++)
            if (j + q >= part.left && j + q < part.right) s[j] += x[(i + p) * row + (j + q) * WIDTH + c] * g;
        }
    }
    UNROLLED for (int j = 0; j < 4; j++) store(sums + (i * 4 + j) * WIDTH, s[j]);
  }
}

static void NAME(finish)(
    const float *sums, const float *bias, bool add, bool relu, float *y, ptrdiff_t row, int rows, int columns) {
  const vector b = bias ? load(bias) : all(0);
  for (int i = 0; i < rows; i++) {
    vector s[4];
    UNROLLED for (int j = 0; j < 4; j++) s[j] = load(sums + (i * 4 + j) * WIDTH);
    finish_row(s, b, add, relu, y + i * row, columns);
  }
}

static void NAME(gradient)(
    const float *y, ptrdiff_t row, int rows, int columns, float *v, size_t plane, float *restrict sum) {
  vector t[4][6];
  vector total = load(sum);
  for (int i = 0; i < 4; i++) {
    vector d[4];
    UNROLLED for (int j = 0; j < 4; j++) {
      d[j] = i < rows && j < columns ? load(y + i * row + j * WIDTH) : all(0);
      total += d[j];
    }
    gradient_line(d, t[i]);
  }
  store(sum, total);
  UNROLLED for (int j = 0; j < 6; j++) {
    const vector d[4] = {t[0][j], t[1][j], t[2][j], t[3][j]};
    vector w[6];
    gradient_line(d, w);
    UNROLLED for (int i = 0; i < 6; i++) store(v + (size_t)(i * 6 + j) * plane, w[i]);
  }
}

static void NAME(weights)(const float *w, float *u, size_t plane, size_t step) {
  for (size_t c = 0; c < WIDTH; c++) {
    vector t[3][6];
    UNROLLED for (int i = 0; i < 3; i++) {
      vector g[3];
      UNROLLED for (int j = 0; j < 3; j++) g[j] = load(w + ((size_t)(i * 3 + j) * WIDTH + c) * WIDTH);
      weight_line(g, t[i]);
    }
    UNROLLED for (int j = 0; j < 6; j++) {
      const vector d[3] = {t[0][j], t[1][j], t[2][j]};
      vector s[6];
      weight_line(d, s);
      UNROLLED for (int i = 0; i < 6; i++) store(u + c * step + (size_t)(i * 6 + j) * plane, s[i]);
    }
  }
}

static void NAME(turn)(const float *w, float *turned) {
  for (int i = 0; i < 9; i++)
    for (int c = 0; c < WIDTH; c++)
      for (int o = 0; o < WIDTH; o++)
        turned[((8 - i) * WIDTH + o) * WIDTH + c] = w[(i * WIDTH + c) * WIDTH + o];
}

static void NAME(turned)(const float *w, float *u, size_t plane, size_t step) {
  float turned[9 * WIDTH * WIDTH] __attribute__((aligned(4 * WIDTH)));
  NAME(turn)(w, turned);
  NAME(weights)(turned, u, plane, step);
}

static void NAME(plain)(const float *u, size_t plane, size_t step, float *w) {
  for (size_t c = 0; c < WIDTH; c++) {
    vector t[3][6];
    UNROLLED for (int j = 0; j < 6; j++) {
      vector d[6], g[3];
      UNROLLED for (int i = 0; i < 6; i++) d[i] = load(u + c * step + (size_t)(i * 6 + j) * plane);
      plain_line(d, g);
      UNROLLED for (int i = 0; i < 3; i++) t[i][j] = g[i];
    }
    UNROLLED for (int i = 0; i < 3; i++) {
      vector g[3];
      plain_line(t[i], g);
      UNROLLED for (int j = 0; j < 3; j++) store(w + ((size_t)(i * 3 + j) * WIDTH + c) * WIDTH, g[j]);
    }
  }
}

static bool NAME(weight_gradient)(const float *u, size_t plane, size_t step, float *w, bool add) {
  vector sum = all(0);
  for (size_t c = 0; c < WIDTH; c++) {
    vector t[3][6];
    UNROLLED for (int j = 0; j < 6; j++) {
      vector d[6], g[3];
      UNROLLED for (int i = 0; i < 6; i++) d[i] = load(u + c * step + (size_t)(i * 6 + j) * plane);
      weight_gradient_line(d, g);
      UNROLLED for (int i = 0; i < 3; i++) t[i][j] = g[i];
    }
    UNROLLED for (int i = 0; i < 3; i++) {
      vector g[3];
      weight_gradient_line(t[i], g);
      UNROLLED for (int j = 0; j < 3; j++) {
        float *out = w + ((size_t)(i * 3 + j) * WIDTH + c) * WIDTH;
        const vector result = add ? load(out) + g[j] : g[j];
        sum += result;
        store(out, result);
      }
    }
  }
  return is_finite(sum);
}

static void NAME(direct_gradient)(
    const float *x, ptrdiff_t row, winograd_part part, const float *dy, ptrdiff_t dy_row, int rows, int columns,
    float *w) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const vector d = load(dy + i * dy_row + j * WIDTH);
      for (int p = 0; p < 3; p++)
        for (int q = 0; q < 3; q++) {
          if (i + p < part.top || i + p >= part.bottom || j + q < part.left || j + q >= part.right) continue;
          const float *from = x + (i + p) * row + (j + q) * WIDTH;
          float *out = w + (p * 3 + q) * WIDTH * WIDTH;
          for (int c = 0; c < WIDTH; c++) store(out + c * WIDTH, load(out + c * WIDTH) + from[c] * d);
        }
    }
}

/// rows × (wide × WIDTH) results in registers. The factor of a row and term lies at a[row · a_row + term · a_term].
INLINE void product_rows(
    int rows, int wide, size_t a_row, size_t a_term, const float *a, size_t a_block, const float *b, size_t blocks,
    size_t terms, float *c, size_t c_row, size_t c_column, bool accumulate, const float *ahead) {
  vector s[ROWS][2];
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int w = 0; w < wide; w++) s[r][w] = accumulate ? load(c + r * c_row + w * c_column) : all(0);
  for (size_t block = 0; block < blocks; block++, a += a_block) {
    const float *factor = a;
    _Pragma("clang loop unroll_count(2)")
    for (size_t term = 0; term < terms; term++, b += wide * WIDTH, ahead += wide * WIDTH, factor += a_term) {
      vector v[2];
      UNROLLED for (int w = 0; w < wide; w++) {
        v[w] = load(b + w * WIDTH);
        __builtin_prefetch(ahead + w * WIDTH, 0, 2);
      }
      UNROLLED for (int r = 0; r < rows; r++) {
        const vector x = all(factor[r * a_row]);
        UNROLLED for (int w = 0; w < wide; w++) s[r][w] += x * v[w];
      }
    }
  }
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int w = 0; w < wide; w++) store(c + r * c_row + w * c_column, s[r][w]);
}

#define ROWS_CASE(n)                                                                                                  \
  case n:                                                                                                             \
    if (n > ROWS) break;                                                                                              \
    if (wide == 2)                                                                                                    \
      product_rows(n > ROWS ? 1 : n, 2, WIDTH, 1, a, a_block, b, blocks, WIDTH, c, WIDTH, c_column, false, ahead);    \
    else                                                                                                              \
      product_rows(n > ROWS ? 1 : n, 1, WIDTH, 1, a, a_block, b, blocks, WIDTH, c, WIDTH, c_column, false, ahead);    \
    break;

static void NAME(product)(
    int rows, int wide, const float *a, size_t a_block, const float *b, size_t blocks, float *c, size_t c_column,
    const float *ahead) {
  switch (rows) {
    ROWS_CASE(1)
    ROWS_CASE(2)
    ROWS_CASE(3)
    ROWS_CASE(4)
    ROWS_CASE(5)
    ROWS_CASE(6)
    ROWS_CASE(7)
    ROWS_CASE(8)
    ROWS_CASE(9)
    ROWS_CASE(10)
    ROWS_CASE(11)
    ROWS_CASE(12)
    ROWS_CASE(13)
    ROWS_CASE(14)
  }
}

static void NAME(outer_product)(
    int wide, const float *a, const float *b, size_t terms, float *c, bool accumulate, const float *ahead) {
  for (int half = 0; half < 2; half++, a += WIDTH / 2, c += wide * WIDTH * WIDTH / 2)
    if (wide == 2)
      product_rows(WIDTH / 2, 2, 1, WIDTH, a, 0, b, 1, terms, c, 2 * WIDTH, WIDTH, accumulate, half ? b : ahead);
    else
      product_rows(WIDTH / 2, 1, 1, WIDTH, a, 0, b, 1, terms, c, WIDTH, WIDTH, accumulate, half ? b : ahead);
}

const winograd_kernels NAME(kernels) = {
    WIDTH, ROWS, NAME(input), NAME(output), NAME(gradient), NAME(weights), NAME(turned), NAME(weight_gradient),
    NAME(product), NAME(outer_product), NAME(direct), NAME(finish), NAME(direct_gradient), NAME(turn), NAME(plain),
};

// The horizontal pass of resizing for vectors of some rows, whose pixels lie one after another in them, 16 bytes of each. The
// file that includes it defines ROWS, `vector` and the operations on it, and NAME.
//
// A weight of 23 bits is two of 16, w = 2^11 * high + low, and products of 8 by 16 bits come two and two, with the sum of each
// pair: an instruction multiplies twice as many as one for 32 bits does, in half of the time. All sums are whole numbers, and
// small enough, so that the result is the same to the last bit.

enum { low_bits = 11, tap_group = 4, row_block = 4 * ROWS };

// The weights of two neighbouring taps side by side.
static inline int32_t pair(int32_t first, int32_t second) { return (int32_t)((uint32_t)second << 16 | (uint16_t)first); }

// Row block by row block, so that what a block reads stays in the first cache from one output pixel to the next.
static void NAME(block)(const resize_pass *pass, size_t first) {
  const int32_t low_mask = (1 << low_bits) - 1;
  const size_t in_stride = pass->in_stride, out_width = pass->out_width, out_stride = 3 * out_width, taps = pass->taps;
  const int32_t *restrict starts = pass->starts, *restrict counts = pass->counts, *restrict weights = pass->weights;
  const uint8_t *restrict in = pass->in + first * in_stride;
  uint8_t *restrict out = pass->out + first * out_stride;
  for (size_t x = 0; x < out_width; x++, out += 3, weights += taps) {
    const uint8_t *pixel = in + 3 * (size_t)starts[x];
    const size_t count = (size_t)counts[x];
    vector high[4], low[4];
#pragma clang loop unroll(full)
    for (int v = 0; v < 4; v++) high[v] = low[v] = NAME(repeated)(0);
    for (size_t t = 0; t < count; t += tap_group, pixel += 3 * tap_group) {
      // Those behind the last are zero.
      const int32_t *w = weights + t;
      vector high01 = NAME(repeated)(pair(w[0] >> low_bits, w[1] >> low_bits));
      vector high23 = NAME(repeated)(pair(w[2] >> low_bits, w[3] >> low_bits));
      vector low01 = NAME(repeated)(pair(w[0] & low_mask, w[1] & low_mask));
      vector low23 = NAME(repeated)(pair(w[2] & low_mask, w[3] & low_mask));
#pragma clang loop unroll(full)
      for (int v = 0; v < 4; v++) {
        vector pixels = NAME(gathered)(pixel + (size_t)v * ROWS * in_stride, in_stride);
        vector taps01 = NAME(channel_pairs)(pixels, 0), taps23 = NAME(channel_pairs)(pixels, 1);
        high[v] = NAME(sum)(high[v], NAME(sum)(NAME(products)(taps01, high01), NAME(products)(taps23, high23)));
        low[v] = NAME(sum)(low[v], NAME(sum)(NAME(products)(taps01, low01), NAME(products)(taps23, low23)));
      }
    }
    uint32_t rgb[row_block];
#pragma clang loop unroll(full)
    for (int v = 0; v < 4; v++) NAME(bytes)(high[v], low[v], rgb + v * ROWS);
    if (x + 1 < out_width)
      // The fourth byte is the next pixel's, which comes later.
      for (size_t r = 0; r < row_block; r++) memcpy(out + r * out_stride, &rgb[r], 4);
    else
      for (size_t r = 0; r < row_block; r++) memcpy(out + r * out_stride, &rgb[r], 3);
  }
}

size_t NAME(horizontal)(const resize_pass *pass) {
  // As many rows are left as have the bytes that the last of the others reads too many.
  if (pass->taps % tap_group) return 0;
  size_t left = pass->in_stride > 0 ? 16 / pass->in_stride + 1 : pass->rows;
  if (pass->rows < left + row_block) return 0;
  size_t rows = pass->rows - left;
  for (size_t y = 0; y + row_block <= rows; y += row_block) NAME(block)(pass, y);
  // What does not fill a block is done with some of the block before, once more.
  if (rows % row_block) NAME(block)(pass, rows - row_block);
  return rows;
}

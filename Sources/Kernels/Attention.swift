import AviaryDiagnostics
import CKernels

/// Scaled dot-product attention of a batch of row-major queries [rows, width], keys [columns, width] and values [columns,
/// valueWidth], without the weights [rows, columns] in memory.
package struct Attention: Sendable {
  private let batch: Int
  private let rows: Int
  private let columns: Int
  private let width: Int
  private let valueWidth: Int
  private let scale: Float
  private let causal: Bool
  private let mask: Mask?

  /// What is added to the scaled products, broadcast to [batch, rows, columns]: where the part of each attention begins, and
  /// how far apart the elements of its columns and rows are.
  package struct Mask: Sendable {
    let buffer: Buffer
    let offsets: [Int64]
    let row: Int
    let column: Int

    /// - Parameters:
    ///   - shape: of the mask, row-major.
    ///   - result: [N…, rows, columns], to which the shape broadcasts.
    package init(_ buffer: Buffer, shape: [Int], result: [Int]) {
      let strides = Buffer.strides(of: shape, along: result)
      var offsets: [Int64] = [0]
      for (extent, stride) in zip(result, strides).dropLast(2) {
        offsets = offsets.flatMap { start in (0..<Int64(extent)).map { start + $0 * stride } }
      }
      self.buffer = buffer
      self.offsets = offsets
      (row, column) = (Int(strides[result.count - 2]), Int(strides[result.count - 1]))
    }
  }

  package init(
    batch: Int, rows: Int, columns: Int, width: Int, valueWidth: Int, scale: Float, causal: Bool, mask: Mask?
  ) {
    ensure(mask.map { $0.offsets.count == batch } ?? true, "attention: the mask is not one of \(batch) attentions")
    self.batch = batch
    self.rows = rows
    self.columns = columns
    self.width = width
    self.valueWidth = valueWidth
    self.scale = scale
    self.causal = causal
    self.mask = mask
  }

  /// The result [batch, rows, valueWidth], and for the pullback the logarithms of the sums of exponentials, one a row.
  package func forward(_ query: Buffer, _ key: Buffer, _ value: Buffer) -> (y: Buffer, logSums: Buffer) {
    check(query, key, value)
    let y = Buffer(.plain([batch, rows, valueWidth]))
    let logSums = Buffer(.plain([batch, rows]))
    kernel("attention", y.layout, floats: query.count + key.count + value.count + y.count) {
      unsafe withShape {
        unsafe ak_attention_forward($0, query.floats, key.floats, value.floats, y.floats, logSums.floats)
      }
    }
    return (y, logSums)
  }

  /// The gradients of the operands, of which those that nobody wants are nil.
  ///
  /// - Parameter saved: the results of `forward`.
  package func backward(
    _ gradient: Buffer, query: Buffer, key: Buffer, value: Buffer, saved: (y: Buffer, logSums: Buffer),
    toQuery: Bool, toKeyAndValue: Bool
  ) -> (query: Buffer?, key: Buffer?, value: Buffer?) {
    check(query, key, value)
    ensure(gradient.count == saved.y.count, "attention: the gradient has not the size of the result")
    let dq = toQuery ? Buffer(.plain([batch, rows, width])) : nil
    let dk = toKeyAndValue ? Buffer(.plain([batch, columns, width])) : nil
    let dv = toKeyAndValue ? Buffer(.plain([batch, columns, valueWidth])) : nil
    kernel("attention, gradient", gradient.layout, floats: 2 * (query.count + key.count + value.count) + gradient.count)
    {
      unsafe withShape {
        unsafe ak_attention_backward(
          $0, query.floats, key.floats, value.floats, saved.y.floats, saved.logSums.floats, gradient.floats, dq?.floats,
          dk?.floats, dv?.floats)
      }
    }
    return (dq, dk, dv)
  }

  private func check(_ query: Buffer, _ key: Buffer, _ value: Buffer) {
    ensure(
      query.count == batch * rows * width && key.count == batch * columns * width
        && value.count == batch * columns * valueWidth,
      "attention: \(query.count), \(key.count) and \(value.count) elements do not fill the operands")
  }

  private func withShape(_ body: (UnsafePointer<ak_attention>) -> Void) {
    unsafe (mask?.offsets ?? []).withUnsafeBufferPointer { offsets in
      var shape = unsafe ak_attention(
        batch: batch, rows: rows, columns: columns, width: width, value_width: valueWidth, scale: scale,
        causal: causal ? 1 : 0, mask: mask.map { unsafe UnsafePointer($0.buffer.floats) },
        mask_offsets: offsets.baseAddress,
        mask_row: mask?.row ?? 0, mask_column: mask?.column ?? 0)
      unsafe body(&shape)
    }
  }
}

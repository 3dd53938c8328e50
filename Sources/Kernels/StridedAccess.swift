import AviaryDiagnostics
import CKernels

/// Some elements of a row-major array: those at `start` + Σ index · stride, as an array of `shape`.
package struct StridedPart: Sendable {
  package var start: Int
  package var strides: [Int]
  package var shape: [Int]

  package init(start: Int, strides: [Int], shape: [Int]) {
    self.start = start
    self.strides = strides
    self.shape = shape
  }

  private func check(_ count: Int) {
    ensure(shape.count <= Buffer.mostAxes, "a tensor of \(shape.count) axes; the most are \(Buffer.mostAxes)")
    var (low, high) = (start, start)
    for (size, stride) in zip(shape, strides) {
      if stride < 0 { low += stride * (size - 1) } else { high += stride * (size - 1) }
    }
    ensure(low >= 0 && high < count, "a part from \(low) to \(high) of \(count) elements")
  }

  /// The elements of `x`, row-major.
  package func read(_ x: Buffer) -> Buffer {
    let y = Buffer(.plain(shape))
    if shape.contains(0) { return y }
    check(x.count)
    kernel("rearranging", y.layout, floats: 2 * y.count) {
      unsafe ak_gather(
        x.floats + start, strides.map(Int64.init), y.floats, shape.map(Int64.init), Int32(shape.count))
    }
    return y
  }

  /// Zeros of the shape `whole` with the elements of the row-major `y` in their places, which differ from each other.
  package func write(_ y: Buffer, into whole: [Int]) -> Buffer {
    let x = Buffer.filled(0, shape: whole)
    if shape.contains(0) { return x }
    check(x.count)
    kernel("rearranging", x.layout, floats: x.count + y.count) {
      unsafe ak_scatter(
        y.floats, x.floats + start, strides.map(Int64.init), shape.map(Int64.init), Int32(shape.count))
    }
    return x
  }
}

extension Buffer {
  /// Row-major memory that `body` fills from the elements of another row-major buffer.
  package static func made(
    _ shape: [Int], from x: Buffer, _ body: (Span<Float>, inout MutableSpan<Float>) -> Void
  ) -> Buffer {
    let y = Buffer(.plain(shape))
    if y.count == 0 { return y }
    kernel("elements", y.layout, floats: x.count + y.count) {
      x.reading { x in y.writing { body(x, &$0) } }
    }
    return y
  }

  /// Calls `body` with the elements of a row-major buffer.
  package func reading<Result>(_ body: (Span<Float>) -> Result) -> Result {
    ensure(layout.isPlain, "a buffer is read in a layout that is not row-major")
    return withExtendedLifetime(storage) { body(unsafe Span(_unsafeStart: floats, count: count)) }
  }

  /// Only for memory that nobody else holds.
  private func writing(_ body: (inout MutableSpan<Float>) -> Void) {
    withExtendedLifetime(storage) {
      var span = unsafe MutableSpan(_unsafeStart: floats, count: count)
      body(&span)
    }
  }
}

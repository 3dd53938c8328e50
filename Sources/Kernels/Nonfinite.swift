import AviaryDiagnostics
import CKernels

/// Whether a primitive met something that is not a number since this was last asked: then it may have dropped it. Asked
/// after a fused primitive, on the compute thread.
package func tookInvalid() -> Bool { ak_took_invalid() }

extension Buffer {
  package var isFinite: Bool {
    if layout.isOfBFloat16 { return unsafe ak_is_finite_bfloat16(halves, 2 * count) }
    return unsafe ak_is_finite(floats, count)
  }

  /// Infinity where an element is not a number, else 0.
  func nanMarks() -> Buffer {
    let marks = Buffer(layout)
    unsafe ak_mark_nan(floats, marks.floats, count)
    return marks
  }

  /// The same, but infinity where an element is not a number.
  func infinityForNaN() -> Buffer {
    let y = Buffer(layout)
    unsafe ak_nan_to_infinity(floats, y.floats, count)
    return y
  }

  /// Whether an element is the lowest finite number, which oneDNN's maximum begins with.
  package var hasLowest: Bool {
    if layout.isOfBFloat16 { return unsafe ak_has_lowest_bfloat16(halves, 2 * count) }
    return unsafe ak_has_lowest(floats, count)
  }

  /// 0 where an element is −infinity, else 1.
  func marksAboveInfinity() -> Buffer {
    let marks = Buffer(layout)
    unsafe ak_mark_above(floats, marks.floats, count)
    return marks
  }

  /// Writes −infinity wherever an element is the lowest finite number and the mark, of the same layout, is 0.
  func lowerToInfinity(where marks: Buffer) { unsafe ak_lowest_to_infinity(marks.floats, floats, count) }

  /// Writes NaN to this buffer wherever `other`, of the same layout, is not a number.
  package func restoreNaN(of other: Buffer) { unsafe ak_restore_nan(other.floats, floats, count) }
}

/// How many of some numbers are not finite.
public struct NonfiniteCount: Equatable, Sendable {
  public private(set) var notNumbers = 0
  public private(set) var infinities = 0

  package init() {}

  /// Of floating-point numbers in memory, one after the other at any address.
  ///
  /// - Parameters:
  ///   - bits: the size of a number: 16, 32 or 64.
  ///   - infinity: the bits of +infinity.
  package init(in bytes: RawSpan, bits: Int, infinity: UInt64) {
    ensure([16, 32, 64].contains(bits), "NonfiniteCount: numbers of \(bits) bits")
    let found = unsafe bytes.withUnsafeBytes { memory in
      unsafe ak_count_nonfinite(memory.baseAddress, memory.count / (bits / 8), Int32(bits), infinity)
    }
    notNumbers = found.nan
    infinities = found.infinite
  }

  package mutating func add(_ other: NonfiniteCount) {
    notNumbers += other.notNumbers
    infinities += other.infinities
  }

  public var isEmpty: Bool { notNumbers == 0 && infinities == 0 }
}

import CKernels

/// Whether a primitive met something that is not a number since this was last asked: then it may have dropped it. Asked
/// after a fused primitive, on the compute thread.
package func tookInvalid() -> Bool { ak_took_invalid() }

extension Buffer {
  package var isFinite: Bool { unsafe ak_is_finite(floats, count) }

  /// Infinity where an element is not a number, else 0.
  func nanMarks() -> Buffer {
    let marks = Buffer(layout)
    unsafe ak_mark_nan(floats, marks.floats, count)
    return marks
  }

  /// Writes NaN to this buffer wherever `other`, of the same layout, is not a number.
  package func restoreNaN(of other: Buffer) { unsafe ak_restore_nan(other.floats, floats, count) }
}

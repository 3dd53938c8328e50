import AviaryDiagnostics
import CKernels
import COneDNN

extension Buffer {
  /// The same elements in another layout of the same shape: this buffer where it has that layout already.
  package func reordered(to layout: Layout) -> Buffer {
    if layout == self.layout { return self }
    let result = Buffer(layout)
    reorder(into: result)
    return result
  }

  /// The same elements as floats: where they are rounded in their order or, where they lie in blocks, row-major.
  package var inFloats: Buffer { layout.isOfBFloat16 ? reordered(to: layout.floats) : self }

  /// Writes the elements into a buffer of the same shape.
  package func reorder(into destination: Buffer) {
    if destination.layout == layout {
      copyElements(to: destination)
      return
    }
    var request = ad_request(AD_REORDER)
    request.source = layout.id
    request.destination = destination.layout.id
    unsafe Plan.required(request, "reorder").execute { buffers in
      unsafe buffers.source = address
      unsafe buffers.destination = destination.address
    }
  }

  /// The row-major elements under another shape, without a copy.
  package func reshaped(to shape: [Int]) -> Buffer {
    ensure(layout.isPlain, "only a row-major buffer can be reshaped")
    return Buffer(storage: storage, layout: .plain(shape))
  }

  /// A copy in memory of its own.
  package func copied() -> Buffer {
    let result = Buffer(layout)
    copyElements(to: result)
    return result
  }

  private func copyElements(to other: Buffer) {
    kernel("copy", layout, floats: 2 * count) {
      unsafe other.address.copyMemory(from: address, byteCount: layout.byteCount)
    }
  }

  /// Joins buffers along an axis.
  package static func concatenated(_ parts: [Buffer], axis: Int, shape: [Int]) -> Buffer {
    if let joined = joinedRuns(parts, axis: axis, shape: shape) { return joined }
    var request = ad_request(AD_CONCATENATE)
    request.axis = Int32(axis)
    // A layout of its own for the result where the parts have one; row-major otherwise.
    let precision = parts[0].layout.isOfBFloat16 ? Precision.bfloat16 : .float32
    request.destination = parts.allSatisfy(\.layout.isPlain) ? Layout.plain(shape).id : Layout.any(shape, precision).id
    unsafe withUnsafeMutableBytes(of: &request.parts) { raw in
      let ids = unsafe raw.bindMemory(to: ad_layout.self)
      for (index, part) in parts.enumerated() { unsafe ids[index] = part.layout.id }
    }
    let plan = Plan.required(request, "concatenation")
    let result = Buffer(plan.destination)
    unsafe plan.execute { buffers in
      unsafe withUnsafeMutableBytes(of: &buffers.parts) { raw in
        let addresses = unsafe raw.bindMemory(to: UnsafeMutableRawPointer?.self)
        for (index, part) in parts.enumerated() { unsafe addresses[index] = part.address }
      }
      unsafe buffers.destination = result.address
    }
    return result
  }

  /// The same where the parts lie alike and each is one run of floats in each run of the result: row-major, or in whole
  /// blocks of channels; nil elsewhere.
  private static func joinedRuns(_ parts: [Buffer], axis: Int, shape: [Int]) -> Buffer? {
    if axis == 1, let channels = JoinedChannels(parts, shape: shape) { return channels.joined() }
    return parts.allSatisfy(\.layout.isPlain) ? joinedRuns(parts, axis: axis, into: .plain(shape)) : nil
  }

  /// The same where both lie so.
  static func joinedRuns(_ parts: [Buffer], axis: Int, into layout: Layout) -> Buffer {
    let rows = layout.dimensions.prefix(axis).reduce(1, *)
    let result = Buffer(layout)
    if rows == 0 || result.count == 0 { return result }
    let step = result.count / rows
    kernel("concatenation", layout, floats: 2 * result.count) {
      var start = 0
      for part in parts {
        let run = part.count / rows
        unsafe ak_copy_rows(part.floats, run, result.floats + start, step, rows, run)
        start += run
      }
    }
    return result
  }

  /// The most parts that one concatenation joins.
  package static var mostParts: Int { Int(AD_MAX_PARTS) }
}

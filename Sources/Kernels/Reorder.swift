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

  /// Writes the elements into a buffer of the same shape.
  package func reorder(into destination: Buffer) {
    if destination.layout == layout {
      unsafe destination.address.copyMemory(from: address, byteCount: layout.byteCount)
      return
    }
    var request = ad_request(AD_REORDER)
    request.source = layout.id
    request.destination = destination.layout.id
    Plan.required(request, "reorder").execute { buffers in
      unsafe buffers.source = address
      unsafe buffers.destination = destination.address
    }
  }

  /// The same elements in the same order under another shape, without a copy; nil where they would have to move.
  package func reshaped(to shape: [Int]) -> Buffer? {
    if layout.isPlain { return Buffer(storage: storage, layout: .plain(shape)) }
    let id = unsafe shape.map(Int64.init).withUnsafeBufferPointer {
      unsafe ad_layout_reshaped(layout.id, $0.baseAddress, Int32($0.count))
    }
    _ = id
    return nil
  }

  /// A copy in memory of its own.
  package func copied() -> Buffer {
    let result = Buffer(layout)
    unsafe result.address.copyMemory(from: address, byteCount: layout.byteCount)
    return result
  }

  /// Joins buffers along an axis.
  package static func concatenated(_ parts: [Buffer], axis: Int, shape: [Int]) -> Buffer {
    var request = ad_request(AD_CONCATENATE)
    request.axis = Int32(axis)
    // A layout of its own for the result where the parts have one; row-major otherwise.
    request.destination = parts.allSatisfy(\.layout.isPlain) ? Layout.plain(shape).id : Layout.any(shape).id
    withUnsafeMutableBytes(of: &request.parts) { raw in
      let ids = unsafe raw.bindMemory(to: ad_layout.self)
      for (index, part) in parts.enumerated() { unsafe ids[index] = part.layout.id }
    }
    let plan = Plan.required(request, "concatenation")
    let result = Buffer(plan.destination)
    plan.execute { buffers in
      unsafe withUnsafeMutableBytes(of: &buffers.parts) { raw in
        let addresses = unsafe raw.bindMemory(to: UnsafeMutableRawPointer?.self)
        for (index, part) in parts.enumerated() { unsafe addresses[index] = part.address }
      }
      unsafe buffers.destination = result.address
    }
    return result
  }

  /// The most parts that one concatenation joins.
  package static var mostParts: Int { Int(AD_MAX_PARTS) }
}

import AviaryDiagnostics

extension ByteRegion {
  /// Calls `body` with the bytes as a span of `UInt8`.
  public func withUInt8s<Result, E: Swift.Error>(_ body: (Span<UInt8>) throws(E) -> Result) throws(E) -> Result {
    unsafe try withPointer { (buffer) throws(E) in
      try body(unsafe buffer.bindMemory(to: UInt8.self).span)
    }
  }
}

extension MutableSpan<UInt8> {
  /// Copies `count` bytes of `source` from `start` to this span's `offset`; both must hold them.
  public mutating func copy(_ count: Int, of source: Span<UInt8>, from start: Int, to offset: Int) {
    ensure(
      count >= 0 && start >= 0 && offset >= 0 && start <= source.count && count <= source.count - start
        && offset <= self.count && count <= self.count - offset,
      "copying \(count) bytes from \(start) of \(source.count) to \(offset) of \(self.count)")
    if count == 0 { return }
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
      }
    }
  }
}

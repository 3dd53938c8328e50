import AviaryDiagnostics

/// Bytes that are made whenever they are asked for, and released after use: those of a file that is read in pieces, and
/// of an array that is unpacked.
package final class DeferredBytes: Sendable {
  package let count: Int
  /// The bytes to ask for at once; `nil` where a part costs as much as the whole.
  let pieceSize: Int?
  private let make: @Sendable (Range<Int>) -> ByteRegion

  /// - Parameter make: the bytes in a range, always the same ones.
  package init(count: Int, pieceSize: Int? = nil, make: @escaping @Sendable (Range<Int>) -> ByteRegion) {
    self.count = count
    self.pieceSize = pieceSize
    self.make = make
  }

  func bytes(in range: Range<Int>) -> ByteRegion {
    let bytes = make(range)
    ensure(bytes.count == range.count, "\(bytes.count) bytes were made where \(range.count) were asked for")
    return bytes
  }
}

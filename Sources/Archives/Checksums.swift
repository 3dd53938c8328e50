import CKernels
import CZlib

extension ByteRegion {
  /// CRC-32C (Castagnoli), the checksum of Aviary's own files.
  public func crc32c() -> UInt32 {
    var sum: UInt32 = 0
    forEachPiece { piece in
      unsafe piece.withPointer { sum = unsafe aviary_crc32c(sum, $0.baseAddress, $0.count) }
    }
    return sum
  }

  /// The same as on a processor without carry-less multiplication of wide registers, for tests.
  package func narrowCRC32C() -> UInt32 {
    unsafe withPointer { unsafe aviary_crc32c_narrow(0, $0.baseAddress, $0.count) }
  }

  /// The same by tables alone, for tests.
  package func portableCRC32C() -> UInt32 {
    unsafe withPointer { unsafe aviary_crc32c_portable(0, $0.baseAddress, $0.count) }
  }

  /// CRC-32 (ISO 3309), the checksum of ZIP and gzip.
  public func crc32() -> UInt32 {
    // Without bytes, zlib would return its start value for any sum.
    if count == 0 { return 0 }
    var sum: UInt = 0
    forEachPiece { piece in
      unsafe piece.withPointer { buffer in
        sum = unsafe CZlib.crc32_z(sum, buffer.bindMemory(to: UInt8.self).baseAddress, buffer.count)
      }
    }
    return UInt32(truncatingIfNeeded: sum)
  }
}

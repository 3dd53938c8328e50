import CKernels
import CZlib

extension ByteRegion {
  /// CRC-32C (Castagnoli), the checksum of Aviary's own files.
  public func crc32c() -> UInt32 {
    unsafe withPointer { unsafe aviary_crc32c(0, $0.baseAddress, $0.count) }
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
    unsafe withPointer { buffer in
      UInt32(truncatingIfNeeded: unsafe CZlib.crc32_z(0, buffer.bindMemory(to: UInt8.self).baseAddress, buffer.count))
    }
  }
}

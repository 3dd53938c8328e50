import AviaryArchives
import AviaryTestSupport
import Testing

@Suite struct ChecksumTests {
  @Test func knownValues() {
    #expect(ByteRegion(Array("123456789".utf8)).crc32c() == 0xe306_9283)
    #expect(ByteRegion([UInt8](repeating: 0, count: 32)).crc32c() == 0x8a91_36aa)  // RFC 3720, B.4
    #expect(ByteRegion([UInt8]()).crc32c() == 0)
    #expect(ByteRegion(Array("123456789".utf8)).crc32() == 0xcbf4_3926)
  }

  /// Bit by bit, from the definition.
  private func reference(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82f6_3b78 : 0) }
    }
    return ~crc
  }

  @Test func everyLengthAndStartAgreesWithTheDefinition() throws {
    var generator = TestNumbers(seed: 7)
    let bytes = (0..<60_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let region = ByteRegion(bytes)
    // Lengths around the runs that three streams and wide registers take, at starts of any alignment.
    let lengths = Array(0...40) + [255, 256, 257, 511, 512, 513, 767, 768, 769, 1000, 24_575, 24_576, 24_577, 50_000]
    for length in lengths {
      let start = length % 9
      let part = try #require(region.part(from: start, count: length))
      let expected = reference(bytes[start..<start + length])
      #expect(part.crc32c() == expected, "\(length) bytes from \(start)")
      #expect(part.narrowCRC32C() == expected, "\(length) bytes from \(start), by the instruction")
      #expect(part.portableCRC32C() == expected, "\(length) bytes from \(start), by tables")
    }
  }
}

import AviaryArchives

/// Converts stored numbers to the form that `HDF5Reader.bytes(of:)` returns, in one pass.
enum NumberConversion {
  static func converted(_ stored: ByteRegion, _ object: DatasetObject) throws(Flaw) -> ByteRegion {
    let source = object.datatype.size
    let target = object.type.size ?? 0
    let count = stored.count / source
    switch object.datatype {
    case .fixedPoint(let number) where number.isFull && number.size == target: return swapped(stored, size: target)
    case .floatingPoint(let number) where number.isIEEE || number.isBFloat16: return swapped(stored, size: target)
    case .fixedPoint(let number):
      return mapped(stored, source, target, count) { bytes in
        switch ElementDecoder.integer(bytes, number) {
        case .integer(let value): UInt64(bitPattern: value)
        case .unsigned(let value): value
        default: 0
        }
      }
    case .floatingPoint(let number):
      let conversion = FloatingPointConversion(number)
      return mapped(stored, source, target, count) { bytes in
        let value = conversion.double(bytes)
        return target == 4 ? UInt64(Float(value).bitPattern) : value.bitPattern
      }
    default: throw .unsupported("an array of \(object.type)")
    }
  }

  /// The bytes of every number in the opposite order.
  private static func swapped(_ stored: ByteRegion, size: Int) -> ByteRegion {
    switch size {
    case 2: swapped(stored, UInt16.self)
    case 4: swapped(stored, UInt32.self)
    case 8: swapped(stored, UInt64.self)
    default: stored
    }
  }

  private static func swapped<Number: FixedWidthInteger & BitwiseCopyable>(
    _ stored: ByteRegion, _ type: Number.Type
  ) -> ByteRegion {
    ByteRegion(count: stored.count) { (target: inout MutableRawSpan) in
      stored.withValues(of: type) { numbers in
        for index in 0..<numbers.count {
          target.storeBytes(
            of: numbers[index].byteSwapped, toByteOffset: index * MemoryLayout<Number>.size, as: type)
        }
      }
    }
  }

  private static func mapped(
    _ stored: ByteRegion, _ source: Int, _ target: Int, _ count: Int, _ convert: (ArraySlice<UInt8>) -> UInt64
  ) -> ByteRegion {
    ByteRegion(zeroed: count * target) { span in
      // In pieces, to avoid a second copy of all bytes.
      let piece = max(1, 65_536 / source)
      for first in stride(from: 0, to: count, by: piece) {
        let number = min(piece, count - first)
        guard let bytes = stored.part(from: first * source, count: number * source)?.array() else { return }
        for index in 0..<number {
          var value = convert(bytes[index * source..<(index + 1) * source])
          for byte in 0..<target {
            span[(first + index) * target + byte] = UInt8(truncatingIfNeeded: value)
            value >>= 8
          }
        }
      }
    }
  }
}

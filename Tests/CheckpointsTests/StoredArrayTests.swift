import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import Foundation
import Testing

@Suite struct StoredArrayTests {
  /// The definition, in Double.
  private func value(ofHalf bits: UInt16) -> Double {
    let sign = bits & 0x8000 == 0 ? 1.0 : -1.0
    let exponent = Int(bits >> 10) & 31
    let mantissa = Double(bits & 0x3ff)
    switch exponent {
    case 0: return sign * mantissa * 0x1p-24
    case 31: return mantissa == 0 ? sign * .infinity : .nan
    default: return sign * (1 + mantissa / 1024) * Double(sign: .plus, exponent: exponent - 15, significand: 1)
    }
  }

  @Test func everyHalfIsReadExactlyAndComesBack() throws {
    let bits = (0...UInt16.max).map { $0 }
    let halves = try #require(StoredArray(dtype: .float16, shape: [65_536], bytes: ByteRegion(littleEndian: bits)))
    let floats = try #require(halves.floats())
    for (bits, float) in zip(bits, floats) {
      let expected = value(ofHalf: bits)
      if expected.isNaN {
        #expect(float.isNaN)
      } else {
        #expect(Double(float) == expected, "\(bits)")
        let isNegative = bits & 0x8000 != 0
        #expect((float.sign == .minus) == isNegative, "\(bits)")
      }
    }
    let back = StoredArray(floats, shape: [65_536]).cast(to: .float16).bytes.mapValues(of: UInt16.self) { $0 }
    for (before, after) in zip(bits, back) where !value(ofHalf: before).isNaN { #expect(before == after) }
  }

  @Test func roundingIsToNearestTiesToEven() throws {
    // Between every two neighbouring halves: the middle goes to the even one, a step beside it to the nearer.
    var values: [Float] = []
    var expected: [UInt16] = []
    for bits in stride(from: UInt16(0), to: 0x7bff, by: 7) {
      let middle = Float((value(ofHalf: bits) + value(ofHalf: bits + 1)) / 2)
      values += [middle, middle.nextDown, middle.nextUp]
      expected += [bits.isMultiple(of: 2) ? bits : bits + 1, bits, bits + 1]
    }
    values += [65_519, 65_520, 1e30, -1e30]
    expected += [0x7bff, 0x7c00, 0x7c00, 0xfc00]
    let halves = StoredArray(values, shape: [values.count]).cast(to: .float16)
    #expect(halves.bytes.mapValues(of: UInt16.self) { $0 } == expected)

    let cases: [(UInt32, UInt16)] = [
      (0x3f80_8000, 0x3f80), (0x3f81_8000, 0x3f82), (0x3f80_8001, 0x3f81), (0x3f80_7fff, 0x3f80),
      (0x7f7f_ffff, 0x7f80), (0xff80_0000, 0xff80), (0x8000_0000, 0x8000),
    ]
    let floats = StoredArray(cases.map { Float(bitPattern: $0.0) }, shape: [cases.count])
    #expect(floats.cast(to: .bfloat16).bytes.mapValues(of: UInt16.self) { $0 } == cases.map(\.1))
    let nan = StoredArray([Float(bitPattern: 0x7f80_0001)], shape: []).cast(to: .bfloat16)
    #expect(nan.floats()?[0].isNaN == true)
  }

  /// A tensor of a mapped file is the file's own memory, and an update makes memory of its own.
  @Test func tensorsShareAMappedFilesMemory() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-shared-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.path + "/numbers.h5"
    var checkpoint = Checkpoint()
    let values = (0..<4096).map { Float($0) }
    checkpoint.set(StoredArray(values, shape: [64, 64]), at: "weight")
    try checkpoint.write(to: path)
    let before = try Data(contentsOf: URL(filePath: path))
    let array = try #require(try Checkpoint.read(from: path)["weight"])
    let address = try #require(array.bytes.pinned).address
    #expect(address % 64 == 0)
    let parameter = Parameter(shape: [64, 64], initializer: .zeros)
    parameter.assign(try #require(array.tensor()))
    #expect(parameter.tensor.isSharing(address))
    // Not even the optimizer, which changes memory that it holds alone, writes to the file's.
    inference {
      parameter.filled.updateBySGD(
        gradient: Tensor(ones: [64, 64]), momentum: nil, learningRate: 1, weightDecay: 0, factor: 0, nesterov: false)
    }
    #expect(parameter.tensor.scalars == values.map { $0 - 1 } && !parameter.tensor.isSharing(address))
    #expect(array.floats() == values)
    #expect(try Data(contentsOf: URL(filePath: path)) == before)
    // A region that begins anywhere is copied.
    let part = try #require(array.bytes.part(4..<44))
    let odd = StoredArray(dtype: .float32, shape: [10], bytes: part)?.tensor()
    #expect(odd?.scalars == (1...10).map { Float($0) })
  }

  @Test func integersStayExact() throws {
    let values: [Int64] = [(1 << 60) + 1, -3]
    let large = StoredArray(values, shape: [2])
    #expect(large.integers() == values)
    #expect(large.cast(to: .float16).dtype == .int64)
    #expect(StoredArray([1.5] as [Float], shape: []).integers() == nil)
    let unsigned = try #require(StoredArray(dtype: .uint64, shape: [1], bytes: ByteRegion(littleEndian: [UInt64.max])))
    #expect(unsigned.integers() == nil)
  }

  @Test func shapesMustFitTheBytes() {
    let bytes = ByteRegion([UInt8](repeating: 0, count: 8))
    #expect(StoredArray(dtype: .float32, shape: [2], bytes: bytes) != nil)
    #expect(StoredArray(dtype: .float32, shape: [3], bytes: bytes) == nil)
    #expect(StoredArray(dtype: .float32, shape: [-2, -1], bytes: bytes) == nil)
    #expect(StoredArray(dtype: .float32, shape: [.max, .max], bytes: bytes) == nil)
  }

  @Test func axesArePermutedAndFlipped() {
    let array = StoredArray((0..<6).map { Float($0) }, shape: [2, 3])
    #expect(array.permuted([1, 0]).floats() == [0, 3, 1, 4, 2, 5])
    #expect(array.permuted([1, 0]).shape == [3, 2])
    #expect(array.permuted([0, 1], flipping: [0]).floats() == [3, 4, 5, 0, 1, 2])
    #expect(array.permuted([1, 0], flipping: [1]).floats() == [2, 5, 1, 4, 0, 3])
    #expect(StoredArray([7] as [Float], shape: []).permuted([]).floats() == [7])
  }

  @Test func floatsAreHandedOutInPlace() {
    let sum = StoredArray([1, 2, 3] as [Float], shape: [3]).withFloats { span in
      span.indices.reduce(Float(0)) { $0 + span[$1] }
    }
    #expect(sum == 6)
  }

  @Test(arguments: Dtype.allCases) func whatIsNotFiniteIsCounted(dtype: Dtype) throws {
    // Enough for several blocks, at an address that is no multiple of the element's size.
    var values = [Float](repeating: 0.5, count: 9000)
    for (place, odd) in [(0, Float.nan), (4095, .infinity), (4096, -.infinity), (8999, -.nan)] { values[place] = odd }
    let floats = StoredArray(values, shape: [9000])
    switch dtype {
    case .float64, .float32, .float16, .bfloat16:
      let array = floats.cast(to: dtype)
      #expect(array.nonfinite.notNumbers == 2 && array.nonfinite.infinities == 2)
      let bytes: [UInt8] = [7] + array.bytes.mapValues(of: UInt8.self) { $0 }
      let region = try #require(ByteRegion(bytes).part(1..<bytes.count))
      let odd = try #require(StoredArray(dtype: dtype, shape: [9000], bytes: region))
      #expect(odd.nonfinite == array.nonfinite)
      #expect(StoredArray([Float](repeating: 3e4, count: 9000), shape: [9000]).cast(to: dtype).nonfinite.isEmpty)
    case .complex64:
      let pairs = try #require(StoredArray(dtype: dtype, shape: [4500], bytes: floats.bytes))
      #expect(pairs.nonfinite == floats.nonfinite)
    case .float8E5M2:
      // 0x7c is infinity, 0x7f NaN, 0x7b the largest number.
      let bytes = ByteRegion([0x7c, 0xfc, 0x7f, 0x7b, 0x00] as [UInt8])
      let eights = try #require(StoredArray(dtype: dtype, shape: [5], bytes: bytes))
      #expect(eights.nonfinite.notNumbers == 1 && eights.nonfinite.infinities == 2)
    case .complex128, .complex32, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0FNU: break
    default:
      let bytes = ByteRegion([UInt8](repeating: 255, count: 16))
      let integers = try #require(StoredArray(dtype: dtype, shape: [16 / dtype.size], bytes: bytes))
      #expect(integers.nonfinite.isEmpty)
    }
  }
}

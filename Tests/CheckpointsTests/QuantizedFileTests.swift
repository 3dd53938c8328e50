import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import AviaryTensors
import Foundation
import Testing

@testable import AviaryCheckpoints

/// Quantized weights in files, their own and strangers'.
@Suite struct QuantizedFileTests {
  private static let quantization = Quantization(scales: [0.5, 0.25], inputScale: 0.1, inputIsSigned: false)

  private func example() throws -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.set(
      try #require(StoredArray(quantized: [1, -2, 127, -127, 0, 4], shape: [2, 3], Self.quantization)), at: "fc.weight")
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: "fc.bias")
    return checkpoint
  }

  @Test func integersStandForNumbers() throws {
    let array = try #require(try example()["fc.weight"])
    let numbers: [Float] = [0.5, -1, 63.5, -31.75, 0, 1]
    #expect(array.floats() == numbers && array.doubles() == numbers.map(Double.init) && array.integers() == nil)
    #expect(array.dequantized().dtype == .float32 && array.dequantized().floats() == numbers)
    #expect(array.tensor()?.scalars == numbers && array.tensor()?.quantization == Self.quantization)
    #expect(array.cast(to: .float16).floats() == numbers)
    #expect(array.permuted([1, 0]).floats() == [0.5, -31.75, -1, 0, 63.5, 1])
    #expect(array.blocks(2)?.map { $0.floats() } == [[0.5, -1, 63.5], [-31.75, 0, 1]])
    #expect(StoredArray(quantized: [1, 2], shape: [1, 2], Self.quantization) == nil, "two scales for one channel")
  }

  @Test func aFileComesBack() throws {
    try Fixtures.inFolder { folder in
      try example().write(to: folder + "/a.h5")
      let read = try Checkpoint.read(from: folder + "/a.h5")
      #expect(read["fc.weight"]?.quantization == Self.quantization)
      #expect(read["fc.weight"]?.bytes.array() == (try example())["fc.weight"]?.bytes.array())
      #expect(CheckpointDifference(read, try example()).isEmpty)
      for name in ["b.safetensors", "b.pth", "b.npz"] {
        try read.write(to: folder + "/" + name)
        let other = try Checkpoint.read(from: folder + "/" + name)
        #expect(other["fc.weight"]?.dtype == .float32)
        #expect(CheckpointDifference(read, other).isEmpty, "\(name)")
      }
    }
  }

  @Test func otherScalesAreADifference() throws {
    var other = try example()
    let halved = Quantization(scales: [0.5, 0.125], inputScale: 0.1, inputIsSigned: false)
    other.set(try #require(StoredArray(quantized: [1, -2, 127, -127, 0, 4], shape: [2, 3], halved)), at: "fc.weight")
    #expect(CheckpointDifference(try example(), other).otherValues == [.init(path: "fc.weight", largest: 15.875)])
  }

  @Test func averagesAreRefused() throws {
    #expect(throws: CheckpointFault.self) {
      try Checkpoint.average([(file: "a", checkpoint: example()), (file: "b", checkpoint: example())])
    }
  }

  /// Attributes come from strangers.
  @Test(arguments: [
    ("scale", HDF5Value.floats([0.5])), ("scale", .floats([0.5, 0.25, 1])), ("scale", .floats([0.5, 0])),
    ("scale", .floats([0.5, -1])), ("scale", .floats([0.5, .nan])), ("scale", .floats([.infinity, 1])),
    ("scale", .reals([1e300, 1])), ("scale", .floats([.leastNonzeroMagnitude, 1])), ("scale", .text("0.5")),
    ("scale", .integers([1, 2])),
    ("scale", .real(1)), ("input_scale", .real(0)), ("input_scale", .real(.nan)), ("input_scale", .real(-1)),
    ("input_scale", .real(1e200)), ("input_scale", .text("1")), ("input_scale", .reals([1, 2])),
    ("input_dtype", .text("float32")), ("input_dtype", .real(1)), ("input_scale", nil), ("input_dtype", nil),
  ])
  func strangersScalesAreFaults(_ name: String, _ value: HDF5Value?) throws {
    try Fixtures.inFolder { folder in
      var attributes = AviaryFile.attributes(Self.quantization).filter { $0.name != name }
      if let value { attributes.append(HDF5Attribute(name, value)) }
      let path = folder + "/x.h5"
      try HDF5Writer.write(
        [
          HDF5Item(
            path: "",
            attributes: [HDF5Attribute("format", .text("aviary")), HDF5Attribute("format_version", .integer(1))]),
          HDF5Item(
            path: "model/fc/weight", attributes: attributes,
            content: .dataset(
              type: .integer(bytes: 1, signed: true), shape: [2, 3], bytes: ByteRegion([1, 2, 3, 4, 5, 6]))),
        ], to: path)
      do {
        _ = try Checkpoint.read(from: path)
        Issue.record("\(name) = \(String(describing: value)) was taken")
      } catch CheckpointFault.badTensor(_, let tensor, _) {
        #expect(tensor == "fc.weight")
      }
    }
  }

  /// Integers without a scale are plain integers, as they always were.
  @Test func plainIntegersStayPlain() throws {
    try Fixtures.inFolder { folder in
      var checkpoint = Checkpoint()
      checkpoint.set(try #require(StoredArray(dtype: .int8, shape: [2], bytes: ByteRegion([1, 255]))), at: "a.b")
      try checkpoint.write(to: folder + "/x.h5")
      let read = try Checkpoint.read(from: folder + "/x.h5")
      #expect(read["a.b"]?.quantization == nil && read["a.b"]?.integers() == [1, -1])
    }
  }
}

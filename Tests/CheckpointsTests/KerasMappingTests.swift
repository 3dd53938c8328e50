import AviaryArchives
import AviaryCheckpoints
import AviaryModels
import Testing

@Suite struct KerasMappingTests {
  private static let cells: [CellDescription] = [
    .init(path: "conv.weight", shape: [5, 4, 3, 2], role: .parameter),
    .init(path: "conv.bias", shape: [5], role: .parameter),
    .init(path: "bn.weight", shape: [5], role: .parameter), .init(path: "bn.bias", shape: [5], role: .parameter),
    .init(path: "bn.running_mean", shape: [5], role: .buffer), .init(path: "bn.running_var", shape: [5], role: .buffer),
    .init(path: "bn.num_batches_tracked", shape: [], role: .counter),
    .init(path: "fc.weight", shape: [3, 5], role: .parameter), .init(path: "fc.bias", shape: [3], role: .parameter),
  ]

  @Test func layersBecomeCells() throws {
    let file = try Checkpoint.read(from: Fixtures.path("keras2.h5"))
    let (mapped, report) = try file.mapped(
      onto: Self.cells, headPath: "fc", by: KerasMapping(layerNames: ["out/dense": "fc"]), path: "keras2.h5")
    #expect(!report.headAbsent)
    #expect(report.missingCounters == ["bn.num_batches_tracked"])
    let ofWeight = report.conversions.filter { $0.path == "fc.weight" }
    #expect(
      ofWeight == [
        .renamed(path: "fc.weight", from: "out/dense/out/dense/kernel:0"),
        .rearranged(path: "fc.weight", from: [5, 3]),
      ])
    #expect(report.conversions.contains(.rearranged(path: "conv.weight", from: [3, 2, 4, 5])))
    #expect(report.conversions.filter { $0.path == "bn.bias" }.count == 1, "renamed, and nothing else")
    #expect(report.description.contains("8 renamed\n2 rearranged"))
    #expect(mapped.paths == Self.cells.map(\.path).filter { $0 != "bn.num_batches_tracked" })
    let kernel = try #require(file["conv/conv/kernel:0"]?.floats())
    let weight = try #require(mapped["conv.weight"]?.floats())
    for (y, x, i, o) in product(3, 2, 4, 5) {
      let here = weight[((o * 4 + i) * 3 + y) * 2 + x]
      let there = kernel[((y * 2 + x) * 4 + i) * 5 + o]
      #expect(here == there)
    }
    let dense = try #require(file["out/dense/out/dense/kernel:0"]?.floats())
    let transposed: [Float] = (0..<15).map { index in dense[index % 5 * 3 + index / 5] }
    #expect(mapped["fc.weight"]?.floats() == transposed)
    #expect(mapped["bn.running_var"]?.floats() == file["bn/bn/moving_variance:0"]?.floats())
    #expect(mapped["bn.bias"]?.floats() == file["bn/bn/beta:0"]?.floats())

    let flipped = try file.mapped(
      onto: Self.cells, headPath: "fc",
      by: KerasMapping(renames: [RenamingRule("^out/dense$=fc")], flipKernels: true), path: "keras2.h5"
    ).checkpoint
    let turned = try #require(flipped["conv.weight"]?.floats())
    for (y, x, i, o) in product(3, 2, 4, 5) {
      let here = turned[((o * 4 + i) * 3 + 2 - y) * 2 + 1 - x]
      let there = weight[((o * 4 + i) * 3 + y) * 2 + x]
      #expect(here == there)
    }
  }

  private func product(_ a: Int, _ b: Int, _ c: Int, _ d: Int) -> [(Int, Int, Int, Int)] {
    (0..<a * b * c * d).map { ($0 / (b * c * d), $0 / (c * d) % b, $0 / d % c, $0 % d) }
  }

  @Test func wrongNamesAreAnError() throws {
    let file = try Checkpoint.read(from: Fixtures.path("keras2.h5"))
    #expect(throws: CheckpointFault.self) {
      try file.mapped(onto: Self.cells, headPath: nil, by: KerasMapping(), path: "keras2.h5")
    }
    #expect(throws: CheckpointFault.self) {
      try file.mapped(
        onto: Self.cells, headPath: "fc", by: KerasMapping(layerNames: ["out/dense": "fc", "conv": "bn"]),
        path: "keras2.h5")
    }
  }

  /// SqueezeNet 1.1 as torchvision names it.
  private static let squeezeNet: [CellDescription] = {
    var cells: [CellDescription] = []
    func convolution(_ path: String, _ out: Int, _ channels: Int, _ side: Int) {
      cells.append(.init(path: path + ".weight", shape: [out, channels, side, side], role: .parameter))
      cells.append(.init(path: path + ".bias", shape: [out], role: .parameter))
    }
    convolution("features.0", 64, 3, 3)
    let fires = [
      (3, 64, 16, 64), (4, 128, 16, 64), (6, 128, 32, 128), (7, 256, 32, 128), (9, 256, 48, 192), (10, 384, 48, 192),
      (11, 384, 64, 256), (12, 512, 64, 256),
    ]
    for (place, channels, squeeze, expand) in fires {
      convolution("features.\(place).squeeze", squeeze, channels, 1)
      convolution("features.\(place).expand1x1", expand, squeeze, 1)
      convolution("features.\(place).expand3x3", expand, squeeze, 3)
    }
    convolution("classifier.1", 1000, 512, 1)
    return cells
  }()

  @Test(.enabled(if: Fixtures.hasShared, Fixtures.noShared)) func squeezeNetConverts() throws {
    let path = Fixtures.shared + "keras-h5/squeezenet1_1_imagenet_notop_tf.h5"
    let file = try Checkpoint.read(from: path)
    let mapping = KerasMapping(
      layerNames: try Registry.zoo.architecture(named: "squeezenet1_1").keras?.paths ?? [:])
    let (mapped, report) = try file.mapped(
      onto: Self.squeezeNet, headPath: "classifier", by: mapping, path: path)
    #expect(report.headAbsent)
    #expect(mapped.metadata.headAbsent)
    #expect(mapped.entries.map(\.array.count).reduce(0, +) == 722_496)
    #expect(mapped.entries.count == 50)
    // Against the arrays as NumPy transposes them.
    let expected = try #require(Fixtures.table("shared.json")["squeezenet1_1 as torchvision names it"])
    Fixtures.check(mapped, expected, "squeezenet1_1")

    try Fixtures.inFolder { folder in
      try mapped.write(to: folder + "/x.h5")
      let again = try Checkpoint.read(from: folder + "/x.h5")
      #expect(again.metadata.headAbsent)
      #expect(CheckpointDifference(mapped, again).isEmpty)
      #expect(again.paths == mapped.paths)
    }
  }
}

import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers
@testable import AviaryModels

/// What is seen inside of networks: maps of layers, the parts of pictures that places depend on, and what layers cost.
@Suite struct FeatureMapTests {
  @Test func mapsEqualPyTorchs() throws {
    let golden = try Goldens("maps-xai", of: "ModelsTests")
    let model = XAINet(.init(dropout: [0, 0, 0], divisor: 16, classes: 5))
    let x = try NetworkGoldens.filling(model, for: golden)
    let paths = ["features.0", "features.20", "features.40"]
    let (_, outputs) = observing(paths, of: model) { model(x) }
    for path in paths {
      let map = try golden.array("map/\(path)")
      let output = try #require(outputs[path])
      #expect(output.shape == map.shape)
      expectClose(actual: output.scalars, expected: map.values, relativeL2: 1e-5, name: path)
    }
  }

  private func trace(_ model: some Classifier, side: Int, of path: String) throws -> (Trace, Int) {
    model.initialize(seed: 1)
    let x = Tensor(zeros: [1, 3, side, side])
    let (outputs, trace) = tracing(x) { observing([path], of: model) { model(x) }.outputs }
    return (trace, try #require(outputs[path].flatMap { trace.place(of: $0) }))
  }

  /// The sizes that are published for ResNet-18 (Araujo et al., "Computing Receptive Fields of Convolutional Neural
  /// Networks", 2019), which widths do not change.
  @Test(arguments: [
    ("conv1", 7), ("maxpool", 11), ("layer1.1", 43), ("layer2.1", 99), ("layer3.1", 211), ("layer4.1", 435),
  ])
  func receptiveFieldsAreThePapers(path: String, size: Int) throws {
    let model = ResNet(.init(block: .basic, blocks: [2, 2, 2, 2], widths: [4, 4, 4, 4], classes: 2))
    let (trace, place) = try trace(model, side: 64, of: path)
    let region = try #require(trace.receptiveField(of: .init(rows: 1...1, columns: 0...0), at: place))
    #expect(region.rows.count == size && region.columns.count == size)
    // The next row sees as much, further down.
    let next = try #require(trace.receptiveField(of: .init(rows: 2...2, columns: 0...0), at: place))
    #expect(next.rows.lowerBound > region.rows.lowerBound && next.rows.count == size)
  }

  /// What changes outside of a receptive field changes nothing; what changes at its corners does.
  @Test func nothingOutsideOfAReceptiveFieldMatters() throws {
    let model = SqueezeNet(.toy)
    let (trace, place) = try trace(model, side: 65, of: "features.4")
    let at = (row: 3, column: 4)
    let region = try #require(
      trace.receptiveField(of: .init(rows: at.row...at.row, columns: at.column...at.column), at: place))
    #expect(region.rows.lowerBound > 0 && region.rows.upperBound < 64 && region.rows.count > 5)
    var numbers = TestNumbers(seed: 1)
    let image = Tensor(numbers.floats(3 * 65 * 65), shape: [1, 3, 65, 65])
    let (_, gradients, known) = valueWithGradients(of: [], mode: .inference) { () -> (Tensor, Tensor) in
      let x = watched(image)
      let output = observing(["features.4"], of: model) { model(x) }.outputs["features.4"] ?? x
      let one = output.slice(axis: 2, from: at.row, to: at.row + 1).slice(axis: 3, from: at.column, to: at.column + 1)
      return (one.sum(), x)
    }
    let dx = try #require(gradients[known]).scalars
    for place in dx.indices where dx[place] != 0 {
      #expect(region.rows.contains(place / 65 % 65) && region.columns.contains(place % 65))
    }
    #expect(dx.contains { $0 != 0 })
  }

  @Test func whatLooksEverywhereSeesTheWholePicture() throws {
    let model = VisionTransformer(.toy)
    let size = model.configuration.imageSize
    model.initialize(seed: 1)
    let x = Tensor(zeros: [1, 3, size, size])
    let (logits, trace) = tracing(x) { model(x) }
    let place = try #require(trace.place(of: logits))
    let region = try #require(trace.receptiveField(of: .init(rows: 0...0, columns: 0...0), at: place))
    #expect(region == .init(rows: 0...size - 1, columns: 0...size - 1))
    let unrelated = tracing(x) { Tensor(zeros: [1, 1, 2, 2]) + 1 }
    #expect(
      unrelated.trace.receptiveField(
        of: .init(rows: 0...0, columns: 0...0), at: unrelated.trace.place(of: unrelated.result) ?? -1) == nil)
  }

  /// torchvision's documentation has 1.81 billion for ResNet-18 at 224×224.
  @Test func multiplyAddsAreThePublished() throws {
    func cost(_ model: some Classifier, side: Int) -> Int {
      model.initialize(seed: 1)
      let x = Tensor(zeros: [1, 3, side, side])
      let (_, trace) = tracing(x) { model(x) }
      return trace.nodes.reduce(0) { $0 + trace.multiplyAdds(of: $1) }
    }
    // 64 pixels become 2 where 224 become 7; the head does not change: 512 × 1000.
    let small = cost(ResNet(.resnet18), side: 64)
    let whole: Double = Double(small - 512_000) * 12.25 + 512_000
    #expect(whole > 1.812e9 && whole < 1.816e9)
  }
}

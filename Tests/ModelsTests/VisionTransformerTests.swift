import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// What transformers for images do beside what every network does.
@Suite struct VisionTransformerTests {
  private static func model(_ name: String) throws -> any Classifier {
    try #require(ZooCase.all.first { $0.name == name }).model()
  }

  /// torchvision's files before 0.14, which are still published, have other names for the maps.
  @Test func olderNamesOfVisionTransformersAreRead() throws {
    let model = try Self.model("vit_b_16")
    var file = Checkpoint()
    var renamed = 0
    for entry in model.checkpoint().entries {
      let older = entry.path.replacingOccurrences(of: ".mlp.0.", with: ".mlp.linear_1.")
        .replacingOccurrences(of: ".mlp.3.", with: ".mlp.linear_2.")
      renamed += older == entry.path ? 0 : 1
      file.set(entry.array, at: older)
    }
    #expect(renamed == 8)
    let adapted = try file.adapted(
      to: Registry.zoo.architecture(named: "vit_b_16"), by: Adaptation(changing: [.init(name: "heads", value: "2")]),
      path: "f.pth"
    ).checkpoint
    let again = try Registry.zoo.classifier(from: adapted, path: "f.pth").model
    let x = try #require(ZooCase.all.first { $0.name == "vit_b_16" }).images()
    func outputs(_ model: some Classifier) -> [Float] { inference { model(x).scalars } }
    #expect(outputs(again) == outputs(model))
  }

  /// Tables of positions are whole numbers in every format, and other tables are of other windows.
  @Test(arguments: ["swin_t", "swin_v2_t", "maxvit_t"], ["h5", "safetensors", "pth"])
  func tablesOfPositionsRoundTrip(name: String, format: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tables-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("model.\(format)").path
    let model = try Self.model(name)
    let stored = model.checkpoint(architecture: name)
    try stored.write(to: path)
    let read = try Checkpoint.read(from: path)
    let tables = stored.paths.filter { $0.hasSuffix("relative_position_index") }
    #expect(!tables.isEmpty)
    for table in tables {
      #expect(read[table]?.dtype == .int64)
      #expect(read[table]?.integers() == stored[table]?.integers())
    }
    _ = try Registry.zoo.classifier(from: read, path: path)
    var other = read
    let values = try #require(read[tables[0]]?.integers())
    other.set(StoredArray(values.map { $0 + 1 }, shape: try #require(read[tables[0]]?.shape)), at: tables[0])
    #expect(throws: CheckpointFault.otherIndices(path: path, tensor: tables[0])) {
      try Registry.zoo.classifier(from: other, path: path)
    }
    other.set(StoredArray(values.map { Float($0) }, shape: try #require(read[tables[0]]?.shape)), at: tables[0])
    #expect(throws: CheckpointFault.self) { try Registry.zoo.classifier(from: other, path: path) }
  }

  /// A window that covers the map is not shifted, and one that does not sees across its edges only what lies side by side.
  @Test func shiftedWindowsSeeTheirNeighbours() {
    let layer = WindowAttention(4, heads: 2, window: 4, shift: 2)
    layer.initialize(seed: 1)
    var numbers = TestNumbers(seed: 2)
    func image(_ side: Int) -> Tensor { Tensor(numbers.floats(side * side * 4), shape: [1, side, side, 4]) }
    let small = image(4)
    let plain = WindowAttention(4, heads: 2, window: 4)
    plain.assign(from: layer)
    #expect(layer(small) == plain(small))
    let large = image(8)
    var changed = large.scalars
    changed[0] += 1
    // The first position's window has itself alone of the first edge: rows and columns 0 and 1.
    let (before, after) = (layer(large), layer(Tensor(changed, shape: large.shape)))
    for row in 0..<8 {
      for column in 0..<8 {
        let differs = (0..<4).contains { before[0, row, column, $0].scalar != after[0, row, column, $0].scalar }
        #expect(differs == (row < 2 && column < 2), "\(row), \(column)")
      }
    }
  }

  @Test func headsThatNoShapeSaysAreSaidToBeAssumed() throws {
    var shapes = TensorShapes([("conv_proj.weight", [1024, 3, 32, 32])])
    var configuration = VisionTransformer.Configuration.vitB16
    configuration.fit(tensors: &shapes)
    #expect(configuration.heads == 16 && configuration.patch == 32 && shapes.assumed == ["heads"])
    // 12 heads would do for these widths, too, and are not what such networks have.
    for (width, heads) in [(192, 3), (384, 6), (36, 12), (35, 1)] {
      var shapes = TensorShapes([("conv_proj.weight", [width, 3, 16, 16])])
      var configuration = VisionTransformer.Configuration.vitB16
      configuration.fit(tensors: &shapes)
      #expect(configuration.heads == heads && shapes.assumed == ["heads"], "\(width)")
    }
    var given = TensorShapes([("conv_proj.weight", [192, 3, 16, 16])])
    given.given = ["heads"]
    configuration.heads = 2
    configuration.fit(tensors: &given)
    #expect(configuration.heads == 2 && given.assumed.isEmpty)
  }

  static let refused: [(name: String, configuration: JSONValue, setting: String)] = {
    var vit = VisionTransformer.Configuration.toy
    vit.heads = 3
    var odd = VisionTransformer.Configuration.toy
    odd.imageSize = 18
    var swin = SwinTransformer.Configuration.toy
    swin.heads = [1, 3]
    var window = SwinTransformer.Configuration.toyV2
    window.window = 1
    var next = ConvNeXt.Configuration.toy
    next.widths = [8]
    var max = MaxViT.Configuration.toy
    max.headWidth = 3
    return [
      ("vit_b_16", ZooCase.value(of: vit), "heads"), ("vit_b_16", ZooCase.value(of: odd), "imageSize"),
      ("swin_t", ZooCase.value(of: swin), "heads"), ("swin_v2_t", ZooCase.value(of: window), "window"),
      ("convnext_tiny", ZooCase.value(of: next), "widths"), ("maxvit_t", ZooCase.value(of: max), "widths"),
    ]
  }()

  @Test(arguments: refused.indices) func configurationsThatDescribeNoNetworkAreRefused(_ place: Int) throws {
    let entry = Self.refused[place]
    let fault = try #require(throws: ArchitectureFault.self) {
      try Registry.zoo.architecture(named: entry.name).build(configuration: entry.configuration)
    }
    guard case .refused(entry.name, .outOfRange(entry.setting, _, _)) = fault else {
      Issue.record("\(fault)")
      return
    }
  }

  @Test(arguments: [("vit_b_16", [3, 256, 256]), ("maxvit_t", [3, 250, 250]), ("maxvit_t", [3, 224, 448])])
  func imagesOfOtherSizesAreRefused(name: String, input: [Int]) throws {
    let fault = try #require(throws: ArchitectureFault.self) {
      try Registry.zoo.architecture(named: name).build(input: input)
    }
    guard case .refused(name, .wrongInput(_, input, _)) = fault else {
      Issue.record("\(fault)")
      return
    }
  }
}

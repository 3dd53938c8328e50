import AviaryArchives
import AviaryCheckpoints
import AviaryDiagnostics
import AviaryHDF5
import AviaryHDF5Writing
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryKeras

/// Whatever the layers of a weights file are called, the network is that of the model's description.
@Suite struct KerasRouteTests {
  private struct Numbers {
    var state: UInt64
    mutating func next(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    mutating func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(next(2000) - 1000) / 500 } }
  }

  private struct Layer {
    let kind: String
    let settings: String
    let arrays: [(name: String, array: StoredArray)]
  }

  /// A random chain on images of 8×8 pixels, in Keras's order, and a Dense after a Flatten.
  private func chain(_ numbers: inout Numbers) -> (layers: [Layer], input: Int) {
    let input = 1 + numbers.next(3)
    var (side, channels) = (8, input)
    var layers: [Layer] = []
    func array(_ shape: [Int]) -> StoredArray { StoredArray(numbers.values(shape.reduce(1, *)), shape: shape) }
    for _ in 0...numbers.next(3) {
      switch numbers.next(4) {
      case 0:
        let filters = 2 + numbers.next(3)
        layers.append(
          Layer(
            kind: "Conv2D", settings: #""filters":\#(filters),"kernel_size":[3,3],"padding":"same""#,
            arrays: [("kernel:0", array([3, 3, channels, filters])), ("bias:0", array([filters]))]))
        channels = filters
      case 1:
        layers.append(
          Layer(
            kind: "DepthwiseConv2D", settings: #""kernel_size":[3,3],"padding":"same","depth_multiplier":2"#,
            arrays: [("depthwise_kernel:0", array([3, 3, channels, 2])), ("bias:0", array([2 * channels]))]))
        channels *= 2
      case 2 where side > 2:
        layers.append(Layer(kind: "MaxPooling2D", settings: #""pool_size":[2,2]"#, arrays: []))
        side /= 2
      default:
        layers.append(
          Layer(
            kind: "PReLU", settings: #""shared_axes":[1,2]"#, arrays: [("alpha:0", array([1, 1, channels]))]))
      }
    }
    layers.append(Layer(kind: "Flatten", settings: #""data_format":"channels_last""#, arrays: []))
    if numbers.next(2) == 0 { layers.append(Layer(kind: "Dropout", settings: #""rate":0.5"#, arrays: [])) }
    var width = side * side * channels
    for units in [2 + numbers.next(3), 3] {
      layers.append(
        Layer(
          kind: "Dense", settings: #""units":\#(units),"activation":"relu""#,
          arrays: [("kernel:0", array([width, units])), ("bias:0", array([units]))]))
      width = units
    }
    return (layers, input)
  }

  private func description(_ layers: [Layer], input: Int, _ name: (Int) -> String) -> String {
    let parts = layers.enumerated().map { index, layer in
      let shape = index == 0 ? #","batch_input_shape":[null,8,8,\#(input)]"# : ""
      return #"{"class_name":"\#(layer.kind)","config":{"name":"\#(name(index))",\#(layer.settings)\#(shape)}}"#
    }
    return #"{"class_name":"Sequential","config":{"name":"m","layers":[\#(parts.joined(separator: ","))]}}"#
  }

  private func items(_ layers: [Layer], _ name: (Int) -> String, configuration: String?) -> [HDF5Item] {
    var root = [HDF5Attribute("layer_names", .texts(layers.indices.map(name)))]
    root.append(HDF5Attribute("keras_version", .text("2.4.0")))
    if let configuration { root.append(HDF5Attribute("model_config", .text(configuration))) }
    var items = [HDF5Item(path: "", attributes: root)]
    for (index, layer) in layers.enumerated() {
      let names = layer.arrays.map { "\(name(index))/\($0.name)" }
      items.append(HDF5Item(path: name(index), attributes: [HDF5Attribute("weight_names", .texts(names))]))
      for (path, entry) in zip(names, layer.arrays) {
        items.append(
          HDF5Item(
            path: "\(name(index))/\(path)",
            content: .dataset(type: .float(bytes: 4), shape: entry.array.shape, bytes: entry.array.bytes)))
      }
    }
    return items
  }

  /// The weights of a model that has none are an empty file; it runs all the same, also from a file of Aviary's own.
  @Test func aModelWithoutWeightsRuns() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keras-empty-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (weights, whole) = (folder.appendingPathComponent("w.h5"), folder.appendingPathComponent("m.keras"))
    try HDF5Writer.write([HDF5Item(path: "", attributes: [])], to: weights.path)
    let rescaling = Layer(kind: "Rescaling", settings: #""scale":2.0,"offset":1.0"#, arrays: [])
    var writer = ZipWriter()
    writer.add("config.json", ByteRegion(Array(description([rescaling], input: 3) { "a\($0)" }.utf8)))
    writer.add("model.weights.h5", ByteRegion(Array(try Data(contentsOf: weights))))
    try Data(writer.finished().flatMap { $0.array() }).write(to: whole)
    let checkpoint = try Checkpoint.read(from: whole.path)
    let read = try checkpoint.kerasNetwork(path: "m.keras").checkpoint
    let model = try GoldenKerasModels.network(read)
    let again = try GoldenKerasModels.network(model.checkpoint(architecture: model.configuration.name))
    var numbers = Numbers(state: 4)
    let x = Tensor(numbers.values(3 * 8 * 8), shape: [1, 3, 8, 8])
    for network in [model, again] {
      let y = inference { network.outputs(x) }
      #expect(y.shape == x.shape && y.scalars == x.scalars.map { $0 * 2 + 1 })
    }
  }

  /// Weights after a Flatten are brought into the order of channels first, and features are written as Keras has them.
  @Test func featuresAreInTheOrderOfKeras() throws {
    var numbers = Numbers(state: 3)
    let kernel = StoredArray(numbers.values(8 * 8 * 4 * 3), shape: [8 * 8 * 4, 3])
    let layers = [
      Layer(
        kind: "Conv2D", settings: #""filters":4,"kernel_size":[3,3],"padding":"same""#,
        arrays: [
          ("kernel:0", StoredArray(numbers.values(3 * 3 * 2 * 4), shape: [3, 3, 2, 4])),
          ("bias:0", StoredArray(numbers.values(4), shape: [4])),
        ]),
      Layer(kind: "Flatten", settings: #""data_format":"channels_last""#, arrays: []),
      Layer(kind: "Dropout", settings: #""rate":0.5"#, arrays: []),
      Layer(
        kind: "Dense", settings: #""units":3"#,
        arrays: [("kernel:0", kernel), ("bias:0", StoredArray([Float](repeating: 0, count: 3), shape: [3]))]),
    ]
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keras-features-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("whole.h5").path
    func name(_ index: Int) -> String { "a\(index)" }
    try HDF5Writer.write(
      items(layers, name, configuration: description(layers, input: 2, name)), to: path)
    let read = try Checkpoint.read(from: path).kerasNetwork(path: path).checkpoint
    let model = try Registry.standard.classifier(from: read, path: path).model
    let x = Tensor(numbers.values(2 * 2 * 8 * 8), shape: [2, 2, 8, 8])
    func check(_ model: some Classifier) throws {
      let features = inference { model.features(x) }
      let ordered = inference { model.originalOrder(ofFeatures: features) }
      #expect(ordered.shape == [2, 256] && ordered.scalars != features.scalars)
      // With the kernel as the file has it.
      let product = inference { matmul(ordered, Tensor(kernel.floats() ?? [], shape: kernel.shape)) }
      #expect(allClose(product, inference { model(x) }, relative: 1e-4, absolute: 1e-2))
    }
    try check(model)
  }

  @Test(arguments: 0..<40) func everyRouteGivesTheSameNetwork(seed: Int) throws {
    var numbers = Numbers(state: UInt64(seed) &* 77 &+ 5)
    let (layers, input) = chain(&numbers)
    let shift = 1 + numbers.next(9)
    func own(_ index: Int) -> String { "a\((index * 7 + shift) % 97)" }
    func other(_ index: Int) -> String { "b\((index * 7 + shift) % 97)" }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keras-routes-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    let description = description(layers, input: input, own)
    try HDF5Writer.write(items(layers, own, configuration: description), to: path("whole.h5"))
    try HDF5Writer.write(items(layers, own, configuration: nil), to: path("weights.h5"))
    try Data(description.utf8).write(to: URL(fileURLWithPath: path("same.json")))
    try Data(self.description(layers, input: input, other).utf8).write(to: URL(fileURLWithPath: path("other.json")))

    let whole = try Checkpoint.read(from: path("whole.h5")).kerasNetwork(path: "whole.h5").checkpoint
    let weights = try Checkpoint.read(from: path("weights.h5"))
    let routes: [(String, Adaptation)] = [
      ("same.json", Adaptation()), ("same.json", Adaptation(byStructure: true)),
      ("other.json", Adaptation(byStructure: true)),
      ("other.json", Adaptation(renames: [try RenamingRule("^a=b")])),
    ]
    for (file, adaptation) in routes {
      let routed = try weights.described(byKerasModelIn: path(file)).kerasNetwork(by: adaptation, path: file).checkpoint
      #expect(routed.entries.count == whole.entries.count)
      for (expected, found) in zip(whole.entries, routed.entries) {
        #expect(expected.array.floats() == found.array.floats(), "\(file), \(expected.path) of \(description)")
      }
      #expect(routed.metadata.settings.values.sorted() == whole.metadata.settings.values.sorted())
    }
    // The rows of the first Dense have channels first, as the network's Flatten gives them.
    let dense = try #require(layers.first { $0.kind == "Dense" }?.arrays[0].array)
    let hasFeatureMaps = layers.contains { $0.kind.contains("Conv2D") }
    let weight = try #require(whole.entries.first { $0.array.shape == dense.shape.reversed() }?.array.floats())
    let kernel = try #require(dense.floats())
    let (rows, units) = (dense.shape[0], dense.shape[1])
    var channels = input
    for layer in layers {
      if layer.kind == "Conv2D" { channels = layer.arrays[0].array.shape[3] }
      if layer.kind == "DepthwiseConv2D" { channels *= 2 }
    }
    guard hasFeatureMaps, channels < rows else { return }
    for row in 0..<rows {
      let (position, channel) = (row / channels, row % channels)
      #expect(weight[channel * (rows / channels) + position] == kernel[row * units])
    }
  }
}

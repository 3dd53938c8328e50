import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// What a network makes of images at several depths: the means of its maps over all positions.
struct FeatureDepths {
  struct Depth {
    /// The path of the layer.
    let path: String
    let width: Int
    /// Row-major [images, width].
    fileprivate(set) var features: [Float] = []
  }

  private(set) var depths: [Depth]
  /// What the head is given, row-major [images, headShape]; empty unless it is kept.
  private(set) var headFeatures: [Float] = []
  /// Of one image: features, or maps that the head begins by averaging.
  private(set) var headShape: [Int] = []
  private(set) var labels: [Int32] = []
  private(set) var skipped: [ImageBatch.Skipped] = []

  /// The most layers that are looked at.
  static let most = 6

  /// Runs all images through the network, each once.
  ///
  /// - Parameter keepsHead: whether what the head is given is wanted, too.
  init(
    _ model: some Classifier, _ entries: [ImageEntry], _ preprocessing: Preprocessing, keepsHead: Bool, workers: Int,
    progress: (Int) throws -> Void
  ) throws {
    let images = try PreparedImages(entries, preprocessing: preprocessing)
    guard let size = preprocessing.outputSize else { throw PreprocessingFault.noFixedSize }
    let shape = [2, preprocessing.channels.count, size.height, size.width]
    depths = Self.layers(of: model, input: shape)
    var done = 0
    for batch in DataLoader(images, batchSize: 32, workers: workers) {
      skipped += batch.skipped
      done += batch.indices.count + batch.skipped.count
      try progress(done)
      guard let inputs = batch.inputs else { continue }
      let (features, outputs) = observing(depths.map(\.path), of: model) {
        inference { model.features(inputs) }
      }
      labels += batch.labels.scalars
      if keepsHead {
        headShape = Array(features.shape.dropFirst())
        headFeatures += features.scalars
      }
      for place in depths.indices {
        guard let output = outputs[depths[place].path] else { continue }
        depths[place].features += inference { Self.pooled(output).scalars }
      }
    }
  }

  /// A few of the network's outer layers before its head, in the order in which they run: those with weights, which can be
  /// trained. A stage stands for its blocks, unless it is more than half of the network.
  private static func layers(of model: some Classifier, input: [Int]) -> [Depth] {
    let calls = model.layerCalls { inference { _ = model.features(Tensor(zeros: input)).scalars } }
    let counts = calls.reduce(into: [String: Int]()) { $0[$1.path, default: 0] += 1 }
    let parameters = model.namedParameters().map(\.path)
    var found: [(unit: String, path: String, shape: [Int])] = []
    var stages: [String: [Int]] = [:]
    for call in calls where !call.path.isEmpty && !model.isInHead(call.path + ".") && counts[call.path] == 1 {
      let shape = call.outputShape
      guard (2...4).contains(shape.count), shape[0] == input[0],
        parameters.contains(where: { $0.hasPrefix(call.path + ".") })
      else { continue }
      if found.contains(where: { $0.unit.hasPrefix(call.path + ".") }) {
        stages[call.path] = shape
        continue
      }
      let entry = (unit: unit(call.path), path: call.path, shape: shape)
      // The outermost layer of a unit ends last.
      if found.last?.unit == entry.unit { found[found.count - 1] = entry } else { found.append(entry) }
    }
    let all = found.count
    for (stage, shape) in stages.sorted(by: { $0.key < $1.key }) {
      let places = found.indices.filter { found[$0].unit.hasPrefix(stage + ".") }
      guard let last = places.last, 2 * places.count <= all else { continue }
      found[last] = (stage, stage, shape)
      for place in places.dropLast().reversed() { found.remove(at: place) }
    }
    let count = min(most, found.count)
    let chosen = (0..<count).map { found[count == 1 ? found.count - 1 : $0 * (found.count - 1) / (count - 1)] }
    return chosen.map { Depth(path: $0.path, width: pooledWidth($0.shape)) }
  }

  /// The first component of a path, with the number that follows it in a sequence.
  private static func unit(_ path: String) -> String {
    let components = path.split(separator: ".")
    let isNumbered = components.count > 1 && components[1].allSatisfy(\.isNumber)
    return components.prefix(isNumbered ? 2 : 1).joined(separator: ".")
  }

  private static func pooled(_ output: Tensor) -> Tensor {
    switch output.rank {
    case 4: output.mean(over: [2, 3])
    case 3: output.mean(over: [1])
    default: output
    }
  }

  /// Of maps the channels, of tokens the features.
  private static func pooledWidth(_ shape: [Int]) -> Int {
    switch shape.count {
    case 3: shape[2]
    default: shape[1]
    }
  }
}

import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A network that learned images without labels, in use: what it makes of images, and how likely it takes them to be.
public struct UnlabeledImagePredictor {
  /// The network.
  public let model: any EnergyModel
  /// What is known of the network.
  public let architecture: Architecture
  /// What the checkpoint says about its weights.
  public let metadata: Checkpoint.Metadata
  /// How data become the network's input.
  public let preprocessing: Preprocessing
  /// The size of the images that the network knows.
  public let size: ImageSize

  /// - Parameters:
  ///   - registry: the networks that the checkpoint may name.
  ///   - path: the file's, for faults.
  /// - Throws: `PredictionFault`, or what the network or the preprocessing has against the checkpoint.
  public init(_ checkpoint: Checkpoint, registry: Registry, path: String) throws {
    metadata = checkpoint.metadata
    let loaded = try registry.model(from: checkpoint, path: path)
    architecture = loaded.architecture
    guard let model = loaded.model as? any EnergyModel else {
      throw ArchitectureFault.unsuited(architecture: architecture.name, kinds: architecture.kinds, data: .images)
    }
    self.model = model
    switch try checkpoint.inputPreparation() {
    case .images(let known)?: preprocessing = known
    case nil: throw PredictionFault.noPreprocessing(path: path)
    case let other?: throw TrainingFault.otherKind(path: path, known: other.description)
    }
    guard let size = try preprocessing.validated().outputSize else { throw PreprocessingFault.noFixedSize }
    self.size = size
    _ = try architecture.build(
      configuration: metadata.configuration, input: [preprocessing.channels.count, size.height, size.width])
  }

  /// What the network makes of an image.
  public struct Answer: Equatable, Sendable {
    /// The lower, the likelier the image.
    public let freeEnergy: Float
    /// The mean squared difference between the image and its reconstruction.
    public let reconstructionError: Float
  }

  /// Calls `body` with every batch of those images that can be used, as rows [N, visible], and their positions in the list,
  /// and returns the others.
  ///
  /// - Parameter progress: is told how many images are done.
  public func forEachBatch(
    _ entries: [ImageEntry], workers: Int = 1, progress: (Int) -> Void = { _ in },
    _ body: (_ visible: Tensor, _ places: [Int]) throws -> Void
  ) throws -> [ImagePredictor.Skipped] {
    try ImagePredictor.forEachBatch(entries, preprocessing, workers: workers, progress: progress) { batch in
      try body(batch.inputs.flattened(), batch.indices)
    }
  }

  /// The answers for many images, in their order.
  public func predict(
    _ entries: [ImageEntry], workers: Int = 1, progress: (Int) -> Void = { _ in }
  ) throws -> [Result<Answer, PredictionFault>] {
    var results: [Result<Answer, PredictionFault>?] = Array(repeating: nil, count: entries.count)
    let skipped = try forEachBatch(entries, workers: workers, progress: progress) { visible, places in
      for (place, answer) in zip(places, Self.answers(model, visible)) {
        if let answer {
          results[place] = .success(answer)
        } else {
          results[place] = .failure(.notFinite(of: entries[place].path, model))
        }
      }
    }
    for image in skipped { results[image.index] = .failure(image.fault) }
    return results.compactMap { $0 }
  }

  /// Of each row [N, visible]; nil where they are no numbers.
  package static func answers(_ model: any EnergyModel, _ visible: Tensor) -> [Answer?] {
    inference {
      let errors = (visible - model.reconstruction(visible, completing: false)).squared().mean(over: [1])
      return zip(model.freeEnergies(visible).scalars, errors.scalars).map { energy, error in
        energy.isFinite && error.isFinite ? Answer(freeEnergy: energy, reconstructionError: error) : nil
      }
    }
  }

  /// How well the network knows images.
  ///
  /// - Throws: `PredictionFault`, also where what it makes of images is not finite.
  public func evaluate(
    _ entries: [ImageEntry], workers: Int = 1, progress: (Int) -> Void = { _ in }
  ) throws -> (metrics: UnlabeledMetrics, skipped: [ImagePredictor.Skipped]) {
    var metrics = UnlabeledMetrics(of: model)
    let skipped = try forEachBatch(entries, workers: workers, progress: progress) { visible, places in
      metrics.add(visible, model)
      if metrics.freeEnergy?.isFinite == false { throw PredictionFault.notFinite(of: entries[places[0]].path, model) }
    }
    return (metrics, skipped)
  }

  /// Pictures side by side, as many in a row as in a column, of what the network takes for pixels: [N, visible].
  public func contactSheet(_ visible: Tensor) -> DecodedImage {
    let count = visible.shape[0]
    let columns = max(1, Int(Double(count).squareRoot().rounded(.up)))
    let rows = (count + columns - 1) / columns
    let (width, height) = (columns * (size.width + 1) + 1, rows * (size.height + 1) + 1)
    var pixels = [UInt8](repeating: 128, count: width * height * 3)
    let (values, area, channels) = (visible.scalars, size.height * size.width, preprocessing.channels)
    for picture in 0..<count {
      let (top, left) = (picture / columns * (size.height + 1) + 1, picture % columns * (size.width + 1) + 1)
      for place in 0..<area {
        let pixel = ((top + place / size.width) * width + left + place % size.width) * 3
        for color in 0..<3 {
          let channel = channels == .grey ? 0 : channels == .bgr ? 2 - color : color
          let value = Double(values[(picture * channels.count + channel) * area + place])
          let restored =
            (value * preprocessing.standardDeviation[channel] + preprocessing.mean[channel]) / preprocessing.scale
          pixels[pixel + color] = UInt8(min(255, max(0, restored.isFinite ? restored : 0)).rounded())
        }
      }
    }
    return DecodedImage(width: width, height: height, pixels: pixels)
  }
}

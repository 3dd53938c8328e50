import ArgumentParser
import Aviary

struct QuantizeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "quantize",
    abstract: "Quantize a network to 8-bit integers: faster predictions, and a quarter of the size.",
    discussion: """
      The weights of convolutions and linear layers become integers with one scale per output channel. The ranges of their \
      inputs are calibrated on images: on the part train of a folder with parts. predict, evaluate and features then \
      compute in integers if the processor supports it; finetune and convert dequantize the weights. If there is a part \
      valid or test, the accuracy on up to 1,000 of its images is measured before and after.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Option(
    help: ArgumentHelp("Images like those that the network was trained on.", valueName: "dir"))
  var data: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file.h5")) var output: String
  @Option(help: ArgumentHelp("The number of images to calibrate on.", valueName: "images")) var calibration = 512
  @Option(help: "The seed that selects the images.") var seed: UInt64 = 0
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  /// The most images that are classified before and after.
  private static let mostHeldOut = 1000

  func validate() throws {
    guard calibration >= 1 else { throw ValidationError("--calibration must be at least 1") }
  }

  func run() throws {
    guard [".h5", ".hdf5"].contains(where: output.hasSuffix), !output.hasSuffix(".weights.h5") else {
      throw CommandFault.badOutput(path: output, reason: "quantized weights are written as .h5; use that extension")
    }
    try overwrite.check(output, for: .checkpoint([]))
    let opened = try OpenedCheckpoint(checkpoint, source, weights: weights)
    let data = try weights.dataPath(data)
    try Self.requireImages(opened, data)
    let loaded = try LoadedModel(opened, source, needsHead: true)
    let before = loaded.model.checkpoint(architecture: loaded.predictor.architecture.name)
    guard before.quantizedPaths.isEmpty else { throw CommandFault.quantizedAlready(path: loaded.path) }
    let nonfinite = before.nonfinite
    guard nonfinite.isEmpty else { throw CommandFault.notFinite(path: loaded.path, tensors: nonfinite) }
    let parts = try DataPart.all(data, classes: nil)
    let seen = Self.chosen(parts[0].folder.entries, calibration, seed: seed, "calibration")
    let heldOut = HeldOutImages(parts, data, of: loaded, most: Self.mostHeldOut, seed: seed)
    if json == false { parts[0].announce(data) }

    let floats = try heldOut?.predictions(loaded)
    let calibration = Calibration(of: loaded.model)
    let skipped = try loaded.forEachBatch(seen, label: "calibrating") { batch in
      calibration.observe { _ = loaded.model(batch.inputs).scalars }
    }
    guard skipped.count < seen.count else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first.map { "\($0.fault)" } ?? "the folder is empty")
    }
    for image in skipped { tell("skipped: \(image.fault)") }
    let outcome: Calibration.Outcome
    do { outcome = try calibration.quantize() } catch {
      throw CommandFault.cannotQuantize(path: loaded.path, fault: error)
    }
    if !outcome.unknown.isEmpty {
      tell(
        "\(data): the inputs of \(outcome.unknown.joined(separator: ", ")) are zero for all of these images, so that their "
          + "range is not known; calibrate on images like those that the network will see")
    }
    let integers = try heldOut?.predictions(loaded)

    var after = loaded.model.checkpoint(architecture: loaded.predictor.architecture.name)
    let images = seen.count - skipped.count
    describe(&after, loaded, images: images)
    try after.write(to: output)
    let report = Report(
      path: loaded.path, output: output, images: images, tensors: outcome.quantized.count, weights: outcome.weights,
      kept: outcome.kept,
      bytesBefore: before.byteCount, bytesAfter: after.byteCount,
      comparison: heldOut.flatMap { held in floats.flatMap { a in integers.map { held.comparison(a, $0) } } })
    if !Quantization.isSupported {
      tell("this processor has no 8-bit integer multiplication (VNNI): predictions are computed in float32")
    }
    if json { printJSON(report.object) } else { print(report.lines.joined(separator: "\n")) }
  }

  /// Refuses networks and data of other kinds, before what they lack for images is asked for.
  private static func requireImages(_ opened: OpenedCheckpoint, _ data: String) throws {
    if let known = try opened.checkpoint.inputPreparation(), known.kind != .images {
      throw CommandFault.quantizesImages(path: opened.path, reason: "is for \(known.kind.rawValue)")
    }
    if let name = opened.checkpoint.metadata.architecture {
      let kinds = try AviaryCommand.registry.architecture(named: name).kinds
      if !kinds.contains(.images) {
        let listed = kinds.map(\.rawValue).joined(separator: " and ")
        throw CommandFault.quantizesImages(path: opened.path, reason: "is for \(listed)")
      }
    }
    if let kind = try? DataSource.kind(of: data), kind == .tables || kind == .graphs {
      throw CommandFault.quantizesImages(path: data, reason: "holds \(kind.rawValue)")
    }
  }

  /// The metadata of the file: the metrics of the float weights do not hold for the integers.
  private func describe(_ checkpoint: inout Checkpoint, _ loaded: LoadedModel, images: Int) {
    let own = checkpoint.metadata
    checkpoint.metadata = loaded.predictor.metadata
    checkpoint.metadata.architecture = own.architecture
    checkpoint.metadata.configuration = own.configuration
    checkpoint.metadata.settings = own.settings
    checkpoint.metadata.frozen = own.frozen
    checkpoint.metadata.extra["quantization"] = "int8, calibrated on \(counted(images, "image")), seed \(seed)"
    if !checkpoint.metadata.metrics.isEmpty {
      checkpoint.metadata.extra["metrics_of_floats"] = checkpoint.metadata.metricsValue.serialized
    }
    checkpoint.metadata.metrics = [:]
  }

  /// A random sample of at most `most` entries, in their order.
  static func chosen(_ entries: [ImageEntry], _ most: Int, seed: UInt64, _ purpose: String) -> [ImageEntry] {
    guard entries.count > most else { return entries }
    var random = RandomStream(seed: seed, purpose: "quantize " + purpose)
    var order = Array(entries.indices)
    for place in 0..<most { order.swapAt(place, place + random.integer(below: order.count - place)) }
    return order.prefix(most).sorted().map { entries[$0] }
  }
}

extension QuantizeCommand {
  /// What is printed.
  struct Report {
    let path: String
    let output: String
    let images: Int
    let tensors: Int
    let weights: Int
    /// The paths of weights that stay floats.
    let kept: [String]
    let bytesBefore: Int
    let bytesAfter: Int
    let comparison: HeldOutImages.Comparison?

    var lines: [String] {
      var lines = [
        "\(path): \(counted(tensors, "tensor")) of \(grouped(weights)) weights quantized, "
          + "calibrated on \(counted(images, "image"))",
        "\(grouped(bytesBefore)) bytes of tensors before, \(grouped(bytesAfter)) after",
      ]
      if !kept.isEmpty { lines.append("not quantized, float32 as before: \(kept.joined(separator: ", "))") }
      if let comparison {
        lines.append(
          "\(counted(comparison.images, "image")) of the \(comparison.part) part: accuracy "
            + "\(percent(comparison.floats)) with float32, \(percent(comparison.integers)) with int8; "
            + "the same prediction for \(percent(comparison.agreement))")
      }
      return lines + ["\(output): written"]
    }

    var object: JSONValue {
      var members: [JSONValue.Member] = [
        .init("input", .text(path)), .init("output", .text(output)), .init("calibration_images", .integer(images)),
        .init("tensors", .integer(tensors)), .init("weights", .integer(weights)), .init("kept", .texts(kept)),
        .init("bytes_before", .integer(bytesBefore)), .init("bytes_after", .integer(bytesAfter)),
      ]
      if let comparison {
        members.append(
          .init(
            "held_out",
            .members([
              "part": .text(comparison.part), "images": .integer(comparison.images),
              "accuracy_float": .real(comparison.floats), "accuracy_int8": .real(comparison.integers),
              "agreement": .real(comparison.agreement),
            ])))
      }
      return .object(members)
    }
  }
}

/// Images that calibration does not see, with labels of the network's classes.
struct HeldOutImages {
  struct Comparison {
    let part: String
    let images: Int
    /// Shares of the images.
    let floats: Double
    let integers: Double
    let agreement: Double
  }

  private let part: String
  private let entries: [ImageEntry]
  private let classes: Int

  /// Nil if there is no other part, or its classes are not the network's, which is said.
  ///
  /// - Parameter parts: those of the data, of whatever classes.
  init?(_ parts: [DataPart], _ data: String, of loaded: LoadedModel, most: Int, seed: UInt64) {
    guard parts.count > 1, let name = parts.last?.name else { return nil }
    // Images of any classes serve calibration; those of others have no right answer.
    let known = loaded.predictor.namesClasses ? (try? DataPart.all(data, classes: loaded.classes)) : parts
    let count = loaded.model.configuration.outputs
    guard let part = known?.last, part.folder.classes.count == count else {
      tell("\(data): the classes of its part \(name) are not the network's, so that no accuracy is measured")
      return nil
    }
    entries = QuantizeCommand.chosen(part.folder.entries, most, seed: seed, "held out")
    guard !entries.isEmpty else { return nil }
    self.part = name
    classes = count
  }

  /// The predicted class of each image that can be decoded, by position.
  func predictions(_ loaded: LoadedModel) throws -> [Int: Int] {
    var found: [Int: Int] = [:]
    _ = try loaded.forEachBatch(entries, label: "classifying") { batch in
      let predicted = loaded.predictor.decision.predicted(logits: loaded.predictor.logits(batch.inputs))
      for (index, class_) in zip(batch.indices, predicted) { found[index] = class_ }
    }
    return found
  }

  func comparison(_ floats: [Int: Int], _ integers: [Int: Int]) -> Comparison {
    func share(_ isRight: (Int, Int) -> Bool) -> Double {
      Double(floats.filter { isRight($0.key, $0.value) }.count) / Double(max(1, floats.count))
    }
    return Comparison(
      part: part, images: floats.count, floats: share { entries[$0].label == $1 },
      integers: share { index, _ in integers[index] == entries[index].label },
      agreement: share { integers[$0] == $1 })
  }
}

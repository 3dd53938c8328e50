import Aviary
import AviaryArchives
import AviaryDiagnostics

/// What `aviary sample` draws from a network that learned without labels.
struct UnlabeledSamples {
  let model: any EnergyModel
  let checkpoint: Checkpoint
  let path: String
  let count: Int
  let steps: Int
  let seed: UInt64

  /// The most numbers of a layer of all samples: 512 MiB.
  private static let limit = 1 << 27

  /// The result of drawing, as a line and as JSON.
  typealias Report = (line: String, object: JSONValue)

  /// Draws, and writes what the extension of the file asks for.
  func write(to output: String, _ overwrite: OverwriteOptions) throws -> Report {
    let preparation = try checkpoint.inputPreparation()
    if case .unlabeled(.words)? = preparation {
      throw CommandFault.otherOutputs(
        path: path, reason: "it counts words of documents, whose lengths no sample knows; predict says their topics")
    }
    let form = try form(of: output, preparation)
    let visible = model.visibleParts.reduce(0) { $0 + $1.visible }
    guard count <= Self.limit / max(visible, model.configuration.outputs) else {
      throw CommandFault.badOutput(
        path: output, reason: "\(grouped(count)) samples of \(grouped(visible)) numbers are too many; lower --count")
    }
    try overwrite.check(output, for: .samples)
    let samples = model.samples(count: count, steps: steps, seed: seed, from: nil)
    // What the hidden units make of the samples looks smoother than draws.
    let means = inference { model.reconstruction(samples, completing: true) }
    guard means.scalars.allSatisfy(\.isFinite) else { throw PredictionFault.notFinite(of: path, model) }
    switch form {
    case .arrays(let shape):
      var file = Checkpoint()
      file.set(StoredArray(samples.scalars, shape: [count] + shape), at: "samples")
      file.set(StoredArray(means.scalars, shape: [count] + shape), at: "means")
      try file.write(to: output)
    case .picture(let predictor):
      let picture = predictor.contactSheet(means)
      guard max(picture.width, picture.height) <= 65_500 else {
        throw CommandFault.badOutput(path: output, reason: "the picture would be too large; lower --count")
      }
      try writeDurably([ByteRegion(JPEGEncoder.encode(picture))], to: output)
    case .rows(let units): try writeDurably([ByteRegion(Array(csv(samples, units).utf8))], to: output)
    }
    return (
      "\(output): \(counted(count, "sample")), after \(counted(steps, "step")) of Gibbs sampling",
      .members(["output": .text(output), "samples": .integer(count), "steps": .integer(steps)])
    )
  }

  private enum Form {
    /// Of these shapes.
    case arrays([Int])
    case picture(UnlabeledImagePredictor)
    case rows(ColumnUnits)
  }

  private func form(of output: String, _ preparation: InputPreparation?) throws -> Form {
    let name = output.lowercased()
    var images: UnlabeledImagePredictor?
    if case .images? = preparation {
      images = try UnlabeledImagePredictor(checkpoint, registry: AviaryCommand.registry, path: path)
    }
    if name.hasSuffix(".npz") {
      let shape = images.map { [$0.preprocessing.channels.count, $0.size.height, $0.size.width] }
      return .arrays(shape ?? [model.visibleParts.reduce(0) { $0 + $1.visible }])
    }
    if let images {
      if name.hasSuffix(".jpg") || name.hasSuffix(".jpeg") { return .picture(images) }
      throw CommandFault.badOutput(path: output, reason: "samples of images are written as .npz or .jpg")
    }
    if case .unlabeled(.columns(let units))? = preparation {
      if name.hasSuffix(".csv") { return .rows(units) }
      throw CommandFault.badOutput(path: output, reason: "samples of rows are written as .npz or .csv")
    }
    throw CommandFault.badOutput(path: output, reason: "samples are written as .npz; use that extension")
  }

  private func csv(_ samples: Tensor, _ units: ColumnUnits) -> String {
    func quoted(_ text: String) -> String {
      let isPlain = !text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
      return isPlain
        ? text : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
    let values = samples.scalars
    var text = units.columnNames.map(quoted).joined(separator: ",") + "\n"
    for row in 0..<count {
      let described = units.described(values[row * units.width..<(row + 1) * units.width])
      let fields = described.map { _, value in
        switch value {
        case .number(let number): "\(significant(number, 7))"
        case .word(let word): quoted(word)
        }
      }
      text += fields.joined(separator: ",") + "\n"
    }
    return text
  }
}

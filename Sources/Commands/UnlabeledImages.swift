import Aviary
import AviaryHDF5
import AviaryHDF5Writing

/// A network that learned images without labels, in the commands for images.
struct UnlabeledImages {
  let predictor: UnlabeledImagePredictor
  let path: String
  let reading: ReadingArguments

  init(_ predictor: UnlabeledImagePredictor, _ path: String, _ reading: ReadingArguments) {
    self.predictor = predictor
    self.path = path
    self.reading = reading
  }

  private var workers: Int { reading.workers ?? availableCores() }

  func evaluation(of data: String, _ part: EvaluationPart?) throws -> EvaluationReport {
    let part = try DataPart.forEvaluation(
      data, classes: nil, limit: reading.limit, part, of: predictor.metadata, path)
    part.announce(data)
    let entries = part.folder.entries
    let (metrics, skipped) = try showingProgress("evaluating", of: entries.count) {
      try predictor.evaluate(entries, workers: workers, progress: $0)
    }
    guard metrics.count > 0 else {
      throw CommandFault.nothingDecoded(path: data, first: skipped.first.map { "\($0.fault)" } ?? "the folder is empty")
    }
    try note(skipped, part, mostSkipped: 1)
    var report = EvaluationReport(
      metrics, item: "image", skipped: skipped.map { (entries[$0.index].path, "\($0.fault)") })
    report.members.append(("part", part.name.map { .text($0) } ?? .null))
    return report.known(before: part.isKnownBefore)
  }

  private func note(_ skipped: [ImagePredictor.Skipped], _ part: DataPart, mostSkipped: Double) throws {
    for image in skipped { tell("skipped: \(image.fault)") }
    let tally = ReadingTally(part.name, part.folder, mostSkipped: reading.maxSkipped?.value ?? mostSkipped)
    tally.add(part.folder.entries, skipped: skipped)
    try tally.check()
  }

  /// Writes the probabilities of the hidden units of every image.
  func writeFeatures(of data: String, to output: String, withReconstructions: Bool, asJSON: Bool) throws {
    let parts = try DataPart.all(data, classes: nil, limit: reading.limit)
    for part in parts { part.announce(data) }
    let model = predictor.model
    let (hidden, visible) = (model.configuration.outputs, model.visibleParts.reduce(0) { $0 + $1.visible })
    var images = 0
    var skipped: [String] = []
    try HDF5RowWriter.write(to: output) { writer in
      for part in parts {
        let entries = part.folder.entries
        let left = try showingProgress("features", of: entries.count) { progress in
          try predictor.forEachBatch(entries, workers: workers, progress: progress) { rows, places in
            let energies = model.freeEnergies(rows).scalars
            if let odd = energies.firstIndex(where: { !$0.isFinite }) {
              throw PredictionFault.notFinite(of: entries[places[odd]].path, model)
            }
            images += places.count
            try writer.append(inference { model.hiddenProbabilities(rows) }.scalars, width: hidden, to: "features")
            try writer.append(energies, width: 1, to: "free_energies")
            if withReconstructions {
              let made = inference { model.reconstruction(rows, completing: false) }
              try writer.append(made.scalars, width: visible, to: "reconstructions")
            }
            try writer.append(places.map { Int64(entries[$0].label) }, to: "labels")
            try writer.append(places.map { entries[$0].path }, to: "paths")
            try writer.append(places.map { _ in part.name ?? "" }, to: "parts")
          }
        }
        skipped += left.map { "\($0.fault)" }
        try note(left, part, mostSkipped: 0.1)
      }
      return try FeaturesCommand.attributes(
        classes: parts[0].folder.classes, architecture: predictor.architecture.name, .images(predictor.preprocessing))
    }
    FeaturesCommand.report(output, images: images, width: hidden, skipped: skipped, asJSON: asJSON)
  }
}

extension UnlabeledImagePredictor.Answer {
  var line: String {
    "free energy \(significant(Double(freeEnergy), 6)), reconstruction error \(significant(Double(reconstructionError), 4))"
  }

  var members: [JSONValue.Member] {
    [.init("free_energy", .real(freeEnergy)), .init("reconstruction_error", .real(reconstructionError))]
  }
}

extension EvaluationReport {
  /// Of a network that learned without labels; `item` is the word for one example.
  init(_ metrics: UnlabeledMetrics, item: String, skipped: [(path: String, reason: String)] = []) {
    (content, self.item) = (.other, item)
    let (error, energy) = (metrics.reconstructionError ?? 0, metrics.freeEnergy ?? 0)
    isFinite = error.isFinite && energy.isFinite
    lines = [
      "\(counted(metrics.count, item)), reconstruction error \(significant(error, 5)), mean free energy "
        + "\(significant(energy, 6))"
        + (metrics.pseudoLikelihood.map { ", pseudo-likelihood \(significant($0, 5))" } ?? "")
        + (skipped.isEmpty ? "" : ", \(skipped.count) skipped")
    ]
    members = [
      (item + "s", .integer(metrics.count)), ("loss", .real(error)), ("free_energy", .real(energy)),
      ("pseudo_likelihood", .real(metrics.pseudoLikelihood)),
      ("skipped", .array(skipped.map { .members(["image": .text($0.path), "error": .text($0.reason)]) })),
    ]
  }
}

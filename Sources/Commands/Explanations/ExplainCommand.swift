import ArgumentParser
import Aviary
import AviaryDiagnostics
import AviaryExplanations

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Explain decisions: which parts of an image, or which columns of a table, they depend on.",
    discussion: """
      For every image, DIR gets a picture, IMAGE-METHOD.png, and the numbers, IMAGE-METHOD.npz: attributions (for each \
      input of the network, or for each place of the layer), map (for each pixel), picture and class. gradcam is coarse and \
      cheap; ig says what each pixel adds, and how exactly; occlusion only covers parts and trusts no gradient. guided is \
      sharp, but often shows edges that have nothing to do with the decision: --sanity tells. Images that cannot be read are \
      named, the others explained, and the exit code is 1.

      --method permutation shuffles the columns of a table one by one and tells by how much the accuracy, or R² of a \
      regression, falls: on the rows that were held out of the training, where the checkpoint knows them.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Argument(help: ArgumentHelp("The images, or folders of images.", valueName: "image")) var images: [String] = []
  @Option(help: ArgumentHelp("How to explain.", valueName: "name")) var method = ExplanationMethod.gradcam
  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("The class to explain, by name or number (the predicted one).", valueName: "name"))
  var className: String?
  @Option(
    help: ArgumentHelp("The folder for pictures and numbers; permutation does not need one.", valueName: "dir"))
  var output: String?
  @Option(help: ArgumentHelp("The table of --method permutation.", valueName: "table")) var data: String?
  @Option(
    help: ArgumentHelp(
      "permutation: the part of the table: what was held out of the training, or all (test; all of data that the network does not know).",
      valueName: "part"))
  var part: EvaluationPart?
  @Flag(
    help:
      "Compare each map with those of ever more random weights: one that stays the same does not explain the decision.")
  var sanity = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var settings: ExplanationSettings
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var columns: ColumnOptions
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func validate() throws {
    try settings.check(for: method, sanity: sanity)
    if method == .permutation {
      guard data != nil else { throw ValidationError("--method permutation needs --data TABLE") }
      guard images.isEmpty else { throw ValidationError("--method permutation takes --data TABLE and no images") }
      guard !sanity, className == nil else {
        throw ValidationError("\(sanity ? "--sanity" : "--class") is for images; --method permutation takes none")
      }
      return
    }
    for (name, isGiven) in [("--data", data != nil), ("--part", part != nil)] where isGiven {
      throw ValidationError("\(name) is for --method permutation; give images as arguments")
    }
    if let table = images.first(where: TableFormat.isTable) {
      throw ValidationError("\(table) is a table; explain it with --method permutation --data \(table)")
    }
    guard !images.isEmpty else { throw ValidationError("give the images to explain") }
    guard output != nil else { throw ValidationError("--output is missing; give a folder for the pictures") }
  }

  func run() throws {
    if method == .permutation {
      return try TableImportance(self).run()
    }
    try columns.requireNone(path: checkpoint)
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: true)
    let explainer = ImageExplainer(
      predictor: loaded.predictor, method: method, settings: settings, output: try chosenClass(of: loaded),
      checksSanity: sanity)
    try checkLayer(of: loaded.model)
    if className == nil { _ = loaded.predictor.metadata.announcedDecision(loaded.path) }
    var files = ExplanationFiles(folder: output ?? "", method: method, overwrite: overwrite)
    let report = try explain(loaded, explainer, &files)
    for remark in report.remarks { tell(remark) }
    if json {
      printJSON(JSONValue.members(["explanations": .array(report.values)]))
    } else {
      for line in report.lines { show(line) }
    }
    if let first = report.faults.first {
      if !json, report.faults.count > 1 { for fault in report.faults { tell("not explained: \(fault)") } }
      throw CommandFault.unexplainedImages(count: report.faults.count, of: report.values.count, first: first)
    }
  }

  private func explain(
    _ loaded: LoadedModel, _ explainer: ImageExplainer, _ files: inout ExplanationFiles
  ) throws -> ExplanationReport {
    let isQuantized = Quantization.isSupported && !loaded.model.checkpoint(architecture: nil).quantizedPaths.isEmpty
    var report = ExplanationReport(method: method, classes: loaded.classes, isQuantized: isQuantized)
    var found: [(path: String, entries: Result<[ImageEntry], ImageFolderFault>)] = []
    for path in images {
      let selection = Result { () throws(ImageFolderFault) in try ImageSelection(path) }
      if case .success(let selection) = selection, let remark = selection.remark(on: path) { tell(remark) }
      found.append((path, selection.map(\.entries)))
    }
    let total = found.reduce(0) { $0 + ((try? $1.entries.get().count) ?? 0) }
    var done = 0
    try loaded.withProgress("explaining", of: total) { progress in
      for (path, selected) in found {
        let entries: [ImageEntry]
        switch selected {
        case .failure(let fault):
          report.add("\(fault)", image: path)
          continue
        case .success(let some): entries = some
        }
        for entry in entries {
          do {
            let explanation = try explainer.explanation(of: entry)
            let paths = files.paths(for: entry.path)
            let (title, subtitle) = report.titles(explanation)
            try files.write(explanation, explanation.drawing(title: title, subtitle: subtitle), to: paths)
            report.add(explanation, image: entry.path, paths)
          } catch let fault as PredictionFault {
            report.add("\(fault)", image: entry.path)
          } catch ExplanationFault.notFinite {
            report.add("\(PredictionFault.notFinite(of: entry.path, loaded.model))", image: entry.path)
          } catch let fault as ExplanationFault {
            if let refusal = refusal(fault) { throw refusal }
            throw CommandFault.unexplained(path: loaded.path, fault: fault)
          }
          done += 1
          progress(done)
        }
      }
    }
    return report
  }

  // MARK: Options that a network must know

  /// The position of the class that is named.
  private func chosenClass(of loaded: LoadedModel) throws -> Int? {
    guard let className else { return nil }
    if let place = loaded.classes.firstIndex(where: { $0.isExactly(className) }) { return place }
    if let number = Int(className), loaded.classes.indices.contains(number) { return number }
    let near = nearestName(to: className, among: loaded.classes)
    let advice = near.map { "did you mean '\($0)'?" } ?? "it has \(Self.list(loaded.classes))"
    throw OptionFault("--class \(className): \(loaded.path) has no such class; \(advice)")
  }

  private static func list(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", … (\(names.count) classes)" : "")
  }

  private func checkLayer(of model: any Classifier) throws {
    guard let layer = settings.layer else { return }
    let paths = model.namedLayers.map(\.path)
    guard !paths.contains(layer) else { return }
    throw OptionFault("--layer: \(ExplanationFault.noLayer(path: layer, near: nearestName(to: layer, among: paths)))")
  }

  /// What is wrong with the value of an option, if that is it.
  private func refusal(_ fault: ExplanationFault) -> OptionFault? {
    switch fault {
    case .noLayer, .notCalled, .noMap: OptionFault("--layer: \(fault)")
    case .window: OptionFault("\(settings.patch == nil ? "--stride" : "--patch"): \(fault)")
    case .outOfRange(let name, _, _): OptionFault("--\(name): \(fault)")
    case .noOutput, .outputs, .noFeatureMap, .noRelu, .notFinite: nil
    }
  }
}

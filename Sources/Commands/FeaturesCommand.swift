import ArgumentParser
import Aviary
import AviaryHDF5
import AviaryHDF5Writing

struct FeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Extract features: the input of the head for every image, node or graph.",
    discussion: """
      The output is an HDF5 file with the datasets features (N x F, float32), labels (N, int64), paths and parts (N, \
      text), and the class names as an attribute. It is written batch by batch, in constant memory. Feature maps are \
      averaged over positions. Of a graph, or a collection of graphs, the dataset nodes or graphs (N) takes the place of \
      paths, and nodes without a known class have the label -1. The checkpoint does not need a head. Of a network that \
      learned without labels (rbm), the features are the probabilities of the hidden units, and free_energies (N x 1) are \
      written with them; --data may be a .csv file then, whose rows, or users, are named in the dataset names.
      """)

  @Argument(help: "The checkpoint: a file, a run, or the name of shipped weights.") var checkpoint: String
  @Option(
    help: ArgumentHelp(
      "The image folder: DIR/<class>/<image>, with or without train, valid and test; or a graph, or a collection of graphs, as for train.",
      valueName: "data"))
  var data: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file.h5")) var output: String
  @Flag(help: "Also write the reconstructions, of a network that learned without labels.") var reconstructions = false
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var console: ConsoleOptions
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var computing: PrecisionArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    guard output.hasSuffix(".h5") || output.hasSuffix(".hdf5") else {
      throw CommandFault.badOutput(path: output, reason: "features are written as .h5; use that extension")
    }
    try overwrite.check(output, for: .features)
    reading.setThreads()
    computing.apply()
    let data = try weights.dataPath(data)
    let processes = Processes.current
    if processes != nil, try DataSource.kind(of: data) != .images {
      throw OptionFault("features with several processes are of images: use aviary features for \(data)")
    }
    if try DataSource.kind(of: data) == .graphs {
      try refuseReconstructions()
      return try writeGraphs(data)
    }
    if try DataSource.kind(of: data) == .tables {
      let evaluation = try DataEvaluation(checkpoint, source, weights: weights)
      if let (model, preparation) = try evaluation.unlabeled() {
        return try evaluation.writeFeatures(
          of: data, to: output, model, preparation, withReconstructions: reconstructions, asJSON: json)
      }
    }
    let opened = try OpenedCheckpoint(checkpoint, source, weights: weights)
    if let predictor = try opened.unlabeledImages() {
      if processes != nil {
        throw OptionFault("\(checkpoint) learned without labels: use aviary features, which is for one process")
      }
      return try UnlabeledImages(predictor, opened.path, reading)
        .writeFeatures(of: data, to: output, withReconstructions: reconstructions, asJSON: json)
    }
    try refuseReconstructions()
    let loaded = try LoadedModel(opened, source, needsHead: false)
    // The images may be of any classes.
    let parts = try DataPart.all(data, classes: nil, limit: reading.limit)
    for part in parts { part.announce(data) }
    var images = 0
    var width = 0
    var skipped: [String] = []
    let compute = { (inputs: Tensor) in loaded.predictor.features(inputs) }
    // One of several processes writes; the others compute their share.
    func fill(_ writer: HDF5RowWriter?) throws -> [HDF5Attribute] {
      for part in parts {
        let entries = part.folder.entries
        let left = try loaded.forEachResult(
          entries, workers: reading.workers, label: "features", compute: compute
        ) { batch in
          let features = batch.values
          let batchEntries = batch.indices.map { entries[$0] }
          width = features.shape[1]
          let scalars = features.scalars
          if let odd = scalars.firstIndex(where: { !$0.isFinite }) {
            throw PredictionFault.notFinite(of: batchEntries[odd / width].path, loaded.model)
          }
          images += batchEntries.count
          guard let writer else { return }
          try writer.append(scalars, width: width, to: "features")
          try writer.append(batchEntries.map { Int64($0.label) }, to: "labels")
          try writer.append(batchEntries.map(\.path), to: "paths")
          try writer.append(batchEntries.map { _ in part.name ?? "" }, to: "parts")
        }
        skipped += left.map { "\($0.fault)" }
        for image in left { tell("skipped: \(image.fault)") }
        let tally = ReadingTally(part.name, part.folder, mostSkipped: reading.maxSkipped?.value ?? 0.1)
        tally.add(entries, skipped: left)
        try tally.check()
      }
      return try Self.attributes(
        classes: parts[0].folder.classes, architecture: loaded.predictor.architecture.name,
        .images(loaded.preprocessing))
    }
    if processes?.group.isWriter == false { _ = try fill(nil) } else { try HDF5RowWriter.write(to: output, fill) }
    Self.report(output, images: images, width: width, skipped: skipped, asJSON: json)
  }

  /// - Parameter item: the word for one of them.
  static func report(
    _ output: String, images: Int, width: Int, skipped: [String], asJSON: Bool, item: String = "image"
  ) {
    if asJSON {
      let object = JSONValue.object([
        .init("output", .text(output)), .init(item + "s", .integer(images)), .init("features", .integer(width)),
        .init("skipped", .texts(skipped)),
      ])
      return printJSON(object)
    }
    show(
      "\(output): features of \(counted(images, item)), \(width) numbers each"
        + (skipped.isEmpty ? "" : "; \(skipped.count) skipped"))
  }

  private func refuseReconstructions() throws(OptionFault) {
    guard reconstructions else { return }
    throw OptionFault(
      "--reconstructions is for networks that learned without labels, such as rbm, which \(checkpoint) is not; leave it out"
    )
  }

  private func writeGraphs(_ data: String) throws {
    try reading.check(.graphs, data)
    let features = try GraphFeatures(data, DataEvaluation(checkpoint, source, weights: weights, needsHead: false))
    let width = try features.write(to: output)
    if json {
      let object = JSONValue.members([
        "output": .text(output), "\(features.item)s": .integer(features.count), "features": .integer(width),
      ])
      return printJSON(object)
    }
    show("\(output): features of \(counted(features.count, features.item)), \(width) numbers each")
  }

  /// The metadata of the file.
  static func attributes(
    classes: [String], architecture: String, _ preprocessing: InputPreparation
  ) throws -> [HDF5Attribute] {
    var attributes = [
      HDF5Attribute("format", .text("aviary features")), HDF5Attribute("classes", .texts(classes)),
      HDF5Attribute("architecture", .text(architecture)),
      HDF5Attribute("preprocessing", .text(try preprocessing.json().serialized)),
    ]
    // A list in an object header is limited to 64 KiB; more names become one JSON text.
    if classes.count > 2000 { attributes[1] = HDF5Attribute("classes", .text(JSONValue.texts(classes).serialized)) }
    return attributes
  }
}

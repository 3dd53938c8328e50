import ArgumentParser
import Aviary
import AviaryHDF5
import AviaryHDF5Writing

struct FeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Write what the head is given for every photograph of a folder.",
    discussion: """
      The output is an HDF5 file with the datasets features (N x F, float32), labels (N, int64), paths and parts (N, \
      text), and the names of the classes as an attribute. They are written batch by batch, however many there are. \
      Feature maps are averaged over positions. A checkpoint needs no head for this.
      """)

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Option(
    help: ArgumentHelp(
      "The image folder: DIR/<class>/<image>, with or without train, valid and test.", valueName: "dir"))
  var data: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file.h5")) var output: String
  @OptionGroup var reading: ReadingArguments
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    guard output.hasSuffix(".h5") || output.hasSuffix(".hdf5") else {
      throw CommandFault.badOutput(path: output, reason: "features are written as .h5; name the output so")
    }
    reading.setThreads()
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: false)
    // Features are of any photographs: their classes need not be those that the checkpoint knows.
    let parts = try DataPart.all(data, classes: nil, limit: reading.limit)
    for part in parts { tell(part.described(data)) }
    var images = 0
    var width = 0
    var skipped: [String] = []
    try HDF5RowWriter.write(to: output) { writer in
      for part in parts {
        let entries = part.folder.entries
        let left = try Photographs.forEachBatch(
          entries, of: loaded, workers: reading.workers, label: "features"
        ) { batch in
          let features = loaded.features(batch.inputs)
          let batchEntries = batch.indices.map { entries[$0] }
          width = features.shape[1]
          images += batchEntries.count
          try writer.append(features.scalars, width: width, to: "features")
          try writer.append(batchEntries.map { Int64($0.label) }, to: "labels")
          try writer.append(batchEntries.map(\.path), to: "paths")
          try writer.append(batchEntries.map { _ in part.name ?? "" }, to: "parts")
        }
        skipped += left.map(\.reason)
      }
      if images == 0, let first = skipped.first { throw CommandFault.nothingDecoded(path: data, first: first) }
      return try Self.attributes(classes: parts[0].folder.classes, loaded)
    }
    for reason in skipped { tell("skipped: \(reason)") }
    show(
      "\(output): features of \(counted(images, "image")), \(width) numbers each"
        + (skipped.isEmpty ? "" : "; \(skipped.count) skipped"))
  }

  /// What the file says of itself.
  private static func attributes(classes: [String], _ loaded: LoadedModel) throws -> [HDF5Attribute] {
    var attributes = [
      HDF5Attribute("format", .text("aviary features")), HDF5Attribute("classes", .texts(classes)),
      HDF5Attribute("architecture", .text(loaded.architecture.name)),
      HDF5Attribute("preprocessing", .text(try InputPreparation.images(loaded.preprocessing).json().serialized)),
    ]
    // A list within an object header has 64 KiB; very many names are one text.
    if classes.count > 2000 { attributes[1] = HDF5Attribute("classes", .text(JSONValue.texts(classes).serialized)) }
    return attributes
  }
}

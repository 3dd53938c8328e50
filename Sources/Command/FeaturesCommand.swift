import ArgumentParser
import Aviary
import AviaryArchives
import AviaryHDF5

struct FeaturesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "features", abstract: "Write what the head is given for every photograph of a folder.",
    discussion: """
      The output is an HDF5 file with the datasets features (N x F, float32), labels (N, int64), paths and parts (N, \
      text), and the names of the classes as an attribute. Feature maps are averaged over positions. A checkpoint \
      needs no head for this.
      """)

  @Argument(help: "The checkpoint: a file, or the name of shipped weights.") var checkpoint: String
  @Option(
    help: ArgumentHelp(
      "The image folder: DIR/<class>/<image>, with or without train, valid and test.", valueName: "dir"))
  var data: String
  @Option(help: ArgumentHelp("The file to write.", valueName: "file.h5")) var output: String
  @OptionGroup var source: SourceOptions
  @OptionGroup var weights: WeightsOptions

  func run() throws {
    guard output.hasSuffix(".h5") || output.hasSuffix(".hdf5") else {
      throw CommandFault.badOutput(path: output, reason: "features are written as .h5; name the output so")
    }
    let loaded = try LoadedModel(checkpoint, source, weights: weights, needsHead: false)
    // Features are of any photographs: their classes need not be those that the checkpoint knows.
    let parts = try DataPart.all(data, classes: nil)
    for part in parts { tell(part.described(data)) }
    var rows = Rows()
    var skipped: [String] = []
    for part in parts {
      let entries = part.folder.entries
      let left = try Photographs.forEachBatch(entries, of: loaded, label: "features") { batch in
        let features = loaded.features(batch.inputs)
        rows.width = features.shape[1]
        rows.scalars += features.scalars
        for index in batch.indices {
          rows.labels.append(Int64(entries[index].label))
          rows.paths.append(entries[index].path)
          rows.parts.append(part.name ?? "")
        }
      }
      skipped += left.map(\.reason)
    }
    if let first = skipped.first, rows.labels.isEmpty {
      throw CommandFault.nothingDecoded(path: data, first: first)
    }
    for reason in skipped { tell("skipped: \(reason)") }
    try HDF5Writer.write(rows.items(classes: parts[0].folder.classes, loaded, output), to: output)
    print(
      "\(output): features of \(counted(rows.labels.count, "image")), \(rows.width) numbers each"
        + (skipped.isEmpty ? "" : "; \(skipped.count) skipped"))
  }

  /// One row an image.
  private struct Rows {
    var width = 0
    /// [N, width]
    var scalars: [Float] = []
    var labels: [Int64] = []
    var paths: [String] = []
    var parts: [String] = []

    func items(classes: [String], _ loaded: LoadedModel, _ output: String) throws -> [HDF5Item] {
      var attributes = [
        HDF5Attribute("format", .text("aviary features")), HDF5Attribute("classes", .texts(classes)),
        HDF5Attribute("architecture", .text(loaded.architecture.name)),
        HDF5Attribute("preprocessing", .text(try InputPreparation.images(loaded.preprocessing).json())),
      ]
      // A list within an object header has 64 KiB; very many names are one text.
      if classes.count > 2000 { attributes[1] = HDF5Attribute("classes", .text(JSONValue.texts(classes).serialized)) }
      return [
        HDF5Item(path: "", attributes: attributes),
        HDF5Item(
          path: "features",
          content: .dataset(type: .float(bytes: 4), shape: [labels.count, width], bytes: ByteRegion(floats: scalars))),
        HDF5Item(
          path: "labels",
          content: .dataset(
            type: .integer(bytes: 8, signed: true), shape: [labels.count], bytes: ByteRegion(littleEndian: labels))),
        HDF5Item(path: "paths", content: .texts(paths)), HDF5Item(path: "parts", content: .texts(parts)),
      ]
    }
  }
}

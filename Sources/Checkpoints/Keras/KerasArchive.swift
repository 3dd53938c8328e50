import AviaryArchives
import AviaryDiagnostics
import AviaryHDF5

extension Checkpoint {
  /// A `.keras` archive: the weights in Keras 3's layout, and the configuration as JSON.
  static func readKerasArchive(
    _ archive: ZipArchive, _ path: String, _ options: ReadOptions
  ) throws(CheckpointFault) -> Checkpoint {
    let weights = try archived { () throws(ArchiveFault) in try archive.contents(named: "model.weights.h5") }
    let reader = try hdf5 { () throws(HDF5Fault) in try HDF5Reader(embedded: weights, path: path) }
    var extra: [String: String] = [:]
    for member in ["config.json", "metadata.json"] where archive.member(named: member) != nil {
      let bytes = try archived { () throws(ArchiveFault) in try archive.contents(named: member) }
      extra[member] = String(decoding: bytes.array(), as: UTF8.self)
    }
    func parsed(_ member: String) -> JSONValue? { extra[member].flatMap { try? JSONValue(parsing: $0.utf8) } }
    let root = reader.contents.attributes(ofGroup: "") ?? []
    var checkpoint = try KerasFile.read(
      reader, root, options, configuration: parsed("config.json"),
      version: parsed("metadata.json")?["keras_version"]?.text)
    checkpoint.format = .kerasArchive
    checkpoint.kerasModel?.vocabularies = try vocabularies(in: archive, path)
    checkpoint.metadata.extra.merge(extra) { _, new in new }
    return checkpoint
  }

  /// The most bytes of all vocabularies: a million long words.
  private static let mostVocabulary = 64 << 20

  /// The vocabularies of layers, which Keras 3 stores as `assets/layers/string_lookup/vocabulary.txt`. Of a layer that wraps
  /// another one, both write the same.
  private static func vocabularies(
    in archive: ZipArchive, _ path: String
  ) throws(CheckpointFault) -> ExactDictionary<String> {
    var found = ExactDictionary<String>()
    var size = 0
    for member in archive.members {
      let parts = member.name.split(whereSeparator: { $0 == "/" || $0 == "\\" })
      guard parts.first == "assets", parts.last == "vocabulary.txt",
        let location = KerasWeightsFile.Location(parts.dropFirst().joined(separator: "/")),
        location.rest == "vocabulary.txt"
      else { continue }
      size += min(member.size, mostVocabulary + 1)
      let part = "member '\(member.name)'"
      guard size <= mostVocabulary else {
        throw .malformed(path: path, part: part, reason: "it has \(member.size) bytes, which no vocabulary has")
      }
      let bytes = try archived { () throws(ArchiveFault) in try archive.contents(of: member) }
      guard let text = String(validating: bytes.array(), as: UTF8.self) else {
        throw .malformed(path: path, part: part, reason: "it is not UTF-8 text")
      }
      found[location.place] = text
    }
    return found
  }
}

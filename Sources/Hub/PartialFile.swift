import AviaryArchives
import AviaryCheckpoints

/// A file that is being fetched, `NAME.part`, and what tells whether the server still has the same, `NAME.part.json`.
struct PartialFile {
  let path: String
  let file: AppendingFile
  var bytes: Int
  var validator = Validator()
  private let target: String
  private let address: String

  private var notes: String { path + ".json" }

  /// Opens what was begun for `target`.
  ///
  /// - Parameter isIdentified: whether the file's hash is known, so that bytes of another address, or without a version, can
  ///   be gone on with.
  init(_ target: String, address: String, isIdentified: Bool) throws(PullFault) {
    self.target = target
    self.address = address
    path = target + ".part"
    let path = path
    file = try withFiles { () throws(ArchiveFault) in try AppendingFile(path: path) }
    bytes = FileSystem.status(path)?.size ?? 0
    let known = (try? JSONValue(parsing: FileSystem.beginning(of: path + ".json", count: 1 << 16)))
    if known?["address"]?.text == address {
      validator = Validator(etag: known?["etag"]?.text, modified: known?["modified"]?.text)
    }
    if bytes > 0, !isIdentified, validator.condition == nil { try clear() }
  }

  /// Begins anew.
  mutating func clear() throws(PullFault) {
    try withFiles { () throws(ArchiveFault) in try file.clear() }
    bytes = 0
    validator = Validator()
  }

  /// Keeps what tells the version. Where that fails, the next process begins anew.
  func note(_ validator: Validator) {
    var members: [JSONValue.Member] = [.init("address", .text(address))]
    if let etag = validator.etag { members.append(.init("etag", .text(etag))) }
    if let modified = validator.modified { members.append(.init("modified", .text(modified))) }
    try? FileSystem.write(Array(JSONValue.object(members).serialized.utf8), to: notes)
  }

  /// Gives the file its name.
  func finish() throws(PullFault) {
    try withFiles { () throws(ArchiveFault) in try file.finish(as: target) }
    FileSystem.removeFile(notes)
  }

  func remove() {
    FileSystem.removeFile(path)
    FileSystem.removeFile(notes)
  }
}

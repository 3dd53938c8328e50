/// A part of a virtual dataset, and the elements of another dataset that are its own: an entry of the virtual dataset block
/// in the global heap (specification III.E and IV.A.2.i).
struct VirtualMapping: Sendable {
  /// `nil` for the file that the virtual dataset is in.
  let file: String?
  /// The path of the source in the file.
  let dataset: String
  let source: ElementSelection
  let target: ElementSelection

  /// The mappings of the block at `place`.
  static func mappings(of block: FieldReader) throws(Flaw) -> [VirtualMapping] {
    var fields = block
    let start = fields.offset
    let version = try fields.byte()
    guard version <= 1 else { throw .damage("the mappings of a virtual dataset have version \(version)") }
    let count = try fields.length()
    // An entry has two selections of 16 bytes at least.
    guard count <= fields.remaining / 32 else { throw .damage("the mappings of a virtual dataset are cut short") }
    var names: [(file: String?, dataset: String)] = []
    var mappings: [VirtualMapping] = []
    for _ in 0..<count {
      let flags = version == 0 ? Flags() : Flags(rawValue: try fields.byte())
      let file: String?
      if flags.contains(.sameFile) {
        file = nil
      } else if flags.contains(.sharedFile) {
        file = try earlier(try fields.length(), names).file
      } else {
        let name = try fields.zeroTerminatedText()
        file = name == "." ? nil : try unescaped(name)
      }
      let dataset =
        flags.contains(.sharedDataset)
        ? try earlier(try fields.length(), names).dataset : try unescaped(try fields.zeroTerminatedText())
      names.append((file, dataset))
      let source = try ElementSelection(&fields)
      mappings.append(.init(file: file, dataset: dataset, source: source, target: try ElementSelection(&fields)))
    }
    try fields.checksum(from: start)
    return mappings
  }

  /// Which names of an entry are those of an earlier one, whose number then stands in their place.
  private struct Flags: OptionSet {
    let rawValue: Int

    static let sharedFile = Flags(rawValue: 1)
    static let sharedDataset = Flags(rawValue: 2)
    static let sameFile = Flags(rawValue: 4)
  }

  private static func earlier(
    _ index: Int, _ names: [(file: String?, dataset: String)]
  ) throws(Flaw) -> (file: String?, dataset: String) {
    guard names.indices.contains(index) else { throw .damage("a mapping has the name of one that is not before it") }
    return names[index]
  }

  /// Two percent signs stand for one, and `%b` for the number of a block.
  private static func unescaped(_ name: String) throws(Flaw) -> String {
    let parts = name.split(separator: "%%", omittingEmptySubsequences: false)
    guard !parts.contains(where: { $0.utf8.contains(UInt8(ascii: "%")) }) else {
      throw .unsupported("a virtual dataset whose sources are numbered ('\(name)')")
    }
    return parts.joined(separator: "%")
  }
}

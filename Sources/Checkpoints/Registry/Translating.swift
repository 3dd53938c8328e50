import AviaryArchives
import AviaryDiagnostics
import AviaryLayers

extension Checkpoint {
  /// The original of another program that the tensors are named after; nil where they have the network's own names, or
  /// names that no table knows.
  func original(for architecture: Architecture) -> ForeignOriginal? {
    guard kerasModel == nil, format != .aviary else { return nil }
    if let hub {
      let found = architecture.originals.compactMap { original in
        original.agreement(with: hub).map { (original, $0) }
      }.max { $0.1 < $1.1 }
      if let found { return found.0 }
    }
    // A table that is not for the file fits a few names by chance.
    return architecture.originals.first { original in
      2 * original.table.names(of: paths).count { $0 != nil } > paths.count
    }
  }

  /// The same under the names that a table gives the tensors, in the network's shapes, and with those joined that are one in
  /// the network.
  func translated(by table: NameTable) throws(CheckpointFault) -> Checkpoint {
    var result = replacingEntries([])
    var sources = ExactDictionary<String>()
    var dropped: [String] = []
    for (entry, name) in zip(entries, table.names(of: paths)) {
      guard let name else {
        if table.isUnused(entry.path) {
          dropped.append(entry.path)
        } else if !result.add(entry.array, at: entry.path) {
          throw .renameCollides(tensor: entry.path, first: sources[entry.path] ?? entry.path, second: entry.path)
        }
        continue
      }
      guard result.add(Self.shaped(entry.array, name.shape), at: name.path) else {
        throw .renameCollides(tensor: name.path, first: sources[name.path] ?? name.path, second: entry.path)
      }
      sources[name.path] = entry.path
    }
    for join in table.joins { try result.join(join, &sources) }
    result.conversions += result.paths.compactMap { path in
      sources[path].flatMap { $0.isExactly(path) ? nil : .renamed(path: path, from: $0) }
    }
    result.notes.append("names of \(table.program)")
    if !dropped.isEmpty {
      result.notes.append(
        "not used by the network: \(dropped.prefix(6).joined(separator: ", "))\(dropped.count > 6 ? ", …" : "")")
    }
    return result
  }

  private static func shaped(_ array: StoredArray, _ shape: NameTable.Rule.Shape) -> StoredArray {
    switch shape {
    case .matrix where array.shape.count == 4 && array.shape[2...] == [1, 1]:
      array.reshaped(to: Array(array.shape.prefix(2))) ?? array
    case .perChannel where array.shape.count == 1: array.reshaped(to: array.shape + [1, 1]) ?? array
    default: array
    }
  }

  /// Puts the parts that a join names below one another, wherever all of them are there and go together.
  private mutating func join(_ join: NameTable.Join, _ sources: inout ExactDictionary<String>) throws(CheckpointFault) {
    guard let first = join.names.first else { return }
    for path in paths where path == first || path.hasSuffix("." + first) {
      let stem = String(path.dropLast(first.utf8.count))
      let names = join.names.map { stem + $0 }
      let parts = names.compactMap { self[$0] }
      let inner = parts.first?.shape.dropFirst()
      guard parts.count == names.count,
        parts.allSatisfy({ $0.dtype == parts[0].dtype && !$0.shape.isEmpty && $0.shape.dropFirst() == inner }),
        let joined = StoredArray(
          dtype: parts[0].dtype, shape: [parts.reduce(0) { $0 + $1.shape[0] }] + parts[0].shape.dropFirst(),
          bytes: ByteRegion(joining: parts.map(\.bytes)))
      else { continue }
      let whole = stem + join.whole
      if self[whole] != nil { throw .renameCollides(tensor: whole, first: sources[whole] ?? whole, second: path) }
      let consumed = ExactSet(names)
      let known = self
      self = replacingEntries(
        entries.compactMap { entry in
          if entry.path.isExactly(path) { return Entry(whole, joined) }
          return consumed.contains(entry.path) ? nil : entry
        })
      conversions = known.conversions + [.joined(path: whole, from: names.map { sources[$0] ?? $0 })]
    }
  }
}

extension Registry {
  /// The network that a hub's description beside the weights names; nil where the zoo does not have it.
  public func architecture(for description: HubDescription) -> Architecture? {
    var best: (architecture: Architecture, agreement: Int)?
    for architecture in architectures {
      for original in architecture.originals {
        if let agreement = original.agreement(with: description), agreement > best?.agreement ?? -1 {
          best = (architecture, agreement)
        }
      }
    }
    return best?.architecture
  }

  /// The checkpoint as one of the network that a hub's description names, under the network's own names; nil where the
  /// checkpoint names its network itself, or nothing does.
  ///
  /// - Parameter path: the file's name, for faults.
  public func recognized(
    _ checkpoint: Checkpoint, by adaptation: Adaptation = Adaptation(), path: String
  ) throws -> (checkpoint: Checkpoint, report: LoadReport)? {
    guard checkpoint.metadata.architecture == nil, let hub = checkpoint.hub, let known = architecture(for: hub) else {
      return nil
    }
    return try checkpoint.adapted(to: known, by: adaptation, path: path)
  }
}

// Fitting by structure: where names mean nothing, order and shapes decide.

import AviaryDiagnostics

enum StructureMatching {
  /// A layer of a network: the path that its cells share, and their paths, without counters.
  struct Target {
    let path: String
    var cells: Set<String>
  }

  /// The layers with cells, in the network's order. Cells that follow one another below one path are one layer's; parts
  /// `depthwise` and `pointwise` belong to the layer that has both.
  static func layers(of cells: [CellDescription]) -> [Target] {
    var found: [Target] = []
    for cell in cells where cell.role != .counter {
      var parts = cell.path.split(separator: ".").dropLast()
      if let last = parts.last, last == "depthwise" || last == "pointwise" { parts.removeLast() }
      let path = parts.joined(separator: ".")
      if found.last?.path == path {
        found[found.count - 1].cells.insert(cell.path)
      } else {
        found.append(.init(path: path, cells: [cell.path]))
      }
    }
    return found
  }
}

extension Checkpoint {
  /// The same arrays under the names of a network's cells: the first array for the first cell, and so on. Every shape has
  /// to agree; batch counters may be absent from the file.
  ///
  /// - Parameter path: the file's name, for faults.
  public func renamedByStructure(of cells: [CellDescription], path: String) throws(CheckpointFault) -> Checkpoint {
    var renamed: [Entry] = []
    var rest = entries[...]
    var changes: [LoadReport.Conversion] = []
    func take(_ entry: Entry, for cell: CellDescription) {
      renamed.append(Entry(cell.path, entry.array))
      if !entry.path.isExactly(cell.path) { changes.append(.renamed(path: cell.path, from: entry.path)) }
    }
    for cell in cells {
      if cell.role == .counter {
        // A single integer where the network counts is its counter; anything else belongs to the next cell.
        if let next = rest.first, next.array.count == 1, next.array.integers() != nil {
          take(next, for: cell)
          rest = rest.dropFirst()
        }
        continue
      }
      guard let next = rest.popFirst() else {
        throw .structure(path: path, reason: "the file ends before '\(cell.path)' \(cell.shape)")
      }
      guard next.array.shape == cell.shape else {
        throw .structure(
          path: path,
          reason: "'\(next.path)' \(next.array.shape) is in the place of '\(cell.path)' \(cell.shape) of the network")
      }
      take(next, for: cell)
    }
    if let next = rest.first {
      throw .structure(
        path: path, reason: "the file has \(rest.count) more tensors than the network, from '\(next.path)' on")
    }
    var result = replacingEntries(renamed)
    result.conversions = changes
    return result
  }
}

import AviaryTensors

/// A way in which a frozen set cannot be what is asked for.
public enum FreezeFault: Error, Equatable, CustomStringConvertible {
  /// The pattern is not well formed.
  case badPattern(PathPattern.Fault)
  /// The pattern matches no layer and no cell.
  case matchesNothing(pattern: String, firstPaths: [String])

  public var description: String {
    switch self {
    case .badPattern(let fault): "\(fault)"
    case .matchesNothing(let pattern, let paths):
      "freeze: '\(pattern)' matches no layer; the model has \(paths.joined(separator: ", "))"
    }
  }
}

extension Layer {
  /// Freezes what the patterns match, and nothing else.
  ///
  /// Everything under a frozen path runs as in inference and costs no backward pass; its parameters get no gradient and
  /// are not updated. See `PathPattern` for what a pattern matches.
  public func freeze(_ patterns: [String]) throws(FreezeFault) {
    let inventory = inventory
    // A tied cell has several paths, and any of them may be meant.
    let aliases = Dictionary(grouping: inventory.aliases.keys) { inventory.aliases[$0] ?? $0 }
    let paths = Walk.layers(of: self).map(\.path) + inventory.cells.map(\.path) + inventory.aliases.keys
    var parsed: [PathPattern] = []
    for text in patterns {
      let pattern: PathPattern
      do throws(PathPattern.Fault) {
        pattern = try PathPattern(text)
      } catch {
        throw .badPattern(error)
      }
      guard paths.contains(where: pattern.matches) else {
        let first = Set(inventory.cells.compactMap { $0.path.split(separator: ".").first.map(String.init) })
        throw .matchesNothing(pattern: text, firstPaths: first.sorted())
      }
      parsed.append(pattern)
    }
    for entry in inventory.cells {
      let own = [entry.path] + (aliases[entry.path] ?? [])
      entry.cell.core.isFrozen = parsed.contains { own.contains(where: $0.matches) }
    }
  }
  /// The frozen set as patterns for `freeze`: the paths of the outermost layers, or else cells, that are frozen whole.
  public var frozenPaths: [String] {
    let cells = inventory.cells
    var frozen: [String] = []
    for path in Walk.layers(of: self).map(\.path) + cells.map(\.path) where !path.isEmpty {
      func isBelow(_ other: String) -> Bool { path == other || path.hasPrefix(other + ".") }
      guard !frozen.contains(where: isBelow) else { continue }
      let own = cells.filter { $0.path == path || $0.path.hasPrefix(path + ".") }
      if !own.isEmpty, own.allSatisfy(\.cell.isFrozen) { frozen.append(path) }
    }
    return frozen
  }
}

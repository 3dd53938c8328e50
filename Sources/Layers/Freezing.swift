import AviaryTensors

/// A way in which a frozen set cannot be what is asked for.
public enum FreezeFault: Error, Equatable, CustomStringConvertible {
  /// The pattern is not well formed.
  case badPattern(PathPattern.Fault)
  /// The pattern matches no layer and no cell. `near` is the name most like it.
  case matchesNothing(pattern: String, firstPaths: [String], near: String?)
  /// A range lacks one of its two layers.
  case badRange(range: String)
  /// A bound of a range has nothing that could be frozen, such as a pool.
  case emptyBound(range: String)
  /// The first layer of a range comes after the last one.
  case reversedRange(range: String)

  public var description: String {
    switch self {
    case .badPattern(let fault): "\(fault)"
    case .matchesNothing(let pattern, let paths, let near):
      "'\(pattern)' matches no layer; " + (near.map { "did you mean '\($0)'? " } ?? "")
        + "the network has \(paths.joined(separator: ", "))"
    case .badRange(let range): "'\(range)': a range is two layers, as in layer1..layer3"
    case .emptyBound(let range): "'\(range)': a range begins and ends with layers that hold parameters"
    case .reversedRange(let range):
      "'\(range)' runs backwards: its first layer comes after its last one in the network; swap them"
    }
  }
}

extension Layer {
  /// Freezes the layers that the patterns mean, and nothing else.
  ///
  /// Everything under a frozen path runs as in inference and costs no backward pass; its parameters get no gradient and
  /// are not updated. See `LayerPattern` for what a pattern means.
  public func freeze(_ patterns: [String]) throws(FreezeFault) {
    try LayerSelection(of: self).freeze(patterns, inverted: false)
  }

  /// Freezes everything but the layers that the patterns mean.
  public func freeze(allBut patterns: [String]) throws(FreezeFault) {
    try LayerSelection(of: self).freeze(patterns, inverted: true)
  }

  /// Takes the layers that the patterns mean out of the frozen set, and leaves the others as they are.
  public func unfreeze(_ patterns: [String]) throws(FreezeFault) {
    try LayerSelection(of: self).unfreeze(patterns)
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
    return frozen.map(asPattern)
  }

  /// A layer may have the name of a word that means something else.
  private func asPattern(_ path: String) -> String {
    let isWord = ["head", "backbone"].contains(path)
    return isWord && (self as? any Network)?.headPath != path ? path + ".**" : path
  }
}

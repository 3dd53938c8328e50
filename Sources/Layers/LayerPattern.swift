import AviaryDiagnostics
import AviaryTensors

/// What a person names of a network: some of its layers.
///
/// - `head` is the layer that is replaced for other classes, with the auxiliary heads; `backbone` is everything else. A layer
///   of one of these names that is neither is written `head.**`.
/// - `layer1..layer3` is a range: from the first layer to the last one, both included, in the order in which the network lists
///   its layers.
/// - Anything else is a `PathPattern`.
public enum LayerPattern: Sendable, Hashable {
  /// Everything but the heads.
  case backbone
  /// The head, and auxiliary heads.
  case head
  /// What a pattern of paths matches.
  case path(PathPattern)
  /// From the first layer to the last one, both included.
  indirect case range(LayerPattern, LayerPattern)

  /// Parses a pattern: see `LayerPattern`.
  public init(_ text: String) throws(FreezeFault) {
    let bounds = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard bounds.count == 1 else {
      guard !bounds.contains(""), !bounds[1].hasPrefix("."), !bounds[1].contains("..") else {
        throw .badRange(range: text)
      }
      self = .range(try LayerPattern(bounds[0]), try LayerPattern(bounds[1]))
      return
    }
    switch text {
    case "backbone": self = .backbone
    case "head": self = .head
    default:
      do throws(PathPattern.Fault) { self = .path(try PathPattern(text)) } catch { throw .badPattern(error) }
    }
  }
}

/// The cells of a model that patterns of layers mean.
struct LayerSelection {
  private let network: (any Network)?
  private let cells: [Inventory.Entry]
  /// All paths of each cell: a tied cell has several, and any of them may be meant.
  private let paths: [[String]]
  /// The layers' and the cells' paths, in the order of the network.
  private let names: [String]

  init(of model: some Layer) {
    let inventory = model.inventory
    let aliases = Dictionary(grouping: inventory.aliases.keys) { inventory.aliases[$0] ?? $0 }
    network = model as? any Network
    cells = inventory.cells
    paths = cells.map { [$0.path] + (aliases[$0.path] ?? []) }
    names = Walk.layers(of: model).map(\.path).filter { !$0.isEmpty } + paths.flatMap { $0 }
  }

  /// Freezes the cells that the patterns mean, or with `inverted` all others, and no cell else.
  func freeze(_ texts: [String], inverted: Bool) throws(FreezeFault) {
    var chosen = Array(repeating: false, count: cells.count)
    for text in texts {
      let pattern = try LayerPattern(text)
      let meant = try places(pattern, of: text)
      for place in meant { chosen[place] = true }
    }
    for (place, cell) in cells.enumerated() { cell.cell.core.isFrozen = chosen[place] != inverted }
  }

  /// Unfreezes the cells that the patterns mean.
  func unfreeze(_ texts: [String]) throws(FreezeFault) {
    for text in texts {
      for place in try places(LayerPattern(text), of: text) { cells[place].cell.core.isFrozen = false }
    }
  }

  /// The places of the cells that a pattern means. A layer without cells has none.
  private func places(_ pattern: LayerPattern, of text: String) throws(FreezeFault) -> [Int] {
    switch pattern {
    case .backbone, .head:
      guard let network else { return try places(literal(pattern), of: text) }
      return cells.indices.filter { network.isInHead(cells[$0].path) == (pattern == .head) }
    case .path(let pattern):
      guard names.contains(where: pattern.matches) else { throw matchesNothing(pattern.description) }
      return paths.indices.filter { paths[$0].contains(where: pattern.matches) }
    case .range(let first, let last):
      let (start, end) = (try bound(first, of: text), try bound(last, of: text))
      guard start.first <= end.first else { throw .reversedRange(range: text) }
      return Array(start.first...max(start.last, end.last))
    }
  }

  /// The first and the last cell of a range's bound.
  private func bound(_ pattern: LayerPattern, of text: String) throws(FreezeFault) -> (first: Int, last: Int) {
    let places = try places(pattern, of: text)
    guard let first = places.first, let last = places.last else { throw .emptyBound(range: text) }
    return (first, last)
  }

  /// Where there is no head to mean, the words are names.
  private func literal(_ pattern: LayerPattern) throws(FreezeFault) -> LayerPattern {
    do throws(PathPattern.Fault) {
      return .path(try PathPattern(pattern == .head ? "head" : "backbone"))
    } catch {
      throw .badPattern(error)
    }
  }

  private func matchesNothing(_ pattern: String) -> FreezeFault {
    var first: [String] = []
    for path in cells.map(\.path) {
      let component = String(path.prefix { $0 != "." })
      if !first.contains(component) { first.append(component) }
    }
    let words = network == nil ? [] : ["head", "backbone"]
    return .matchesNothing(pattern: pattern, firstPaths: first, near: nearestName(to: pattern, among: names + words))
  }
}

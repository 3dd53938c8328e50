import AviaryDiagnostics
import AviaryTensors

/// Everything that a walk has found in a model.
package struct Inventory {
  package struct Entry {
    package let path: String
    package let cell: any Cell
  }

  /// Cells in the order of the properties, each once.
  package var cells: [Entry] = []
  /// Further paths of cells met before: tied weights. Alias to path.
  package var aliases: [String: String] = [:]

  package var parameters: [Parameter] { cells.compactMap { $0.cell as? Parameter } }
  /// What a checkpoint holds as tensors: all but settings and sites.
  package var stateful: [Entry] { cells.filter { !($0.cell is Setting || $0.cell is Site) } }
  /// What it holds as plain numbers.
  package var settings: [Setting] { cells.compactMap { $0.cell as? Setting } }
}

/// The read-only walk over the stored properties of layers. It is the only place that knows how structure becomes names.
package enum Walk {
  static func inventory(of layer: any Layer) -> Inventory {
    var inventory = Inventory()
    var known: [ObjectIdentifier: String] = [:]
    visit(layer, at: "") { path, cell in
      if let first = known[ObjectIdentifier(cell)] {
        inventory.aliases[path] = first
        return
      }
      known[ObjectIdentifier(cell)] = path
      // A walk that begins further in meets the cell under the end of its path, and leaves it the whole.
      if !cell.path.hasSuffix("." + path) { cell.path = path }
      inventory.cells.append(.init(path: path, cell: cell))
    }
    return inventory
  }

  /// The path of a layer, from that of any cell in it; nil where it has none.
  static func path(of layer: any Layer) -> String? {
    do {
      try visit(layer, at: "") { relative, cell in
        guard cell.path.hasSuffix(relative) else { return }
        let whole = cell.path.dropLast(relative.count)
        throw Found(path: whole.hasSuffix(".") ? String(whole.dropLast()) : String(whole))
      }
    } catch { return (error as? Found)?.path }
    return nil
  }

  /// Ends a walk that has found what it was for.
  private struct Found: Error {
    let path: String
  }

  /// The layers of a model with their paths, from the outside in, the model itself first.
  static func layers(of layer: any Layer) -> [(path: String, layer: any Layer)] {
    var found: [(String, any Layer)] = []
    visit(layer, at: "", entering: { found.append(($0, $1)) }, { _, _ in })
    return found
  }

  private static func visit(
    _ value: Any, at path: String, entering: (String, any Layer) -> Void = { _, _ in },
    _ found: (String, any Cell) throws -> Void
  ) rethrows {
    let mirror = Mirror(reflecting: value)
    // First, since a cast would see through to what is wrapped, which would then be met twice.
    if mirror.displayStyle == .optional {
      if let child = mirror.children.first { try visit(child.value, at: path, entering: entering, found) }
      return
    }
    switch value {
    case let cell as any Cell: return try found(path, cell)
    case let sequence as Sequential:
      // torchvision counts the elements of a sequence and gives the sequence itself no name of its own.
      entering(path, sequence)
      for (index, element) in sequence.elements.enumerated() {
        try visit(element, at: join(path, "\(index)"), entering: entering, found)
      }
      return
    case let layer as any Layer: entering(path, layer)
    case is any LayerConfiguration, is any BinaryInteger, is any BinaryFloatingPoint, is String, is Bool,
      is any RangeExpression:
      return
    default: break
    }
    switch mirror.displayStyle {
    case .collection:
      for (index, child) in mirror.children.enumerated() {
        try visit(child.value, at: join(path, "\(index)"), entering: entering, found)
      }
    case .enum where mirror.children.isEmpty: return
    case .struct where value is any Layer, .enum where value is any Layer:
      for child in mirror.children {
        if let named = child.value as? NamedParameters {
          for entry in named.entries { try found(join(path, entry.name), entry.parameter) }
          continue
        }
        try visit(child.value, at: join(path, snakeCase(child.label ?? "")), entering: entering, found)
      }
    default:
      stopProgram("\(path): a layer cannot hold a \(type(of: value)), in which the walk would find no names")
    }
  }

  private static func join(_ path: String, _ component: String) -> String {
    path.isEmpty ? component : "\(path).\(component)"
  }

  /// Properties are written as Swift writes them and named as torchvision names them: `runningMean`, `running_mean`.
  private static func snakeCase(_ name: String) -> String {
    name.reduce(into: "") { result, character in
      if character.isUppercase {
        result += "_" + character.lowercased()
      } else {
        result.append(character)
      }
    }
  }
}

import AviaryDiagnostics
import AviaryTensors

/// Everything that a walk has found in a model.
package struct Inventory {
  package struct Entry {
    package let path: String
    package let cell: any Cell
  }

  /// Cells in the order of the children, each once.
  package var cells: [Entry] = []
  /// Further paths of cells met before: tied weights. Alias to path.
  package var aliases: [String: String] = [:]

  package var parameters: [Parameter] { cells.compactMap { $0.cell as? Parameter } }
  /// What a checkpoint holds as tensors.
  package var stateful: [Entry] {
    cells.filter { $0.cell is Parameter || $0.cell is Buffer || $0.cell is Counter || $0.cell is IndexTable }
  }
  /// What it holds as plain numbers.
  package var settings: [(path: String, setting: Setting)] {
    cells.compactMap { entry in (entry.cell as? Setting).map { (entry.path, $0) } }
  }

  /// Tells each cell its path. What fills a model does so; looking at one changes nothing.
  func nameCells() {
    for entry in cells { entry.cell.core.path = entry.path }
  }
}

/// The walk over the children of layers, which only reads.
package enum Walk {
  static func inventory(of layer: any Layer) -> Inventory {
    var inventory = Inventory()
    var known: [ObjectIdentifier: String] = [:]
    visit(layer, at: "") { path, cell in
      if let first = known[cell.identity] {
        inventory.aliases[path] = first
        return
      }
      known[cell.identity] = path
      inventory.cells.append(.init(path: path, cell: cell))
    }
    return inventory
  }

  /// The path of a layer in a model, whose cells have these paths, from that of any cell in it; nil where it has none.
  static func path(of layer: any Layer, among paths: (any Cell) -> String?) -> String? {
    do {
      try visit(layer, at: "") { relative, cell in
        guard let whole = paths(cell), whole.hasSuffix(relative) else { return }
        let path = whole.dropLast(relative.count)
        throw Found(path: path.hasSuffix(".") ? String(path.dropLast()) : String(path))
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
    _ layer: any Layer, at path: String, entering: (String, any Layer) -> Void = { _, _ in },
    _ found: (String, any Cell) throws -> Void
  ) rethrows {
    entering(path, layer)
    for child in layer.children {
      let path = path.isEmpty ? child.name : "\(path).\(child.name)"
      switch child.content {
      case .cell(let cell): try found(path, cell)
      case .layer(let layer): try visit(layer, at: path, entering: entering, found)
      case .unknown(let value as Tensor):
        stopProgram(
          "\(path): a layer cannot hold a Tensor of shape \(value.shape) itself: make it a Parameter, a Buffer or a Constant"
        )
      case .unknown(let value):
        stopProgram(
          "\(path): a layer cannot hold a \(type(of: value)), which the walk cannot name: make it a cell, a layer or a LayerConfiguration"
        )
      }
    }
  }
}

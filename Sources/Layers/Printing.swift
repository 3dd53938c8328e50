import AviaryTensors

extension Layer {
  /// The model as a tree: a line a layer with the shapes of its cells and the number of its parameters, then totals.
  public var tree: String {
    let inventory = inventory
    var lines: [String] = []
    for (path, layer) in Walk.layers(of: self) {
      let prefix = path.isEmpty ? "" : path + "."
      let own = inventory.cells.filter { $0.path.hasPrefix(prefix) }
      let direct = own.filter { !$0.path.dropFirst(prefix.count).contains(".") }
      let parameters = own.compactMap { $0.cell as? Parameter }
      let count = parameters.reduce(0) { $0 + $1.count }
      let depth = path.isEmpty ? 0 : path.split(separator: ".").count
      let name = path.split(separator: ".").last.map { "\($0): " } ?? ""
      let shapes = direct.compactMap { entry -> String? in
        guard let parameter = entry.cell as? Parameter else { return nil }
        return "\(entry.path.dropFirst(prefix.count)) \(parameter.shape)"
      }
      var line = String(repeating: "  ", count: depth) + name + typeName(of: layer)
      if !shapes.isEmpty { line += "  " + shapes.joined(separator: ", ") }
      if count > 0 { line += "  \(grouped(count))" }
      if !own.isEmpty, own.allSatisfy(\.cell.isFrozen) { line += "  frozen" }
      lines.append(line)
    }
    lines.append(totals)
    return lines.joined(separator: "\n")
  }

  /// Parameters in all, trainable and frozen, and the bytes they take.
  public var totals: String {
    let all = parameters
    let count = all.reduce(0) { $0 + $1.count }
    let frozen = all.filter(\.isFrozen).reduce(0) { $0 + $1.count }
    return
      "\(grouped(count)) parameters, \(grouped(count - frozen)) trainable, \(grouped(frozen)) frozen, \(grouped(4 * count)) bytes"
  }

}

/// What a layer is called in listings: `Conv2d`, or its activation.
package func typeName(of layer: any Layer) -> String {
  if let activation = layer as? Activation { return activation.name }
  if let named = layer as? any NamedLayer { return type(of: named).name }
  return "\(type(of: layer))"
}

extension Parameter {
  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
}

/// A number with its thousands set apart.
private func grouped(_ number: Int) -> String {
  let digits = Array(String(number).reversed())
  let groups = stride(from: 0, to: digits.count, by: 3).map {
    String(digits[$0..<min($0 + 3, digits.count)].reversed())
  }
  return groups.reversed().joined(separator: ",")
}

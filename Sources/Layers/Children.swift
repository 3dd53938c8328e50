import AviaryDiagnostics

/// A part of a layer, and the name that it has in paths.
public struct Child {
  /// The name, `weight` for instance. It may be a path itself: `blocks.0`.
  public let name: String
  let content: Content

  enum Content {
    case cell(any Cell)
    case layer(any Layer)
    /// A value that is neither, and that nobody knows how to look into.
    case unknown(Any)
  }

  /// A layer under a name.
  public init(_ name: String, _ layer: any Layer) {
    self.init(name, .layer(layer))
  }

  /// A cell under a name.
  public init(_ name: String, _ cell: any Cell) {
    self.init(name, .cell(cell))
  }

  fileprivate init(_ name: String, _ content: Content) {
    self.name = name
    self.content = content
  }

  /// Layers under a common name and their numbers: `blocks.0`, `blocks.1`.
  public static func counted(_ name: String, _ layers: [any Layer]) -> [Child] {
    layers.enumerated().map { Child("\(name).\($0)", $1) }
  }

  /// The stored properties of a layer that are cells, layers, or optionals or arrays of these, under their names with
  /// underscores: `runningMean` is `running_mean`. Plain values are passed over: numbers, strings, booleans, ranges, enums
  /// without payload, and configurations. Anything else stops the walk, with its path.
  public static func properties(of layer: any Layer) -> [Child] {
    var found: [Child] = []
    for property in Mirror(reflecting: layer).children {
      collect(property.value, under: snakeCase(property.label ?? ""), into: &found)
    }
    return found
  }

  private static func collect(_ value: Any, under name: String, into found: inout [Child]) {
    let mirror = Mirror(reflecting: value)
    // First, since a cast would see through to what is wrapped.
    if mirror.displayStyle == .optional {
      if let wrapped = mirror.children.first { collect(wrapped.value, under: name, into: &found) }
      return
    }
    switch value {
    case let cell as any Cell: found.append(Child(name, cell))
    case let layer as any Layer: found.append(Child(name, layer))
    case is any LayerConfiguration, is any BinaryInteger, is any BinaryFloatingPoint, is String, is Bool,
      is any RangeExpression:
      break
    default:
      switch mirror.displayStyle {
      case .collection:
        for (index, element) in mirror.children.enumerated() {
          collect(element.value, under: "\(name).\(index)", into: &found)
        }
      case .enum where mirror.children.isEmpty: break
      default: found.append(Child(name, .unknown(value)))
      }
    }
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

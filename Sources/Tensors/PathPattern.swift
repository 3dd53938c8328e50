import AviaryDiagnostics

/// A pattern over dotted paths such as `layer4.0.conv1`.
///
/// Components match whole and from the front: `layer4` matches `layer4` and everything below it, not `layer40`. `*`
/// stands for one component, `**` for any number of them, none included.
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
  /// Why a text is not a pattern.
  public enum Fault: Swift.Error, Equatable, CustomStringConvertible {
    /// The text is empty, or has an empty component as in `a..b`.
    case emptyComponent(pattern: String)
    /// A star stands beside other characters, as in `conv*`.
    case partialStar(pattern: String, component: String)

    public var description: String {
      switch self {
      case .emptyComponent(let pattern): "pattern '\(pattern)': a component is empty; write it as 'layer4.0'"
      case .partialStar(let pattern, let component):
        "pattern '\(pattern)': '\(component)' mixes a star with other characters; a component is a name, '*' or '**'"
      }
    }
  }

  public let description: String
  private let components: [Substring]

  /// Parses a pattern.
  public init(_ text: String) throws(Fault) {
    let components = text.split(separator: ".", omittingEmptySubsequences: false)
    guard !components.contains("") else { throw .emptyComponent(pattern: text) }
    for component in components where component.contains("*") && component != "*" && component != "**" {
      throw .partialStar(pattern: text, component: String(component))
    }
    description = text
    self.components = components
  }

  /// Whether `path`, or a path above it, is what the pattern describes.
  public func matches(_ path: String) -> Bool {
    let names = path.split(separator: ".", omittingEmptySubsequences: false)
    // The places in the pattern where the names read so far may have led: linear in both lengths, whatever the stars.
    var places = Set([0])
    for name in names {
      skipOver(&places)
      if places.contains(components.count) { return true }
      var next: Set<Int> = []
      for place in places {
        switch components[place] {
        case "**": next.insert(place)
        case "*": next.insert(place + 1)
        case let component where component.isExactly(name): next.insert(place + 1)
        default: break
        }
      }
      places = next
    }
    skipOver(&places)
    return places.contains(components.count)
  }

  /// Adds the places reached by letting `**` stand for nothing.
  private func skipOver(_ places: inout Set<Int>) {
    for place in 0..<components.count where places.contains(place) && components[place] == "**" {
      places.insert(place + 1)
    }
  }
}

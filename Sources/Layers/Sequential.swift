import AviaryTensors

/// Layers one after the other. Elements are counted from 0, and the count is their name: `features.3`.
public struct Sequential: UnaryLayer {
  public let elements: [any UnaryLayer]

  public init(_ elements: [any UnaryLayer]) {
    self.elements = elements
  }

  public func forward(_ x: consuming Tensor) -> Tensor {
    if Observation.isActive { return observed(x) }
    for element in elements { x = element.forward(x) }
    return x
  }

  /// Elements without cells have no path of their own: the sequence knows it for them.
  private func observed(_ x: consuming Tensor) -> Tensor {
    let own = Walk.path(of: self)
    for (index, element) in elements.enumerated() {
      x = Observation.observe(
        x, element.forward, of: { own.map { $0.isEmpty ? "\(index)" : "\($0).\(index)" } })
    }
    return x
  }

  /// The elements in a range, sharing their cells.
  public subscript(range: Range<Int>) -> Sequential { Sequential(Array(elements[range])) }
}

import AviaryDiagnostics
import AviaryTensors

/// Layers one after the other. Elements without names are counted from 0, and the count is their name: `features.3`.
public struct Sequential: UnaryLayer {
  /// The layers, in their order.
  public let elements: [any UnaryLayer]
  private let names: [String]

  /// Layers that are counted from 0.
  public init(_ elements: [any UnaryLayer]) {
    self.elements = elements
    names = elements.indices.map(String.init)
  }

  /// Elements with names of their own, as PyTorch's `Sequential` of an `OrderedDict` has them.
  ///
  /// - Precondition: no two names are the same.
  public init(_ elements: KeyValuePairs<String, any UnaryLayer>) {
    self.init(named: elements.map { ($0.key, $0.value) })
  }

  /// The same for elements that are put together.
  public init(named elements: [(name: String, layer: any UnaryLayer)]) {
    self.elements = elements.map(\.layer)
    names = elements.map(\.name)
    ensure(Set(names).count == names.count, "Sequential: the names \(names) are not distinct")
  }

  public var children: [Child] { zip(names, elements).map { Child($0, $1) } }

  public func forward(_ x: consuming Tensor) -> Tensor {
    if Observation.isActive { return observed(x) }
    for element in elements { x = element.forward(x) }
    return x
  }

  /// Elements without cells have no path of their own: the sequence knows it for them.
  private func observed(_ x: consuming Tensor) -> Tensor {
    let own = Observation.path(of: self)
    for (name, element) in zip(names, elements) {
      x = Observation.observe(element, x, at: own.map { $0.isEmpty ? name : "\($0).\(name)" })
    }
    return x
  }

  /// The elements in a range, sharing their cells.
  public subscript(range: Range<Int>) -> Sequential {
    Sequential(named: range.map { (names[$0], elements[$0]) })
  }

  /// The element at a place.
  public subscript(place: Int) -> any UnaryLayer { elements[place] }
}

import AviaryDiagnostics

/// The classes of several networks brought into one order, that of the first one.
public struct ClassAlignment: Equatable, Sendable {
  /// The classes, in the order of the first network's outputs.
  public let classes: [String]
  /// Of each network, for each class its place among the network's outputs.
  public let orders: [[Int]]

  /// - Parameter members: each network's file, its classes in the order of its outputs, and whether it names them itself.
  /// - Throws: where a network has other classes, names one twice, or only some networks name theirs.
  public init(_ members: [(path: String, classes: [String], isNamed: Bool)]) throws(EnsembleFault) {
    let first = members[0]
    var orders: [[Int]] = []
    for member in members {
      guard member.isNamed == first.isNamed else { throw .unnamedClasses(path: member.path, first: first.path) }
      var places: [ExactText: Int] = [:]
      for (place, name) in member.classes.enumerated() {
        if places.updateValue(place, forKey: ExactText(name)) != nil { throw .sameClass(path: member.path, name: name) }
      }
      var order: [Int] = []
      for name in first.classes {
        guard let place = places.removeValue(forKey: ExactText(name)) else {
          throw .otherClasses(path: member.path, name: name, isMissing: true, first: first.path)
        }
        order.append(place)
      }
      if let other = places.keys.sorted().first {
        throw .otherClasses(path: member.path, name: other.text, isMissing: false, first: first.path)
      }
      orders.append(order)
    }
    classes = first.classes
    self.orders = orders
  }

  /// A line for each network whose classes were in another order.
  public func remarks(_ paths: [String]) -> [String] {
    zip(paths, orders).filter { $1 != Array($1.indices) }.map { path, _ in
      "\(path): its classes are in another order; they are matched by their names"
    }
  }
}

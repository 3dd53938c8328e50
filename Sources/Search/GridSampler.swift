/// All combinations of values, in scikit-learn's order (`ParameterGrid`): settings by name, the last changes fastest. What
/// does not apply has no value, and combinations that become the same by it are tried once.
public struct GridSampler: SettingSampler {
  private let space: SearchSpace
  /// The combinations.
  public let points: [[String: String]]

  /// - Throws: where a setting has no end of values.
  public init(_ space: SearchSpace) throws(SearchFault) {
    self.space = space
    var combinations: [[String: String]] = [[:]]
    for parameter in space.parameters.sorted(by: { $0.name < $1.name }) {
      guard let count = parameter.domain.count else { throw .endless(name: parameter.name) }
      guard combinations.count <= 1_000_000 / count, let values = parameter.domain.values else { throw .tooManyPoints }
      combinations = combinations.flatMap { combination in
        values.map { combination.merging([parameter.name: $0]) { $1 } }
      }
    }
    var known: Set<[String: String]> = []
    let middle = space.parameters.map { _ in 0.5 }
    points = combinations.map { space.values(at: middle, keeping: $0) }.filter { known.insert($0).inserted }
  }

  /// The first combination that no other trial has, so that values given to start with take the place of theirs; the grid
  /// begins anew where all were tried.
  public func suggest(
    trial number: Int, keeping given: [String: String], after history: [Observation]
  ) -> [String: String] {
    let tried = Set(history.map(\.values))
    let fitting = points.filter { point in given.allSatisfy { point[$0.key] == nil || point[$0.key] == $0.value } }
    return fitting.first { !tried.contains($0) } ?? fitting[safe: number % max(1, fitting.count)]
      ?? space.values(at: space.parameters.map { _ in 0.5 }, keeping: given)
  }
}

extension Array {
  /// nil beyond the ends.
  subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}

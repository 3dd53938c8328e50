import AviaryDiagnostics

extension Sequence<String> {
  /// Whether one of them has the same bytes.
  func holds(_ word: String) -> Bool { contains { $0.isExactly(word) } }

  /// The different ones, in the order of their bytes.
  var distinct: [String] { Set(map { ExactText($0) }).sorted().map(\.text) }

  /// Whether all of them differ.
  var areDistinct: Bool {
    var known: Set<ExactText> = []
    return allSatisfy { known.insert(ExactText($0)).inserted }
  }

  /// The place of each; the first of equal ones.
  var places: [ExactText: Int] {
    Dictionary(enumerated().map { (ExactText($1), $0) }, uniquingKeysWith: { first, _ in first })
  }
}

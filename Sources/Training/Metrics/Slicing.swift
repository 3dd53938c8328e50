import AviaryDiagnostics

/// Groups of the items of an evaluation, by something that is known of each: a column of a table, the size of an image.
public struct Slicing: Equatable, Sendable {
  /// Items that have something in common.
  public struct Group: Equatable, Sendable {
    /// What makes items a group.
    public enum Kind: Sendable {
      /// They have a value, or lie in an interval.
      case value
      /// Their values are too rare for groups of their own.
      case rest
      /// They have no value.
      case missing
    }

    /// What makes them a group.
    public let kind: Kind
    /// What they have in common.
    public let name: String
    /// Their places among all items.
    public let items: [Int]
  }

  /// What items are grouped by.
  public let name: String
  /// In the order of the values; those without one, and those of rare words, come last.
  public let groups: [Group]

  /// By words: a group for each, and one for the rarest where they are too many.
  ///
  /// - Parameters:
  ///   - words: of each item; nil where it has none.
  ///   - most: the most groups of words, at least two.
  public init(_ name: String, words: [String?], most: Int = 20) {
    self.init(name, words: words, most: most) { $0 < $1 }
  }

  private init(_ name: String, words: [String?], most: Int, by precedes: (ExactText, ExactText) -> Bool) {
    ensure(most >= 2, "Slicing: \(most) groups of words are fewer than two")
    var places: [ExactText: [Int]] = [:]
    var missing: [Int] = []
    for (place, word) in words.enumerated() {
      if let word { places[ExactText(word), default: []].append(place) } else { missing.append(place) }
    }
    let frequent = places.sorted { a, b in
      a.value.count != b.value.count ? a.value.count > b.value.count : a.key < b.key
    }
    let shown = frequent.count > most ? frequent.prefix(most - 1) : frequent[...]
    var groups = shown.sorted { precedes($0.key, $1.key) }.map {
      Group(kind: .value, name: $0.key.text, items: $0.value)
    }
    let rest = frequent.dropFirst(shown.count)
    if !rest.isEmpty {
      groups.append(Group(kind: .rest, name: "\(rest.count) other values", items: rest.flatMap(\.value).sorted()))
    }
    self.init(name, groups, missing)
  }

  /// By numbers: a group for each of a few values, and otherwise intervals with about as many items each.
  ///
  /// - Parameters:
  ///   - numbers: of each item; nil where it has none.
  ///   - names: how each is written where its text says more than the number, as of long integers; empty where none does. Then
  ///     they are groups as words are, in the order of the numbers.
  ///   - intervals: how many intervals there are at most, at least two.
  public init(_ name: String, numbers: [Double?], names: [String?] = [], intervals: Int = 4) {
    ensure(intervals >= 2, "Slicing: \(intervals) intervals are fewer than two")
    guard names.isEmpty else {
      func place(_ name: ExactText) -> (Double, Int) { (Double(name.text) ?? 0, name.text.utf8.count) }
      self.init(name, words: names, most: 20) { a, b in
        let (first, second) = (place(a), place(b))
        return first == second ? a < b : first < second
      }
      return
    }
    let known = numbers.compactMap { $0?.isFinite == true ? $0 : nil }.sorted()
    let missing = numbers.indices.filter { numbers[$0]?.isFinite != true }
    let values = Set(known).sorted()
    func exact(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }
    func group(_ name: String, where belongs: (Double) -> Bool) -> Group {
      Group(
        kind: .value, name: name,
        items: numbers.indices.filter { numbers[$0].map { $0.isFinite && belongs($0) } ?? false })
    }
    guard values.count > intervals + 1 else {
      self.init(name, values.map { value in group(exact(value)) { $0 == value } }, missing)
      return
    }
    // The first value of each interval but the first.
    var edges: [Double] = []
    for part in 1..<intervals {
      let edge = known[known.count * part / intervals]
      if edge > edges.last ?? known[0] { edges.append(edge) }
    }
    // Five digits, unless that makes two edges look the same.
    let short = edges.map { exact(significant($0, 5)) }
    let isShort = Set(short).count == edges.count
    func text(_ edge: Double) -> String { exact(isShort ? significant(edge, 5) : edge) }
    var groups: [Group] = []
    for place in 0...edges.count {
      let (lower, upper) = (place > 0 ? edges[place - 1] : nil, place < edges.count ? edges[place] : nil)
      let name =
        switch (lower, upper) {
        case (let lower?, let upper?): "\(text(lower)) to below \(text(upper))"
        case (nil, let upper?): "below \(text(upper))"
        case (let lower?, nil): "\(text(lower)) or more"
        case (nil, nil): "all"
        }
      groups.append(group(name) { $0 >= lower ?? -.infinity && $0 < upper ?? .infinity })
    }
    self.init(name, groups, missing)
  }

  private init(_ name: String, _ groups: [Group], _ missing: [Int]) {
    self.name = name
    self.groups = groups + (missing.isEmpty ? [] : [Group(kind: .missing, name: "(missing)", items: missing)])
  }
}

/// The scores of each group of a slicing.
public struct SliceScores: Equatable, Sendable {
  /// The score of one group.
  public struct Row: Equatable, Sendable {
    /// The group.
    public let group: String
    /// What makes its items a group.
    public let kind: Slicing.Group.Kind
    /// The number of its items.
    public let count: Int
    /// The share of right answers, or the root mean squared error.
    public let score: Double
    /// Of a share of right answers, where it lies with a confidence of 95 %.
    public let interval: ScoreInterval?
  }

  /// What items are grouped by.
  public let name: String
  /// A row for each group.
  public let rows: [Row]
  /// How far the groups' scores are from that of all: the largest distance, as a multiple of what chance explains in a group
  /// of that size.
  public let prominence: Double

  /// Of a classification.
  ///
  /// - Parameter isRight: whether each item was predicted right.
  public init(_ slicing: Slicing, isRight: [Bool]) {
    let all = Double(isRight.count { $0 }) / Double(max(isRight.count, 1))
    let deviation = (all * (1 - all)).squareRoot()
    self.init(slicing, all: all, deviation: deviation) { items in
      let right = items.count { isRight[$0] }
      return (Double(right) / Double(items.count), .wilson(correct: right, of: items.count))
    }
  }

  /// Of a regression.
  ///
  /// - Parameter errors: of each item, estimate − target.
  public init(_ slicing: Slicing, errors: [Double]) {
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(values.count, 1)) }
    let squares = errors.map { $0 * $0 }
    let all = mean(squares)
    let deviation = mean(squares.map { ($0 - all) * ($0 - all) }).squareRoot()
    self.init(slicing, all: all, deviation: deviation) { items in
      (mean(items.map { squares[$0] }), nil)
    } shown: {
      $0.squareRoot()
    }
  }

  private init(
    _ slicing: Slicing, all: Double, deviation: Double,
    score: (_ items: [Int]) -> (Double, ScoreInterval?), shown: (Double) -> Double = { $0 }
  ) {
    var (rows, prominence): ([Row], Double) = ([], 0)
    for group in slicing.groups where !group.items.isEmpty {
      let (value, interval) = score(group.items)
      rows.append(
        Row(group: group.name, kind: group.kind, count: group.items.count, score: shown(value), interval: interval))
      if deviation > 0 {
        prominence = max(prominence, abs(value - all) / deviation * Double(group.items.count).squareRoot())
      }
    }
    (name, self.rows, self.prominence) = (slicing.name, rows, prominence)
  }
}

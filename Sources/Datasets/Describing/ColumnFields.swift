import AviaryDiagnostics

/// A column as numbers and as codes of its different values, to be compared with others.
struct ColumnFields {
  /// A number with more different values is a quantity, not a class.
  static let mostClasses = 20

  let isNumeric: Bool
  /// nil where missing; for words, too.
  let numbers: [Double?]
  /// The number of each field's value in `names`; nil where missing.
  let codes: [Int?]
  let names: [String]

  init(_ column: Table.Column) {
    var known: [ExactText: Int] = [:]
    var names: [String] = []
    // By their names, not as Double, which does not tell long integers apart.
    codes = TablePreprocessing.classNames(column, Array(0..<column.values.count)).map { name in
      guard let name else { return nil }
      if let code = known[ExactText(name)] { return code }
      known[ExactText(name)] = names.count
      names.append(name)
      return names.count - 1
    }
    self.names = names
    switch column.values {
    case .numeric(let values): (isNumeric, numbers) = (true, values)
    case .categorical(let values): (isNumeric, numbers) = (false, values.map { _ in nil })
    }
  }

  var distinct: Int { names.count }
  var present: Int { codes.count { $0 != nil } }

  /// Each value and how often it is there, the most frequent first.
  var counts: [(name: String, count: Int)] {
    var counts = Array(repeating: 0, count: names.count)
    for code in codes { if let code { counts[code] += 1 } }
    return names.indices.sorted { (counts[$1], names[$0]) < (counts[$0], names[$1]) }.map { (names[$0], counts[$0]) }
  }

  func described(as name: String) -> TableDescription.Column {
    let values = numbers.compactMap { $0 }
    var summary: TableDescription.Numbers?
    if let least = values.min(), let most = values.max() {
      let mean = ColumnStatistics.mean(values)
      summary = .init(
        least: least, mean: mean, deviation: ColumnStatistics.deviation(values, mean: mean),
        median: ColumnStatistics.median(values), most: most,
        histogram: ColumnStatistics.histogram(values, from: least, to: most, bins: TableDescription.Numbers.bins))
    }
    return TableDescription.Column(
      name: name, kind: isNumeric ? .numeric : .categorical, missing: codes.count - present, distinct: distinct,
      numbers: summary, words: isNumeric ? [] : counts.prefix(5).map { ($0.name, $0.count) })
  }

  /// Why nothing can be learnt from the column; nil where something can.
  var uselessness: String? {
    if present == 0 { return "every field is missing" }
    if distinct == 1 { return "all fields are the same" }
    if isNumeric, Set(numbers).subtracting([nil]).count == 1 {
      return "all fields are the same to a network: they differ in digits that no number keeps"
    }
    if !isNumeric, present > 20, distinct == present, !Table.Column.areTexts(names) {
      return "every field is different: it names the rows"
    }
    return nil
  }

  // MARK: With the target

  func association(with target: ColumnFields) -> TableDescription.Association? {
    let value: Double?
    let measure: TableDescription.Association.Measure
    switch (isNumeric, target.isNumeric) {
    case (true, true): (measure, value) = (.correlation, Self.pearson(numbers, target.numbers))
    case (true, false):
      (measure, value) = (.correlationRatio, Self.ratio(of: numbers, by: target.codes, target.distinct))
    case (false, true): (measure, value) = (.correlationRatio, Self.ratio(of: target.numbers, by: codes, distinct))
    case (false, false): (measure, value) = (.cramersV, cramersV(target))
    }
    return value.map { .init(measure: measure, value: $0) }
  }

  /// Why the column gives the target away; nil where it does not.
  func leak(of target: ColumnFields, named name: String) -> String? {
    let pairs = zip(codes, target.codes).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
    guard pairs.count >= 10, distinct > 1, target.distinct > 1 else { return nil }
    var answers: [Int: Int] = [:]
    var isFunction = true
    for (own, answer) in pairs where answers.updateValue(answer, forKey: own) ?? answer != answer {
      isFunction = false
      break
    }
    // Where nearly every value is there once it determines anything; what counts is that values come again.
    if isFunction, answers.count * 2 <= pairs.count {
      return target.distinct == answers.count ? "is \(name) in other words" : "each of its values has one \(name)"
    }
    guard isNumeric else { return nil }
    let known = zip(numbers, zip(target.numbers, target.codes)).compactMap { own, goal in
      own.flatMap { own in goal.1.map { (own, goal.0, $0) } }
    }
    if target.isNumeric, target.distinct > Self.mostClasses {
      let (a, b) = (known.map { Optional($0.0) }, known.map(\.1))
      if let straight = Self.pearson(a, b), abs(straight) > 0.9999 { return "is \(name) in another unit" }
      let ranks = (Self.ranks(a.compactMap { $0 }), Self.ranks(b.compactMap { $0 }))
      if ranks.0.count == ranks.1.count, let order = Self.pearson(ranks.0, ranks.1), abs(order) > 0.9999 {
        return "has the order of \(name)"
      }
      return nil
    }
    // Thresholds that part the classes: as many runs as classes when the rows are in the column's order.
    let sorted = known.sorted { $0.0 < $1.0 }
    var runs = 1
    for (a, b) in zip(sorted, sorted.dropFirst()) where a.2 != b.2 {
      if a.0 == b.0 { return nil }
      runs += 1
    }
    let found = Set(sorted.map(\.2)).count
    return sorted.count >= 10 * found && runs == found ? "thresholds on it part the values of \(name)" : nil
  }

  /// Pearson's coefficient over the rows that have both numbers; nil where one of them is constant.
  static func pearson(_ a: [Double?], _ b: [Double?]) -> Double? {
    let pairs = zip(a, b).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
    guard pairs.count > 1 else { return nil }
    let means = (ColumnStatistics.mean(pairs.map(\.0)), ColumnStatistics.mean(pairs.map(\.1)))
    var (product, first, second) = (0.0, 0.0, 0.0)
    for (a, b) in pairs {
      product += (a - means.0) * (b - means.1)
      first += (a - means.0) * (a - means.0)
      second += (b - means.1) * (b - means.1)
    }
    let value = product / (first.squareRoot() * second.squareRoot())
    return value.isFinite ? min(max(value, -1), 1) : nil
  }

  /// The ranks of numbers, equal ones sharing their mean.
  static func ranks(_ values: [Double]) -> [Double?] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double?](repeating: nil, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end + 1 < order.count, values[order[end + 1]] == values[order[start]] { end += 1 }
      for place in start...end { ranks[order[place]] = Double(start + end) / 2 }
      start = end + 1
    }
    return ranks
  }

  /// The root of the share of the numbers' variance that lies between the groups.
  static func ratio(of numbers: [Double?], by codes: [Int?], _ groups: Int) -> Double? {
    let pairs = zip(numbers, codes).compactMap { a, b in a.flatMap { a in b.map { (a, $0) } } }
    guard pairs.count > 1 else { return nil }
    var sums = Array(repeating: (sum: 0.0, count: 0.0), count: groups)
    for (number, group) in pairs { sums[group] = (sums[group].sum + number, sums[group].count + 1) }
    let mean = ColumnStatistics.mean(pairs.map(\.0))
    let total = pairs.reduce(0) { $0 + ($1.0 - mean) * ($1.0 - mean) }
    let between = sums.reduce(0) { sum, group in
      group.count == 0 ? sum : sum + group.count * (group.sum / group.count - mean) * (group.sum / group.count - mean)
    }
    let value = (between / total).squareRoot()
    return value.isFinite ? min(value, 1) : nil
  }

  private func cramersV(_ target: ColumnFields) -> Double? {
    let pairs = zip(codes, target.codes).compactMap { a, b in a.flatMap { a in b.map { [a, $0] } } }
    let smaller = min(distinct, target.distinct) - 1
    guard pairs.count > 1, smaller > 0 else { return nil }
    var (rows, columns) = (Array(repeating: 0.0, count: distinct), Array(repeating: 0.0, count: target.distinct))
    var cells: [[Int]: Double] = [:]
    for pair in pairs {
      rows[pair[0]] += 1
      columns[pair[1]] += 1
      cells[pair, default: 0] += 1
    }
    // χ²/n = Σ observed²/(row · column) − 1: cells without rows add nothing.
    let share = cells.reduce(0) { $0 + $1.value * $1.value / (rows[$1.key[0]] * columns[$1.key[1]]) } - 1
    let value = (max(share, 0) / Double(smaller)).squareRoot()
    return value.isFinite ? min(value, 1) : nil
  }
}

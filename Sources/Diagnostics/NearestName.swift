/// The name that is most like a misspelt one, by Levenshtein's distance; nil if none is like it.
package func nearestName(to name: String, among names: some Sequence<String>) -> String? {
  let near = names.compactMap { candidate -> (distance: Int, name: String)? in
    guard candidate.utf8.count < 1024, name.utf8.count < 1024 else { return nil }
    let distance = EditDistance.between(name, candidate)
    // Of short words no more than half may differ.
    return distance <= max(min(3, name.count / 2), name.count / 3) ? (distance, candidate) : nil
  }
  return near.min { ($0.distance, $0.name) < ($1.distance, $1.name) }?.name
}

/// Levenshtein's distance: insertions, deletions and replacements that turn one text into another.
package enum EditDistance {
  package static func between(_ first: String, _ second: String) -> Int {
    let a = Array(first.utf8)
    let b = Array(second.utf8)
    var row = Array(0...b.count)
    for (i, left) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, right) in b.enumerated() {
        let replaced = diagonal + (left == right ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
      }
    }
    return row[b.count]
  }
}

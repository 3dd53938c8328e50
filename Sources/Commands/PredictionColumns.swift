import Aviary
import AviaryDiagnostics

/// Predictions as the rows of a table. The members of nested objects are columns of their own, `outputs.a.value`; of lists of
/// objects the first has their names and the others a number behind them, `class`, `probability`, `class_2`, `probability_2`.
struct PredictionColumns {
  private(set) var names: [String] = []
  /// Of each prediction, in the order of the names; nil where it has no such member.
  private(set) var rows: [[JSONValue?]] = []

  /// So many numbers of a list have a column each; a longer list is one text.
  private static let mostNumbers = 100

  init(_ predictions: [JSONValue]) {
    var places: [ExactText: Int] = [:]
    var known: Set<String> = []
    for prediction in predictions {
      var row: [JSONValue?] = Array(repeating: nil, count: names.count)
      for (name, value) in Self.flattened(prediction) {
        let place = places[ExactText(name)] ?? names.count
        if place == names.count {
          places[ExactText(name)] = place
          // Databases do not tell letters from capital ones in names.
          var own = name
          var number = 2
          while !known.insert(own.lowercased()).inserted {
            own = "\(name)_\(number)"
            number += 1
          }
          names.append(own)
        }
        while row.count <= place { row.append(nil) }
        row[place] = value
      }
      rows.append(row)
    }
    for place in rows.indices {
      rows[place] += Array(repeating: nil, count: names.count - rows[place].count)
    }
  }

  private static func flattened(_ prediction: JSONValue) -> [(String, JSONValue)] {
    (prediction.members ?? []).flatMap { flattened($0.name, $0.value, prefix: "") }
  }

  private static func flattened(_ name: String, _ value: JSONValue, prefix: String) -> [(String, JSONValue)] {
    switch value {
    case .null, .boolean, .number, .text: return [(prefix + name, value)]
    case .object(let members):
      return members.flatMap { flattened($0.name, $0.value, prefix: "\(prefix)\(name).") }
    case .array(let elements):
      if let texts = value.texts { return [(prefix + name, .text(texts.joined(separator: " ")))] }
      if elements.allSatisfy({ $0.members != nil }) {
        return elements.enumerated().flatMap { place, element in
          (element.members ?? []).flatMap { member -> [(String, JSONValue)] in
            let own = name == "classes" && member.name == "name" ? "class" : member.name
            return flattened(place == 0 ? own : "\(own)_\(place + 1)", member.value, prefix: prefix)
          }
        }
      }
      guard elements.count <= mostNumbers else { return [(prefix + name, .text(value.serialized))] }
      return elements.enumerated().flatMap { flattened("\(name)_\($0 + 1)", $1, prefix: prefix) }
    }
  }

  /// A header and the rows, as `Table(csv:)` reads them.
  func text(separator: Character) -> String {
    let special: Set<Character> = [separator, "\"", ";", "\t"]
    func quoted(_ text: String) -> String {
      let needsQuotes = text.contains { special.contains($0) || $0.isNewline }
      return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
    func line(_ fields: [String]) -> String { fields.map(quoted).joined(separator: String(separator)) + "\n" }
    return line(names) + rows.map { line($0.map(Self.field)) }.joined()
  }

  private static func field(_ value: JSONValue?) -> String {
    switch value {
    case nil, .null?: ""
    case .text(let text)?: text
    case .some(let other): other.serialized
    }
  }
}

import AviaryArchives
import AviaryCheckpoints
import AviaryDatasets
import AviaryDiagnostics

extension ClassOptions.Weights {
  /// The weights in a file: a line `class,weight` for each class, perhaps below such a header, or a JSON object of numbers by
  /// the classes' names.
  public init(file path: String) throws(TrainingFault) {
    let bytes: [UInt8]
    do throws(ArchiveFault) { bytes = try MappedFile(path: path, map: false).bytes.array() } catch {
      throw .classWeightsFile(path: path, reason: "cannot be read (\(error))")
    }
    guard let text = TextEncoding.text(bytes) else { throw .classWeightsFile(path: path, reason: "is not UTF-8") }
    let weights = text.drop { $0.isWhitespace }.first == "{" ? try Self.object(text, path) : try Self.lines(text, path)
    var names = ExactSet()
    for weight in weights {
      guard names.insert(weight.name) else {
        throw .classWeightsFile(path: path, reason: "'\(weight.name)' has two weights")
      }
      guard weight.weight >= 0, weight.weight.isFinite else {
        throw .classWeightsFile(path: path, reason: "the weight of '\(weight.name)' is not a number of 0 or more")
      }
    }
    guard weights.contains(where: { $0.weight > 0 }) else {
      throw .classWeightsFile(path: path, reason: "no class has a weight above 0")
    }
    self = .given(weights)
  }

  private static func object(_ text: String, _ path: String) throws(TrainingFault) -> [ClassOptions.ClassWeight] {
    let members = (try? JSONValue(parsing: text))?.members ?? []
    var weights: [ClassOptions.ClassWeight] = []
    for member in members {
      guard let number = member.value.double else {
        throw .classWeightsFile(path: path, reason: "the weight of '\(member.name)' is not a number")
      }
      weights.append(.init(member.name, number))
    }
    guard !weights.isEmpty else { throw .classWeightsFile(path: path, reason: "is not a JSON object with weights") }
    return weights
  }

  private static func lines(_ text: String, _ path: String) throws(TrainingFault) -> [ClassOptions.ClassWeight] {
    var weights: [ClassOptions.ClassWeight] = []
    for (index, line) in text.split(whereSeparator: \.isNewline).enumerated() {
      guard let comma = line.lastIndex(of: ","), let weight = Double(trimmed(line[line.index(after: comma)...])) else {
        // A header has no number.
        if index == 0, line.contains(",") { continue }
        throw .classWeightsFile(path: path, reason: "line \(index + 1) does not end with a comma and a number")
      }
      weights.append(.init(unquoted(trimmed(line[..<comma])), weight))
    }
    guard !weights.isEmpty else { throw .classWeightsFile(path: path, reason: "has no weights") }
    return weights
  }

  private static func trimmed(_ text: Substring) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }

  private static func unquoted(_ name: String) -> String {
    guard name.count >= 2, name.hasPrefix("\""), name.hasSuffix("\"") else { return name }
    return String(name.dropFirst().dropLast()).replacing("\"\"", with: "\"")
  }
}

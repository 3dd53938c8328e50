import AviaryArchives
import AviaryDatasets
import AviaryTensors
import Foundation

/// The items that a run holds out beside those that choose the best epoch.
public enum HeldOutPart: Sendable {
  /// The test part, or what a fold holds out.
  case test
  /// What a bootstrap sample did not draw.
  case outOfBag
}

/// What a network made of items that it did not learn from, as `out-of-fold.csv` has it: a line for each item with the fold,
/// the truth, the prediction, and the probability of each class.
public struct PredictionTable: Equatable, Sendable {
  /// One item and what was predicted of it.
  public struct Row: Equatable, Sendable {
    /// The path of an image, the number of a row or graph; behind a slash that of a token or step, from 1.
    public var item: String
    /// The number of the run that predicted it, from 1; nil before it is known.
    public var run: Int?
    /// The name of its class, or its number in the data's units.
    public var truth: String
    /// The class that is predicted, or the estimate.
    public var predicted: String
    /// Of each class; empty of numbers.
    public var probabilities: [Float]
  }

  /// The classes in the order of probabilities; empty where numbers are estimated.
  public let classes: [String]
  /// The items, in the order in which they were added.
  public private(set) var rows: [Row] = []

  /// A table without rows.
  public init(classes: [String]) { self.classes = classes }

  /// Adds an item.
  public mutating func add(_ row: Row) { rows.append(row) }

  /// Adds a batch.
  ///
  /// - Parameters:
  ///   - names: of the items.
  ///   - outputs: what the network made of them: logits, or numbers as they are learned.
  ///   - decision: which class is predicted of the probabilities.
  ///   - restored: what an output says in the data's own units.
  mutating func add(
    _ names: [String], _ target: LabeledBatch<some Any>.Target, outputs: Tensor, decision: ClassDecision,
    restored: (Float) -> Double
  ) {
    switch target {
    case .classes(let labels):
      let probabilities = inference { softmax(outputs) }.scalars
      for (place, (name, label)) in zip(names, labels.scalars).enumerated() {
        add(
          name, label: Int(label), Array(probabilities[place * classes.count..<(place + 1) * classes.count]), decision)
      }
    case .steps(let labels):
      let steps = labels.shape[1]
      let probabilities = inference { softmax(outputs.reshaped(to: [labels.scalars.count, -1])) }.scalars
      for (place, label) in labels.scalars.enumerated() where label >= 0 {
        add(
          "\(names[place / steps])/\(place % steps + 1)", label: Int(label),
          Array(probabilities[place * classes.count..<(place + 1) * classes.count]), decision)
      }
    case .numbers(let numbers):
      let (width, estimates) = (numbers.shape[1], outputs.scalars)
      for (place, number) in numbers.scalars.enumerated() {
        let name = names[place / width]
        rows.append(
          Row(
            item: width == 1 ? name : "\(name)/\(place % width + 1)", run: nil,
            truth: Self.text(of: number, restored), predicted: Self.text(of: estimates[place], restored),
            probabilities: []))
      }
    }
  }

  /// The number of fewest digits among those that cannot be told from it as it is learned: of the truth, what the data say.
  static func text(of number: Float, _ restored: (Float) -> Double) -> String {
    let value = restored(number)
    let half = abs(restored(number.nextUp) - value) / 2
    if abs(value) <= half { return "0.0" }
    for digits in 0..<17 where value.isFinite {
      if let short = Double(String(format: "%.\(digits)e", value)), abs(short - value) <= half { return "\(short)" }
    }
    return "\(value)"
  }

  private mutating func add(_ name: String, label: Int, _ probabilities: [Float], _ decision: ClassDecision) {
    let predicted = classes[decision.predicted(probabilities)]
    rows.append(
      Row(item: name, run: nil, truth: classes[label], predicted: predicted, probabilities: probabilities))
  }

  // MARK: Files

  /// - Parameter run: what the column of the run is called.
  func csv(run name: String) -> String {
    var text =
      (["item", name, "true", "predicted"] + classes.map { Self.quoted("probability_" + $0) })
      .joined(separator: ",") + "\n"
    for row in rows {
      let fields = [row.item, row.run.map(String.init) ?? "", row.truth, row.predicted].map(Self.quoted)
      text += (fields + row.probabilities.map { "\($0)" }).joined(separator: ",") + "\n"
    }
    return text
  }

  /// As a run keeps it.
  func csv(_ parts: PartOptions) -> String {
    var numbered = self
    let number = parts.fold.map { $0.repetition * $0.folds + $0.fold } ?? parts.sample ?? 0
    for place in rows.indices { numbered.rows[place].run = number + 1 }
    return numbered.csv(run: parts.sample == nil ? "fold" : "member")
  }

  private static func quoted(_ field: String) -> String {
    guard field.utf8.contains(where: { [0x22, 0x2c, 0x0a, 0x0d].contains($0) }) else { return field }
    return "\"" + field.replacing("\"", with: "\"\"") + "\""
  }

  /// Reads what a run wrote.
  init(reading path: String) throws(RunFault) {
    let bytes: [UInt8]
    do throws(ArchiveFault) { bytes = try MappedFile(path: path, map: false).bytes.array() } catch {
      throw .cannotRead(path: path, reason: "\(error)")
    }
    var reader = CSVReader(bytes, path: path)
    func next() throws(RunFault) -> CSVReader.Record? {
      do throws(TableFault) { return try reader.next() } catch { throw .cannotRead(path: path, reason: "\(error)") }
    }
    let (known, prefix) = (4, "probability_")
    guard let header = try next(), header.fields.count >= known,
      header.fields.dropFirst(known).allSatisfy({ $0.hasPrefix(prefix) })
    else { throw .damagedTable(path: path, line: 1) }
    classes = header.fields.dropFirst(known).map { String($0.dropFirst(prefix.count)) }
    while let record = try next() {
      let fields = record.fields
      let probabilities = fields.dropFirst(known).compactMap { Float($0) }
      guard fields.count == header.fields.count, probabilities.count == classes.count, let run = Int(fields[1]) else {
        throw .damagedTable(path: path, line: record.row)
      }
      rows.append(
        Row(item: fields[0], run: run, truth: fields[2], predicted: fields[3], probabilities: probabilities))
    }
  }
}
